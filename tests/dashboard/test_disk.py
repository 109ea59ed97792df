"""Runs that ended because their disk was full, and what is asked of a run in its odd moments."""

import errno
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bit_transformer.bits.files import writing_errors
from bit_transformer.dashboard.training import disk
from bit_transformer.dashboard.training.control import RunControl
from bit_transformer.dashboard.training.disk import disk_trouble
from bit_transformer.dashboard.training.records import write_request
from bit_transformer.errors import StorageError
from bit_transformer.runs import RunFolder
from bit_transformer.runs.process import ProcessIdentity, this_process
from tests.dashboard.asking import Client
from tests.dashboard.conftest import Server

CHECKPOINT_BYTES = 5_000_000
FULL = "cannot write metrics.jsonl: the disk is full; free some space"


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The disk of the runs has ``free.bytes`` left."""
    state = SimpleNamespace(bytes=100)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(
        disk.shutil,
        "disk_usage",
        lambda _path: SimpleNamespace(total=usage.total, used=usage.used, free=state.bytes),
    )
    return state


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were gone on with; no process is started."""
    names: list[str] = []

    def note(_self: RunControl, run: RunFolder, _options: list[str]) -> None:
        names.append(run.path.name)

    monkeypatch.setattr(RunControl, "_spawn", note)
    return names


def write_failed(server: Server, name: str, message: str = FULL, **facts: Any) -> RunFolder:
    run = RunFolder(server.write_run(name, num_steps=20, state="failed", message=message, **facts))
    checkpoint = run.checkpoint_path(20)
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"\0" * CHECKPOINT_BYTES)
    return run


@pytest.mark.parametrize(
    ("number", "is_told", "is_counted"),
    [(errno.ENOSPC, True, True), (errno.EDQUOT, True, False), (errno.EACCES, False, False)],
)
def test_what_writing_says_of_a_full_disk_is_understood(
    tmp_path: Path, number: int, is_told: bool, is_counted: bool
):
    with pytest.raises(StorageError) as caught, writing_errors(tmp_path / "x"):
        raise OSError(number, "as the system says it")
    found = disk_trouble(RunFolder(tmp_path / "x"), "failed", str(caught.value))
    assert (found is not None) == is_told
    assert (found is not None and found.free_bytes is not None) == is_counted
    assert disk_trouble(RunFolder(tmp_path / "x"), "stopped", str(caught.value)) is None


def test_a_run_that_filled_its_disk_tells_how_much_is_free_and_needed(server: Server, free):
    write_failed(server, "full")
    write_failed(server, "other", "the loss is not finite; lower the learning rate")
    client = Client(server.url)
    room = client.get("/runs/full")["disk"]
    assert room == {
        "folder": str(server.runs),
        "free_bytes": 100,
        "needed_bytes": CHECKPOINT_BYTES + 1_000_000,
        "is_full": True,
    }
    assert client.get("/runs/other")["disk"] is None
    free.bytes = 10**9
    room = client.get("/runs/full")["disk"]
    assert (room["free_bytes"], room["is_full"]) == (10**9, False)


def test_a_run_that_could_not_even_say_so_is_told_by_its_log_or_by_the_room(server: Server, free):
    client = Client(server.url)
    run = write_failed(server, "silent")
    status = run.status().model_dump() | {"state": "running", "pid": 2**22 + 1, "message": ""}
    run.status_path.write_text(json.dumps(status))
    assert client.get("/runs/silent")["status"] == "dead"
    assert client.get("/runs/silent")["disk"]["is_full"]
    free.bytes = 10**9
    assert client.get("/runs/silent")["disk"] is None
    log = server.runs / ".dashboard" / "trainings" / "silent.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"error: {FULL}\n")
    assert not client.get("/runs/silent")["disk"]["is_full"]


def test_a_run_is_not_gone_on_with_while_its_disk_is_full(server: Server, free, started):
    write_failed(server, "full")
    client = Client(server.url)
    error = client.error("/runs/full/resume", 507)
    assert error["kind"] == "StorageError"
    assert (
        error["what"]
        == f"The disk of {server.runs} is full: 100 bytes are free, and about 6.0 MB needed."
    )
    assert str(server.runs) in error["fix"]
    assert [one["id"] for one in error["fallbacks"]] == ["resume"]
    assert started == []
    free.bytes = CHECKPOINT_BYTES + 1_000_000
    client.post("/runs/full/resume")
    assert started == ["full"]


def test_a_pause_that_was_asked_for_while_a_run_was_loaded_is_a_pause(server: Server):
    run = RunFolder(server.write_run("early", num_steps=20, state="running"))
    process = this_process()
    write_request(run, "pause", process)
    status = run.status()
    later = {"state": "stopped", "started": status.started + 60, "updated": status.updated + 60}
    run.status_path.write_text(json.dumps(status.model_dump() | later))
    client = Client(server.url)
    assert client.get("/runs/early")["status"] == "paused"
    other = ProcessIdentity(process.host, process.pid, "another boot:1")
    write_request(run, "pause", other)
    assert client.get("/runs/early")["status"] == "stopped"


HOLD = (
    "import sys; from pathlib import Path; from bit_transformer.runs import RunFolder\n"
    "run = RunFolder(Path(sys.argv[1]))\n"
    "with run.lock():\n"
    "    run.write_status('stopped', 20, 'stopped by SIGTERM')\n"
    "    print('held', flush=True)\n"
    "    input()\n"
)


def test_a_run_that_has_saved_but_not_ended_is_gone_on_with_when_it_has(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
):
    server = make_server()
    run = write_failed(server, "ending")
    was_held: list[bool] = []

    def note(_self: RunControl, run: RunFolder, _options: list[str]) -> None:
        was_held.append((run.path / "writer.lock").exists())

    monkeypatch.setattr(RunControl, "_spawn", note)
    command = [sys.executable, "-c", HOLD, str(run.path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == b"held\n"
        asking = threading.Thread(target=Client(server.url).post, args=("/runs/ending/resume",))
        asking.start()
        asking.join(0.5)
        assert was_held == []
        writer.stdin.close()
        asking.join()
    assert was_held == [False]
