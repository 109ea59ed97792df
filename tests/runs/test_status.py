import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bit_transformer.errors import RunError, StorageError
from bit_transformer.runs import RunLock, RunStatus
from bit_transformer.runs.process import ProcessIdentity, this_process
from bit_transformer.runs.status import HEARTBEAT_LIMIT_S, read_status
from tests.runs.test_process import ended_process


def status(process: ProcessIdentity, state: str = "running", age_s: float = 0.0) -> RunStatus:
    now = time.time() - age_s
    fields = {"state": state, "step": 3, "started": now, "updated": now}
    return RunStatus.model_validate(fields | dataclasses.asdict(process))


def test_a_run_whose_process_runs_is_alive_however_old_its_heartbeat():
    assert status(this_process(), age_s=10 * HEARTBEAT_LIMIT_S).is_alive()


def test_a_run_whose_process_was_killed_is_dead_however_fresh_its_heartbeat():
    assert not status(ended_process()).is_alive()


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_has_ended_is_not_alive(state: str):
    assert not status(this_process(), state).is_alive()


def test_from_another_machine_the_heartbeat_decides():
    elsewhere = dataclasses.replace(this_process(), host="elsewhere")
    assert status(elsewhere).is_alive()
    assert not status(elsewhere, age_s=HEARTBEAT_LIMIT_S + 1).is_alive()


GOOD = {"state": "running", "step": 1, "started": 1.0, "updated": 2.0, "host": "h", "pid": 5}


@pytest.mark.parametrize(
    "change",
    [
        {"state": "sleeping"},
        {"step": -1},
        {"step": "many"},
        {"pid": None},
        {"updated": "yesterday"},
        {"host": 7},
    ],
)
def test_a_damaged_status_is_refused_with_the_field(tmp_path: Path, change: dict[str, Any]):
    path = tmp_path / "status.json"
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(RunError, match=f"is not a run's status: {next(iter(change))}"):
        read_status(path)


def test_a_later_programs_additions_are_ignored(tmp_path: Path):
    path = tmp_path / "status.json"
    path.write_text(json.dumps(GOOD | {"mood": "good"}))
    assert read_status(path).step == 1


def test_a_lock_keeps_others_out_and_names_its_holder(tmp_path: Path):
    path = tmp_path / "writer.lock"
    with RunLock(path):
        with pytest.raises(RunError, match=f"in use by process {this_process().pid} on"):
            RunLock(path).acquire()
        assert json.loads(path.read_text())["pid"] == this_process().pid
    assert not path.exists()
    with RunLock(path):
        pass


def test_a_lock_is_given_back_when_the_work_fails(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path / "lock"):
        _ = 1 / 0
    assert not (tmp_path / "lock").exists()


def test_releasing_a_lock_that_is_not_held_changes_nothing(tmp_path: Path):
    lock = RunLock(tmp_path / "lock")
    with RunLock(tmp_path / "lock"):
        lock.release()
        assert (tmp_path / "lock").exists()


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path):
    path = tmp_path / "lock"
    path.write_text(json.dumps(dataclasses.asdict(ended_process())))
    with RunLock(path):
        assert json.loads(path.read_text())["pid"] == this_process().pid


def test_a_killed_process_does_not_keep_its_lock(tmp_path: Path):
    program = (
        "import sys; from pathlib import Path; from bit_transformer.runs import RunLock;"
        "RunLock(Path(sys.argv[1])).acquire(); print('held', flush=True); input()"
    )
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match=f"in use by process {other.pid}"):
            RunLock(path).acquire()
        other.kill()
        other.wait()
        with RunLock(path):
            assert path.exists()


def test_the_lock_of_another_machine_is_left_for_a_person_to_judge(tmp_path: Path):
    path = tmp_path / "lock"
    holder = dataclasses.replace(this_process(), host="elsewhere")
    path.write_text(json.dumps(dataclasses.asdict(holder)))
    with pytest.raises(RunError, match="on elsewhere, another machine; if that process is gone"):
        RunLock(path).acquire()
    assert path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff"])
def test_a_lock_that_names_nobody_is_respected_while_it_is_new(tmp_path: Path, content: bytes):
    path = tmp_path / "lock"
    path.write_bytes(content)
    with pytest.raises(RunError, match="another process that just started"):
        RunLock(path).acquire()


def test_a_lock_that_names_nobody_is_taken_over_when_it_is_old(tmp_path: Path):
    path = tmp_path / "lock"
    path.touch()
    os.utime(path, (time.time() - 60, time.time() - 60))
    with RunLock(path):
        assert json.loads(path.read_text())["pid"] == this_process().pid


def test_a_lock_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        RunLock(tmp_path / "file" / "lock").acquire()


def test_a_lock_in_a_missing_folder_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(RunError, match="there is no run folder .*nowhere"):
        RunLock(tmp_path / "nowhere" / "lock").acquire()


def _race(path: str, barrier: Any) -> bool:
    barrier.wait()
    try:
        RunLock(Path(path)).acquire()
    except RunError:
        return False
    time.sleep(0.3)  # hold it while the others try
    return True


def test_of_many_that_find_a_dead_lock_at_once_one_gets_it(tmp_path: Path):
    path = tmp_path / "lock"
    path.write_text(json.dumps(dataclasses.asdict(ended_process())))
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(4) as pool:
        barrier = manager.Barrier(4)
        won = pool.starmap(_race, [(str(path), barrier)] * 4)
    assert sum(won) == 1
