"""Runs through the interface: real trainings, which outlive what started them."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bit_transformer.runs import RunFolder
from tests.dashboard.asking import Client, wait_for
from tests.dashboard.conftest import Server
from tests.dashboard.trained_runs import write_text
from tests.dashboard.written_runs import append_rows

LONG = {"recipe": "tiny", "budget": "1000000steps", "options": {"evaluate_every": 0.0}}
OVER = ("finished", "failed", "stopped", "paused", "dead")


@pytest.fixture(autouse=True)
def small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built corpora of trainings go where the test's files go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_text(tmp_path / "texts")


@pytest.fixture
def training(make_server: Callable[..., Server], texts: Path):
    """A dashboard that may read the texts; whatever it started is ended after the test."""
    server = make_server(roots=(texts if texts.is_dir() else texts.parent,))
    client = Client(server.url)
    yield server, client, str(texts)
    for run in client.get("/runs")["runs"]:
        if run["can_stop"]:
            client.post(f"/runs/{run['id']}/stop")
            _ended(client, run["id"])


def _ended(client: Client, run_id: str, *states: str) -> dict[str, Any]:
    return wait_for(lambda: _in_state(client, run_id, *(states or OVER)))


def _in_state(client: Client, run_id: str, *states: str) -> dict[str, Any] | None:
    run = client.get(f"/runs/{run_id}")
    return run if run["status"] in states else None


def _at_step(client: Client, run_id: str, step: int) -> dict[str, Any] | None:
    run = client.get(f"/runs/{run_id}")
    assert run["status"] in ("starting", "running"), run
    return run if run["progress"]["step"] >= step else None


def test_a_run_is_started_followed_paused_resumed_over_a_restart_and_stopped(training):
    server, client, texts = training
    started = client.post("/runs", 201, name="first", data=[texts], **LONG)
    assert started["id"] == "first"
    assert started["status"] in ("starting", "running")
    wait_for(lambda: _at_step(client, "first", 3))

    paused = client.post("/runs/first/pause")
    assert "paus" in paused["message"]
    paused = _ended(client, "first", "paused")
    assert paused["has_checkpoint"]
    assert paused["can_resume"]
    assert not paused["can_pause"]
    step = paused["progress"]["step"]
    assert paused["checkpoints"][-1]["step"] == step

    resumed = client.post("/runs/first/resume")
    assert resumed["status"] in ("starting", "running")
    wait_for(lambda: _at_step(client, "first", step + 2))
    pid = RunFolder(server.runs / "first").status().pid
    server.stop()
    assert os.getsid(pid) == pid  # a session of its own: nothing that ends the server reaches it
    server.start()
    again = wait_for(lambda: _at_step(client, "first", step + 4))
    assert again["can_stop"]

    client.post("/runs/first/stop")
    stopped = _ended(client, "first", "stopped")
    assert stopped["progress"]["step"] >= step + 4
    assert client.post("/runs/first/pause", 409)["error"]["kind"] == "RunError"


def test_a_run_on_an_upload_finishes_and_its_metrics_can_be_followed(training, tmp_path: Path):
    _, client, texts = training
    content = Path(texts).read_bytes() if Path(texts).is_file() else b"".join(
        path.read_bytes() for path in sorted(Path(texts).iterdir())
    )  # fmt: skip
    upload = client.upload(content, "fox.txt")
    options = {"compress_prob": 0.5, "direct_prob": 0.25, "codecs": ["rle"], "seed": 3}
    options |= {"width": 16, "depth": 1, "telemetry_every": 2}
    client.post(
        "/runs", 201, name="mine", recipe="tiny", budget="12steps",
        data=[{"upload": upload["id"]}], options=options,
    )  # fmt: skip
    rows: dict[int, float | None] = {}
    token = ""
    while True:
        answer = client.get("/runs/mine/metrics", since=token, wait_s=2)
        if answer["is_reset"]:
            rows.clear()
        token = answer["next"]
        train = answer["series"]["train"]
        rows.update(zip(train["step"], train.get("bits_per_byte", []), strict=True))
        if answer["run"]["status"] in OVER:
            break
    assert answer["run"]["status"] == "finished", client.get("/runs/mine")["log"]
    assert list(rows) == list(range(1, 13))
    assert all(value is not None for value in rows.values())
    whole = client.get("/runs/mine/metrics")["series"]
    assert set(whole["views"]) == {"raw", "compressed", "direct"}
    assert whole["evaluate"]["step"][-1] == 12
    assert set(whole["telemetry"]) >= {"step", "k", "c", "s"}
    detail = client.get("/runs/mine")
    assert detail["config"]["model"]["width"] == 16
    assert detail["config"]["codecs"] == ["rle"]
    assert detail["compression_ratio"] is not None
    assert detail["progress"]["fraction"] == 1.0
    assert client.post("/runs/mine/resume", 409)["error"]["fix"]
    # Enough for another run to be like it.
    assert (detail["nearest_recipe"], detail["other_settings"]) == ("tiny", {})
    (data,) = detail["data"]
    assert data == {
        "upload": upload["id"], "path": None, "name": "fox.txt", "num_bytes": len(content)
    }  # fmt: skip
    assert client.http.delete(f"/uploads/{upload['id']}").status_code == 204
    (data,) = client.get("/runs/mine")["data"]
    assert data["upload"] is None
    assert data["path"].endswith(f"{upload['id']}.bin")
    csv = client.http.get("/runs/mine/metrics.csv").text.splitlines()
    assert csv[0].startswith("step,kind,")
    assert "views.direct.bits_per_bit" in csv[0]
    assert len(csv) == 1 + client.get("/runs/mine/metrics")["num_points"]


def test_a_run_whose_process_is_killed_is_dead_and_can_be_resumed(training):
    server, client, texts = training
    client.post(
        "/runs", 201, name="victim", data=[texts], recipe="tiny", budget="1000000steps",
        options={"evaluate_every": 0.000005},
    )  # fmt: skip
    wait_for(lambda: client.get("/runs/victim")["has_checkpoint"])
    os.kill(RunFolder(server.runs / "victim").status().pid, signal.SIGKILL)
    dead = _ended(client, "victim", "dead")
    assert "resume" in dead["message"]
    assert dead["can_resume"]
    step = dead["checkpoints"][-1]["step"]
    client.post("/runs/victim/resume")
    wait_for(lambda: _at_step(client, "victim", step + 1))


def test_of_many_starts_at_once_under_one_name_one_wins(training):
    _, client, texts = training

    def start(_number: int) -> int:
        body = {"name": "same", "data": [texts], **LONG}
        return client.http.post("/runs", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(start, range(8)))
    assert sorted(codes) == [201] + [409] * 7
    error = client.error("/runs", 409, name="same", data=[texts], **LONG)
    assert error["kind"] == "NameTakenError"
    assert [one["id"] for one in error["fallbacks"]] == ["other_name"]


def test_no_more_runs_are_started_than_may_run(make_server, texts: Path):
    server = make_server(max_running=1)
    client = Client(server.url)
    client.post("/runs", 201, name="one", recipe="tiny", budget="1000000steps")
    error = client.error("/runs", 429, name="two", recipe="tiny")
    assert error["kind"] == "BusyError"
    assert not (server.runs / "two").exists()
    client.post("/runs/one/stop")
    assert _ended(client, "one")["status"] == "stopped"


def test_a_run_that_cannot_read_its_data_fails_with_its_reason(training, texts: Path):
    _, client, _ = training
    upload = client.upload(b"too short")
    client.post("/runs", 201, name="short", recipe="tiny", data=[{"upload": upload["id"]}])
    failed = _ended(client, "short")
    assert failed["status"] == "failed"
    assert failed["message"]
    assert "Traceback" not in failed["message"] + failed["log"]
    assert failed["log"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"recipe": "nothing"}, "ConfigError"),
        ({"recipe": "tiny", "budget": "often"}, "ConfigError"),
        ({"recipe": "tiny", "options": {"codecs": ["nonesuch"]}}, "InputError"),
        ({"recipe": "tiny", "options": {"width": 33}}, "ConfigError"),
        ({"recipe": "tiny", "options": {"patch_bits": 33}}, "RequestError"),
        ({"recipe": "tiny", "options": {"device": "cuda"}}, "RequestError"),
        ({"recipe": "tiny", "run_dir": "elsewhere"}, "RequestError"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_starts(
    server: Server, body: dict[str, Any], kind: str
):
    error = Client(server.url).error("/runs", 422, name="never", **body)
    assert error["kind"] == kind
    assert not (server.runs / "never").exists()


def test_recipes_fill_the_form_with_values_that_start(server: Server):
    client = Client(server.url)
    recipes = client.get("/recipes")
    assert {"default", "demo", "tiny"} <= {one["name"] for one in recipes}
    for recipe in recipes:
        assert recipe["budget"]
        assert recipe["defaults"]["width"] > 0
        assert recipe["defaults"]["codecs"]


def test_runs_of_others_appear_and_a_dead_one_is_told_apart(server: Server):
    client = Client(server.url)
    assert client.get("/runs")["runs"] == []
    server.write_run("done", num_steps=50)
    path = server.write_run("half", num_steps=20, total_steps=80, state="running")
    assert {run["id"]: run["status"] for run in client.get("/runs")["runs"]} == {
        "done": "finished",
        "half": "running",  # this very process wrote it, and lives
    }
    half = client.get("/runs/half")
    assert half["progress"]["fraction"] == pytest.approx(0.25)
    assert half["progress"]["eta_s"] == pytest.approx(15.0)
    status = RunFolder(path).status().model_dump() | {"pid": 2**22 + 1}
    (path / "status.json").write_text(__import__("json").dumps(status))
    assert client.get("/runs/half")["status"] == "dead"


def test_a_process_that_does_not_hold_the_lock_is_never_signalled(server: Server):
    client = Client(server.url)
    path = server.write_run("half", num_steps=20, total_steps=80, state="running")
    error = client.error("/runs/half/stop", 409)  # the status names this very process
    assert "cannot be told" in error["what"]
    (path / "writer.lock").write_text('{"host": "x", "pid": 1, "start_mark": null}')
    client.error("/runs/half/pause", 409)


def test_a_waiting_viewer_is_told_within_moments_of_a_new_row(server: Server):
    client = Client(server.url)
    run = RunFolder(server.write_run("live", num_steps=5, total_steps=50, state="running"))
    token = client.get("/runs/live/metrics")["next"]
    nothing = client.get("/runs/live/metrics", since=token, wait_s=0.2)
    assert nothing["num_points"] == 0
    assert not nothing["is_reset"]
    with ThreadPoolExecutor(10) as pool:
        waiting = [
            pool.submit(Client(server.url).get, "/runs/live/metrics", since=token, wait_s=20)
            for _ in range(10)
        ]
        time.sleep(0.5)
        assert not any(one.done() for one in waiting)
        append_rows(run, 6, 6, 50)
        answers = [one.result() for one in waiting]
    assert all(answer["series"]["train"]["step"] == [6] for answer in answers)


def test_metrics_that_a_resumed_run_cut_are_sent_anew(server: Server):
    client = Client(server.url)
    run = RunFolder(server.write_run("cut", num_steps=30, total_steps=50, state="running"))
    token = client.get("/runs/cut/metrics")["next"]
    lines = run.metrics_path.read_bytes().splitlines(keepends=True)
    other = run.metrics_path.with_name(".other")
    other.write_bytes(b"".join(lines[:10]))
    other.replace(run.metrics_path)
    answer = client.get("/runs/cut/metrics", since=token)
    assert answer["is_reset"]
    assert answer["num_points"] == 10


def test_a_hundred_thousand_rows_become_as_many_points_as_a_chart_shows(server: Server):
    client = Client(server.url)
    run = RunFolder(server.write_run("long", num_steps=10, total_steps=100_000, state="running"))
    with run.metrics_path.open("a") as file:
        for step in range(11, 100_001):
            file.write(f'{{"step": {step}, "kind": "train", "bits_per_byte": {step % 7}}}\n')
        file.write('{"step": 100001, "kind": "train", "bits_per_byte": 99.5}\n')
    answer = client.get("/runs/long/metrics", max_points=500)
    train = answer["series"]["train"]
    assert len(train["step"]) <= 500
    assert train["bits_per_byte"][-1] == 99.5
    assert min(value for value in train["bits_per_byte"][5:-1]) == 0
    assert client.get("/runs/long/metrics", until=40)["series"]["train"]["step"][-1] == 40


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fetc", ".dashboard", "a/b", "nothing", "x" * 300])
def test_what_is_no_run_is_not_found(server: Server, name: str):
    answer = Client(server.url).http.get(f"/runs/{name}")
    assert answer.status_code == 404 or (name == ".." and answer.status_code in (307, 404, 405))
