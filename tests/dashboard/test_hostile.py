"""Requests that mean harm, or make no sense: nothing is read, run or lost that should not be.

The secret stands in a file beside the allowed folders; no answer may hold it, no request may
change any file but the dashboard's own, and after each the server answers as before.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from bit_transformer.dashboard import security
from bit_transformer.dashboard.app import create_app
from tests.dashboard.asking import LIMIT_S, UPLOADED, Client
from tests.dashboard.conftest import Server

SECRET = "the-secret-that-nobody-may-read"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    (place / "secret.txt").write_text(SECRET)
    (place / "allowed").mkdir()
    (place / "allowed" / "open.txt").write_text("hello")
    (place / "allowed" / "link").symlink_to(place / "secret.txt")
    (place / "runs").mkdir()
    return place


@pytest.fixture(scope="module")
def attacked(place: Path) -> Iterator[Server]:
    """One server for all attacks, which must outlive every one of them."""
    from bit_transformer.dashboard.config import DashboardConfig

    config = DashboardConfig(
        runs=place / "runs", roots=(place / "allowed",), max_upload_bytes=1000, max_uploads=8,
        max_body_bytes=20_000,
    )  # fmt: skip
    server = Server(config)
    server.start()
    server.write_run("open", num_steps=20)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def unharmed(attacked: Server, place: Path) -> Iterator[None]:
    """After each attack: the server answers, and no file but the dashboard's own has changed."""
    before = _files(place)
    yield
    assert Client(attacked.url).get("/status")["version"]
    assert _files(place) == before
    assert {path.name for path in (place / "runs").iterdir()} <= {"open", ".dashboard"}


def _files(place: Path) -> dict[str, int]:
    found = [path for path in place.rglob("*") if ".dashboard" not in path.parts]
    return {str(path): path.stat().st_mtime_ns for path in found if path.is_file()}


def raw(server: Server, request: bytes) -> bytes:
    """What comes back for bytes that may be no HTTP at all."""
    with socket.create_connection(("127.0.0.1", server.config.port), timeout=LIMIT_S) as line:
        parts = []
        with suppress(ConnectionError):  # who has heard enough may hang up
            line.sendall(request)
            while part := line.recv(65_536):
                parts.append(part)
    return b"".join(parts)


