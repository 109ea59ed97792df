"""Who is let in: hosts, origins, tokens; and what every answer says to a browser."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from bit_transformer.dashboard.app import create_app
from bit_transformer.dashboard.config import DashboardConfig, is_loopback
from bit_transformer.dashboard.security import SignIn
from bit_transformer.errors import ConfigError, DashboardError
from tests.dashboard.asking import LIMIT_S, Client
from tests.dashboard.conftest import Server

TOKEN = "a token of sixteen"
OPEN = {("GET", "/api/v1/status"), ("POST", "/api/v1/session"), ("DELETE", "/api/v1/session")}


def ask(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    with httpx.Client(base_url=server.url, timeout=LIMIT_S) as client:
        return client.request(method, path, **options)


def routes() -> list[tuple[str, str]]:
    schema = create_app().openapi()["paths"]
    return [(method.upper(), path) for path, methods in schema.items() for method in methods]


@pytest.fixture
def locked(make_server: Callable[..., Server]) -> Server:
    return make_server(token=TOKEN)


@pytest.mark.parametrize(("method", "path"), routes())
def test_without_the_token_every_route_is_closed(method: str, path: str, locked: Server):
    path = path.replace("{run_id}", "x").replace("{upload_id}", "x").replace("{result_id}", "x")
    answer = ask(locked, method, path)
    if (method, path) in OPEN:
        assert answer.status_code != 401
    else:
        assert answer.status_code == 401
        error = answer.json()["error"]
        assert error["kind"] == "TokenError"
        assert error["fallbacks"] == [{"id": "sign_in", "label": "Sign in"}]


def test_no_route_of_the_application_is_missing_from_its_schema():
    app = create_app()
    described = {path for _, path in routes()}
    hidden = {"/", "/vendor/plotly.min.js", "/api/docs"}
    found = {route.path for route in app.routes if isinstance(route, APIRoute)}
    assert found - described <= hidden


def test_the_token_opens_by_header_by_cookie_and_by_link(locked: Server):
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(locked, "GET", "/api/v1/runs", headers=bearer).status_code == 200
    assert ask(locked, "GET", "/api/v1/runs", headers={"Authorization": TOKEN}).status_code == 401
    with httpx.Client(base_url=locked.url, timeout=LIMIT_S) as client:
        assert client.post("/api/v1/session", json={"token": TOKEN}).status_code == 204
        assert client.get("/api/v1/runs").status_code == 200
        cookie = next(iter(client.cookies.jar))
        assert TOKEN not in str(cookie.value)
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/runs").status_code == 401
    linked = ask(locked, "GET", "/", params={"token": TOKEN})
    assert linked.status_code == 303
    assert linked.headers["location"] == "/"
    flags = linked.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert ask(locked, "GET", "/", params={"token": "wrong"}).status_code == 401
    assert ask(locked, "GET", "/api/v1/runs", params={"token": TOKEN}).status_code == 401


def test_strangers_are_told_less(locked: Server):
    stranger = ask(locked, "GET", "/api/v1/status").json()
    assert stranger["is_token_needed"]
    assert not stranger["is_signed_in"]
    assert (stranger["runs"], stranger["roots"], stranger["free_disk_bytes"]) == ("", [], None)
    known = ask(locked, "GET", "/api/v1/status", headers={"Authorization": f"Bearer {TOKEN}"})
    assert known.json()["runs"] == str(locked.runs)


def test_tokens_cannot_be_tried_without_end():
    sign_in = SignIn(TOKEN, 1)
    for _ in range(20):
        with pytest.raises(DashboardError, match="not the dashboard's token"):
            sign_in.check("guess")
    with pytest.raises(DashboardError, match="too many") as caught:
        sign_in.check(TOKEN)
    assert caught.value.status == 429
    assert sign_in.knows({"authorization": f"Bearer {TOKEN}"})
    assert not sign_in.knows({"cookie": "\0=;;; bad"})
    assert not sign_in.knows({"cookie": f"{sign_in.cookie_name}=\xff"})


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "", "localhost.", "@"]
)
def test_other_names_of_this_machine_are_refused(server: Server, host: str):
    answer = ask(server, "GET", "/api/v1/status", headers={"Host": host})
    assert answer.status_code in (400, 421)
    if answer.status_code == 421:
        assert answer.json()["error"]["kind"] == "HostError"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/runs"),
        ("POST", "/uploads?name=x"),
        ("DELETE", "/uploads/x"),
        ("POST", "/session"),
    ],
)
def test_pages_of_other_origins_change_nothing(
    server: Server, headers: dict[str, str], method: str, path: str
):
    body = {} if method == "DELETE" else {"content": b"{}"}
    headers = {**headers, "Content-Type": "application/json"}
    answer = ask(server, method, f"/api/v1{path}", headers=headers, **body)
    assert answer.status_code == 403
    assert answer.json()["error"]["kind"] == "CrossOriginError"
    assert list(server.runs.iterdir()) == []


def test_pages_of_other_origins_read_nothing(server: Server):
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert ask(server, "GET", "/api/v1/runs", headers=headers).status_code == 403
    assert ask(server, "GET", "/", headers=headers).status_code == 200  # a link may lead here
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    answer = ask(server, "POST", "/api/v1/session", headers=own, json={"token": ""})
    assert answer.status_code == 204
    assert "access-control-allow-origin" not in answer.headers
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert ask(server, "OPTIONS", "/api/v1/runs", headers=preflight).status_code == 405


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_bodies_that_a_form_could_send_are_refused(server: Server, kind: str):
    headers = {"Content-Type": kind} if kind else {}
    for path in ("/api/v1/runs", "/api/v1/generate", "/api/v1/uploads?name=x"):
        answer = ask(server, "POST", path, content=b'{"recipe": "tiny"}', headers=headers)
        assert answer.status_code == 415
    assert list(server.runs.iterdir()) == []


def test_every_answer_tells_the_browser_to_keep_to_itself(server: Server):
    paths = ("/", "/api/v1/status", "/api/v1/nothing", "/nothing", "/vendor/plotly.min.js")
    for path in paths:
        headers = ask(server, "GET", path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers or "uvicorn" in headers["server"]
    assert ask(server, "GET", "/api/v1/status").headers["cache-control"] == "no-store"


def test_a_result_is_never_shown_as_a_page(server: Server):
    client = Client(server.url)
    source = {"kind": "text", "value": "<script>alert(1)</script>"}
    made = client.post("/codecs/compress", source=source, codec="stored")
    back = client.http.get(f"/downloads/{made['download']['id']}")
    assert back.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in back.headers["content-security-policy"]
    assert back.headers["content-disposition"].startswith("attachment")


def test_listening_to_others_needs_a_token():
    assert DashboardConfig(host="::1").is_local
    assert DashboardConfig(host="0.0.0.0", token=TOKEN).token == TOKEN
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        assert not is_loopback(host)
        with pytest.raises(ConfigError, match="set a token"):
            DashboardConfig(host=host)
    with pytest.raises(ConfigError, match="can be guessed"):
        DashboardConfig(token="short")
    with pytest.raises(ConfigError, match="no folder"):
        DashboardConfig(roots=("/nothing/here",))


def test_the_interface_is_described_on_a_page_without_anything_from_elsewhere(server: Server):
    page = ask(server, "GET", "/api/docs").text
    for _, path in routes():
        assert path in page
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert "https://" not in page
    schema = ask(server, "GET", "/api/openapi.json").json()
    assert schema["paths"]["/api/v1/runs"]["post"]["operationId"] == "start"
