import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bit_transformer.errors import InputError, RunError, StorageError
from bit_transformer.runs import RunFolder, latest_run, list_runs, open_run
from bit_transformer.runs.process import this_process
from tests.runs.test_process import ended_process


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_config({"seed": 1})
    return folder


def test_the_files_of_a_run_have_the_documented_names(run: RunFolder):
    names = {
        path.relative_to(run.path).as_posix()
        for path in (
            run.config_path,
            run.environment_path,
            run.status_path,
            run.metrics_path,
            run.samples_path,
            run.checkpoint_path(100),
            run.tensorboard_path,
            run.lock().path,
        )
    }
    assert names == {
        "config.json",
        "environment.json",
        "status.json",
        "metrics.jsonl",
        "samples.jsonl",
        "checkpoints/step_00000100",
        "tensorboard",
        "writer.lock",
    }


def test_a_new_run_is_named_and_dated(tmp_path: Path):
    runs = [RunFolder.create(name="demo", root=tmp_path / "runs") for _ in range(3)]
    assert len({run.path for run in runs}) == 3
    for run in runs:
        assert run.path.parent == tmp_path / "runs"
        assert run.path.name.startswith(f"demo-{time.strftime('%Y')}")
        assert run.path.is_dir()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-flag", "a b", "nul\0"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="cannot name a run"):
        RunFolder.create(name=name, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_not_taken_for_a_new_run(run: RunFolder):
    with pytest.raises(RunError, match="already holds a run"):
        RunFolder.create(run.path)


def test_an_empty_folder_may_become_a_run(tmp_path: Path):
    assert RunFolder.create(tmp_path).path == tmp_path


def test_a_place_that_cannot_hold_a_run_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        RunFolder.create(tmp_path / "file" / "run")
    with pytest.raises(StorageError, match="cannot write"):
        RunFolder.create(tmp_path / "file")


def test_the_configuration_is_read_as_it_was_written(run: RunFolder):
    config = {"model": {"width": 64}, "data": {"paths": ["a"]}}
    run.write_config(config)
    assert open_run(run.path).read_config() == config


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(RunError, match="there is no run folder"):
        open_run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"is not a run folder: it has no config\.json"):
        open_run(tmp_path)


def test_checkpoints_are_listed_in_the_order_of_their_steps(run: RunFolder):
    assert run.checkpoints() == []
    for step in (200, 5, 123456789):
        run.checkpoint_path(step).mkdir(parents=True)
    (run.checkpoints_path / ".step_00000300.unfinished-ab12").mkdir()
    (run.checkpoints_path / "step_00000400").touch()
    (run.checkpoints_path / "notes").mkdir()
    assert [step for step, _ in run.checkpoints()] == [5, 200, 123456789]
    assert run.checkpoints()[0][1] == run.checkpoint_path(5)


def test_a_status_names_its_process_and_keeps_its_start(run: RunFolder):
    run.write_status("running", 0)
    first = run.status()
    time.sleep(0.002)
    run.write_status("running", 7, "half way")
    second = run.status()
    assert second.process == this_process()
    assert (second.step, second.message) == (7, "half way")
    assert second.started == first.started
    assert second.updated > first.updated


def test_a_resumed_run_starts_anew(run: RunFolder):
    run.write_status("running", 3)
    earlier = json.loads(run.status_path.read_text())
    earlier |= dataclasses.asdict(ended_process()) | {"started": 5.0}
    run.status_path.write_text(json.dumps(earlier))
    run.write_status("running", 3)
    assert run.status().started > 5.0


def test_a_heartbeat_is_written_only_when_the_last_one_is_old(run: RunFolder):
    run.beat(1)
    run.beat(2)
    assert run.status().step == 1
    old = json.loads(run.status_path.read_text())
    run.status_path.write_text(json.dumps(old | {"updated": old["updated"] - 60}))
    run.beat(3)
    assert run.status().step == 3


def test_a_heartbeat_of_a_resumed_run_replaces_the_last_word_of_the_former(run: RunFolder):
    run.write_status("stopped", 5)
    run.beat(6)
    assert (run.status().state, run.status().step) == ("running", 6)


def test_a_run_is_alive_while_its_process_runs(run: RunFolder):
    assert not run.is_alive()
    run.write_status("running", 1)
    assert run.is_alive()
    run.write_status("finished", 2)
    assert not run.is_alive()


def test_a_run_whose_process_was_killed_is_not_alive(run: RunFolder):
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from bit_transformer.runs import open_run;"
        "open_run(Path(sys.argv[1])).write_status('running', 4);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(run.path)], check=False)
    assert run.status().state == "running"
    assert not run.is_alive()


def test_a_run_with_a_damaged_status_is_not_alive_and_can_be_written_again(run: RunFolder):
    run.status_path.write_text("{")
    assert not run.is_alive()
    run.beat(1)
    assert run.is_alive()


def test_the_latest_run_is_the_one_written_to_last(tmp_path: Path):
    runs = []
    for i, name in enumerate(["c", "a", "b"]):
        folder = RunFolder.create(tmp_path / name)
        folder.write_config({})
        folder.write_status("finished", i)
        content = json.loads(folder.status_path.read_text())
        folder.status_path.write_text(json.dumps(content | {"updated": 1000.0 + i}))
        runs.append(folder)
    assert list_runs(tmp_path) == runs[::-1]
    assert latest_run(tmp_path) == runs[-1]


def test_a_run_without_a_status_is_as_old_as_its_configuration(tmp_path: Path):
    old, new = (RunFolder.create(tmp_path / name) for name in ("z", "y"))
    for i, folder in enumerate((old, new)):
        folder.write_config({})
        os.utime(folder.config_path, (1000 + i, 1000 + i))
    assert latest_run(tmp_path) == new


def test_other_things_among_the_runs_are_passed_over(tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "config.json").touch()
    assert list_runs(tmp_path) == []
    assert list_runs(tmp_path / "nowhere") == []
    with pytest.raises(RunError, match="there is no run in"):
        latest_run(tmp_path)
