import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bit_transformer.runs import process
from bit_transformer.runs.process import ProcessIdentity, is_running, this_process


def ended_process() -> ProcessIdentity:
    """The identity of a process that has ended."""
    program = (
        "import dataclasses, json; from bit_transformer.runs.process import this_process;"
        "print(json.dumps(dataclasses.asdict(this_process())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return ProcessIdentity(**json.loads(done.stdout))


def test_this_process_runs():
    assert this_process().pid == os.getpid()
    assert is_running(this_process()) is True


def test_a_process_that_has_ended_does_not_run():
    assert is_running(ended_process()) is False


def test_a_later_process_with_the_same_number_is_another_one():
    if this_process().start_mark is None:
        pytest.skip("this system does not tell when a process started")
    namesake = dataclasses.replace(this_process(), start_mark="another boot:12345")
    assert is_running(namesake) is False


def test_the_number_alone_decides_where_the_start_is_not_known(monkeypatch: pytest.MonkeyPatch):
    assert is_running(dataclasses.replace(this_process(), start_mark=None)) is True
    monkeypatch.setattr(process, "_start_mark", lambda pid: None)
    assert is_running(dataclasses.replace(this_process(), start_mark="any")) is True


def test_another_machine_cannot_be_asked():
    assert is_running(dataclasses.replace(this_process(), host="elsewhere")) is None


@pytest.mark.parametrize("pid", [0, -1, 2**40])
def test_impossible_numbers_do_not_run(pid: int):
    assert is_running(dataclasses.replace(this_process(), pid=pid)) is False


def test_a_dead_child_that_was_not_collected_does_not_run():
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = ProcessIdentity(this_process().host, child.pid, process._start_mark(child.pid))
        assert is_running(identity) is True
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_running(identity) is False