PATHS = [
    "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/%2e%2e/etc/passwd", "/..\\secret.txt",
    "//etc/passwd", "/static/../../app.py", "/%00", "/index.html%00.txt", "/./././app.py",
    "/api/v1/../../etc/passwd", "/api/v1/runs/..%2f..%2fetc", "/api/v1/runs/%2e%2e/metrics",
    "/api/v1/downloads/..%2f..%2f..%2fsecret.txt", "/api/v1/downloads/%2fetc%2fpasswd",
    "/api/v1/files?path=../secret.txt", "/api/v1/files?path=%2fetc", "/api/v1/files?path=%00",
    "/api/v1/files?path={place}/allowed/../secret.txt", "/api/v1/files?path={place}/allowed/link",
    "/api/v1/files?path=file:///etc/passwd", "/api/v1/runs/x/metrics?since=../../x",
    "/api/v1/runs/open/metrics?max_points=99999999999999999999", "/vendor/../app.py",
    "/api/v1/runs/open/metrics?until=-1", "/api/v1/runs/open/metrics?wait_s=1e309",
    "/api/v1/runs/open/metrics?wait_s=nan", "/api/v1/runs/open/samples?last=0", "/%ff%fe",
    "/api/v1/runs/%ff", "/api/v1/runs/open%0d%0aSet-Cookie:x=1/metrics.csv",
    "/vendor/%2e%2e/app.py",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_address_leads_out(attacked: Server, place: Path, path: str):
    target = path.replace("{place}", str(place))
    answer = raw(
        attacked,
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode("latin-1"),
    )
    status = int(answer.split()[1])
    assert (status < 500 and status != 200) or b"<!doctype html" in answer.lower()
    assert SECRET.encode() not in answer
    assert b"root:" not in answer
    assert b"create_app" not in answer
    assert b"set-cookie" not in answer.partition(b"\r\n\r\n")[0].lower()


HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /api/v1/generate HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        POST + b"Content-Length: -5\r\n\r\n{}",
        POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"2000\r\n" + b" " * 0x2000 + b"\r\n"
        + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 3 + b"0\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"TRACE / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_proper_request_gets_no_more_than_a_refusal(
    attacked: Server, request_bytes: bytes
):
    answer = raw(attacked, request_bytes.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    status = int(answer.split()[1]) if answer.startswith(b"HTTP/") else 400
    assert status < 500
    assert b"Traceback" not in answer
    is_page = request_bytes.startswith(b"GET") and b"<!doctype html" in answer.lower()
    assert status >= 400 or is_page


BODIES = [
    b"", b"{", b"null", b"[]", b'"x"', b"1", b"NaN", b'{"run": NaN}', b"\xff\xfe{}", b"[" * 9000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000, b"1" * 19_000, b'{"run": 1e999}', b'{"__class__": "x"}',
    b'{"run": "open", "run": "../../x"}', b'{"run": "\\ud800"}', b'{"run": "\\u0000"}',
    b'{"recipe": "tiny", "name": ["x"]}', b'{"recipe": {"$ref": "x"}}',
    b"cos\nsystem\n(S'true'\ntR.", b"\x80\x04\x95", b"<?xml version='1.0'?><x/>",
]  # fmt: skip
POSTS = [
    path
    for path, methods in create_app().openapi()["paths"].items()
    if "post" in methods and "uploads" not in path and "session" not in path
]


@pytest.mark.parametrize("path", POSTS)
def test_no_body_makes_a_route_fail_in_an_unforeseen_way(attacked: Server, path: str):
    target = attacked.url + path.replace("{run_id}", "open")
    headers = {"Content-Type": "application/json"}
    with httpx.Client(timeout=LIMIT_S) as client:
        for body in BODIES:
            answer = client.post(target, content=body, headers=headers)
            if answer.status_code == 201:
                pytest.fail(f"{body[:40]!r} started something")
            assert answer.status_code < 500, (body[:40], answer.text)
            assert answer.status_code >= 400, (body[:40], answer.text)
            error = answer.json()["error"]
            assert error["what"]
            assert error["fix"]
            assert len(answer.content) < 10_000
            assert "Traceback" not in answer.text


STRANGE = [
    None, True, -1, 0, 2**63, 1e308, "", "x" * 5000, "../../etc/passwd", "\0", "'; rm -rf /",
    "$(touch pwned)", "${jndi:ldap://x}", [], ["x"] * 100, {},
    {"kind": "path", "value": "/etc/passwd"},
    {"kind": "upload", "value": "../secret"}, {"kind": "text", "value": None}, {"kind": "eval"},
]  # fmt: skip


WRONG = {
    "run": "nothing",
    "recipe": "nothing",
    "name": "../../x",
    "source": {"kind": "hex", "value": "0"},
}
"""What no request gets through with, so that whatever else it has, nothing happens."""


@pytest.mark.parametrize("path", [path for path in POSTS if "{run_id}" not in path])
def test_no_strange_value_of_any_field_gets_through(attacked: Server, path: str):
    schema = create_app().openapi()
    body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]["properties"]
    with httpx.Client(timeout=LIMIT_S) as client:
        for field in (*fields, "unknown"):
            for value in STRANGE:
                sent = {name: one for name, one in WRONG.items() if name in fields}
                sent |= {field: value}
                answer = client.post(attacked.url + path, json=sent)
                assert 400 <= answer.status_code < 500, (sent, answer.text)
                assert SECRET not in answer.text
                assert "root:" not in answer.text


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "path", "value": "/etc/passwd"},
        {"kind": "path", "value": "{place}/secret.txt"},
        {"kind": "path", "value": "{place}/allowed/link"},
        {"kind": "path", "value": "{place}/allowed/../secret.txt"},
        {"kind": "path", "value": "{place}/runs/open/config.json"},
        {"kind": "path", "value": "/proc/self/environ"},
        {"kind": "path", "value": "/dev/zero"},
        {"kind": "path", "value": "{place}/allowed"},
        {"kind": "upload", "value": "{place}/secret.txt"},
        {"kind": "upload", "value": "../../../secret"},
    ],
)
def test_no_source_reads_outside_the_roots(attacked: Server, place: Path, source: dict[str, str]):
    client = Client(attacked.url)
    source = {name: value.replace("{place}", str(place)) for name, value in source.items()}
    for path in ("/codecs/compress", "/codecs/decompress", "/codecs/compare", "/telemetry"):
        answer = client.http.post(path, json={"source": source})
        assert answer.status_code in (403, 404, 422)
        assert SECRET not in answer.text
    data = [source["value"]] if source["kind"] == "path" else [{"upload": source["value"]}]
    if source["value"] != f"{place}/allowed":
        answer = client.http.post("/runs", json={"recipe": "tiny", "name": "spy", "data": data})
        assert answer.status_code in (403, 404, 422)
    assert client.post(
        "/codecs/compare", source={"kind": "path", "value": f"{place}/allowed/open.txt"},
        codecs=["stored"],
    )["num_source_bits"] == 40  # fmt: skip


NAMES = [
    "../x", "/abs", "a/b", "a\\b", ".hidden", "-flag", "--resume=x", "x\0y", "x\ny", "", " ", "x y",
    "..", "a..b", "CON ", "x" * 65, "$(id)", "`id`", "%2e%2e", "ü/../x",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_run_is_a_path_or_an_option(attacked: Server, name: str):
    error = Client(attacked.url).error("/runs", 422, recipe="tiny", name=name)
    assert error["kind"] in ("InputError", "RequestError")


def test_uploads_are_limited_and_their_names_lead_nowhere(
    attacked: Server, place: Path, monkeypatch: pytest.MonkeyPatch
):
    client = Client(attacked.url)
    made = [client.upload(b"x", name) for name in ("../../evil", "/etc/cron.d/x", "a\nb", "<b>")]
    assert {one["name"] for one in made} == {"evil", "x", "a_b", "_b_"}
    folder = place / "runs" / ".dashboard" / "uploads"
    assert all(len(path.stem) == 32 for path in folder.iterdir())

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    monkeypatch.setattr(security, "_REST_LIMIT_BYTES", 1 << 20)
    with suppress(httpx.WriteError, httpx.ReadError):  # cut off in the middle of its stream
        answer = client.http.post(
            "/uploads", params={"name": "endless"}, content=endless(), headers=UPLOADED
        )
        assert answer.status_code == 413
    for _ in range(4):
        client.upload(b"y")
    answer = client.http.post("/uploads", params={"name": "ninth"}, content=b"x", headers=UPLOADED)
    assert answer.status_code == 409
    assert answer.json()["error"]["fallbacks"][0]["id"] == "free_space"
    for upload in client.get("/uploads")["uploads"]:
        assert client.http.delete(f"/uploads/{upload['id']}").status_code == 204
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "kind", "headers", "status"),
    [
        ("codecs/compare", "json", "", 413),
        ("codecs/compare", "json", "Origin: http://evil.example\r\n", 403),
        ("codecs/compare", "x-www-form-urlencoded", "", 413),
        ("nothing/here", "json", "", 413),
        ("uploads?name=big", "octet-stream", "", 413),
        ("uploads?name=big", "json", "", 415),
    ],
)
def test_a_refusal_reaches_one_who_is_still_sending(
    path: str, kind: str, headers: str, status: int, attacked: Server
):
    """Answering before all has come, and closing, would lose the answer on its way."""
    body = b"x" * (8 << 20)  # more than sockets hold
    head = (
        f"POST /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
        f"Content-Type: application/{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", attacked.config.port), timeout=LIMIT_S) as line:
        line.sendall(head.encode() + body[: 1 << 20])
        time.sleep(0.3)  # time for an answer that does not wait
        line.sendall(body[1 << 20 :])
        assert line.recv(64).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_sender_that_asks_first_sends_nothing_of_what_is_refused(attacked: Server):
    head = POST + b"Expect: 100-continue\r\nContent-Length: 8000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", attacked.config.port), timeout=LIMIT_S) as line:
        line.sendall(head)
        assert line.recv(64).startswith(b"HTTP/1.1 413 ")


def test_a_compressed_bomb_is_refused_before_it_grows(attacked: Server):
    client = Client(attacked.url)
    # rle: a header that declares 2^61 bytes, then long runs
    bomb = "100" + "0" + "0" * 5 + "1" + "11101" + "0" * 61
    for path in ("/codecs/decompress", "/codecs/inspect"):
        error = client.error(path, 422, source={"kind": "bits", "value": bomb + "01" * 99})
        assert error["kind"] == "CodecError"


def test_many_rude_connections_leave_the_server_answering(attacked: Server):
    def half_a_request(_number: int) -> None:
        with socket.create_connection(("127.0.0.1", attacked.config.port), timeout=LIMIT_S) as line:
            line.sendall(POST + b"Content-Length: 5000\r\n\r\n{")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(half_a_request, range(64)))
    assert Client(attacked.url).get("/runs")["runs"][0]["id"] == "open"


def test_damaged_run_folders_are_shown_as_far_as_they_can_be_read(
    make_server: Callable[..., Server],
):
    server = make_server()
    client = Client(server.url)
    for name in ("config", "status", "metrics", "samples", "best", "control"):
        server.write_run(name, num_steps=10)
    (server.runs / "config" / "config.json").write_text("[1, 2")
    (server.runs / "status" / "status.json").write_text('{"state": "running", "pid": "x"}')
    (server.runs / "metrics" / "metrics.jsonl").write_bytes(b"\xff\n[[[\n{}\n")
    (server.runs / "samples" / "samples.jsonl").write_bytes(b'{"step": 1, "text": 5}\n\0\n')
    (server.runs / "best" / "checkpoints").mkdir()
    (server.runs / "best" / "checkpoints" / "best.json").write_text("{")
    (server.runs / "control" / "control.json").write_text('{"request": "explode"}')
    assert len(client.get("/runs")["runs"]) == 6
    for name in ("config", "status", "metrics", "samples", "best", "control"):
        assert client.get(f"/runs/{name}")["id"] == name
        client.get(f"/runs/{name}/metrics")
        client.get(f"/runs/{name}/samples")
        assert client.http.get(f"/runs/{name}/metrics.csv").status_code == 200
        assert client.http.post(f"/runs/{name}/resume").status_code == 409


def test_the_token_is_not_handed_to_trainings_or_workers(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BIT_TRANSFORMER_TOKEN", "a token of sixteen")
    server = make_server()
    client = Client(server.url)
    client.post("/runs", 201, name="quick", recipe="tiny", budget="1000000steps")
    note = json.loads((server.runs / ".dashboard" / "trainings" / "quick.json").read_text())
    if sys.platform == "linux":
        environment = Path(f"/proc/{note['pid']}/environ").read_bytes()
        assert b"sixteen" not in environment
        assert environment
    client.post("/runs/quick/stop")


def test_the_state_folder_is_readable_only_as_the_runs_are(attacked: Server, place: Path):
    state = place / "runs" / ".dashboard"
    assert state.stat().st_uid == os.getuid()
    answer: Any = Client(attacked.url).http.get("/runs/.dashboard")
    assert answer.status_code == 404
