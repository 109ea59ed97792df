"""Two real processes, connected by gloo, against one: same losses, same checkpoints.

Starting processes takes longer than what they do here, so one pair does all the jobs.
"""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from bit_transformer.checkpoint import load_model
from bit_transformer.data import DataConfig
from bit_transformer.runs import RunFolder, read_metrics
from bit_transformer.training import Budget, resume, train
from tests.training.conftest import TINY, tiny_config

# Gradients are summed in another order than in one process; ten steps of training amplify that.
TOLERANCE = 2e-4

KINDS = ("ddp", "fsdp2")
PLAIN = TINY.model_copy(update={"dropout": 0.0})
COMMON = {"model": PLAIN, "budget": Budget(steps=6), "sample_every": 0.5, "sample_bytes": 3}
LONGER = Budget(steps=10)
VIEWS = {"compress_prob": 0.4, "direct_prob": 0.4, "codecs": ["rle"], "telemetry_every": 3}

WORKER = """
    import json, os, signal, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    from bit_transformer.errors import BitTransformerError
    from bit_transformer.training import Budget, TrainConfig, loop, resume, train

    update = loop.update
    rank = int(os.environ["RANK"])
    jobs = json.loads(Path(sys.argv[1]).read_text())
    if len(jobs) > 1:  # gloo cannot connect the same processes twice, so many jobs share it
        torch.distributed.init_process_group("gloo")

    def interrupted_update(optimizers):
        if rank == 1:
            signal.raise_signal(signal.SIGTERM)
        update(optimizers)

    for job, argument in jobs:
        loop.update = interrupted_update if job == "stop" else update
        try:
            if job == "resume":
                resume(argument, budget=Budget(steps=10))
            else:
                train(TrainConfig.model_validate(argument))
        except BitTransformerError as error:
            print(f"rank {rank}: {type(error).__name__}: {error}", flush=True)
    if len(jobs) > 1:
        torch.distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distributed")


@pytest.fixture(scope="module")
def alone(folder):
    """The runs of one process, which two will be compared with or will go on with."""
    runs = {}
    for name in ("whole", *KINDS):
        runs[name] = train(tiny_config(folder, **COMMON, run_dir=folder / f"one {name}")).run
    six_steps = losses(runs["whole"])
    views = tiny_config(folder, **COMMON, **VIEWS, run_dir=folder / "one views")
    runs["views"] = train(views).run
    resume(runs["whole"].path, budget=LONGER)
    for kind in KINDS:
        set_distributed(runs[kind], kind)
    return runs, six_steps


@pytest.fixture(scope="module")
def output(folder, alone):
    """What two processes print while they do all the jobs."""
    runs, _ = alone
    jobs = []
    for kind in KINDS:
        changes = {**COMMON, "distributed": kind}
        for name, micro_batch_bytes in (("two", None), ("two parts", 16)):
            path = folder / f"{name} {kind}"
            config = tiny_config(
                folder, **changes, run_dir=path, micro_batch_bytes=micro_batch_bytes
            )
            jobs.append(("train", config.model_dump(mode="json")))
        jobs.append(("resume", str(runs[kind].path)))
        views = tiny_config(folder, **changes, **VIEWS, run_dir=folder / f"views {kind}")
        jobs.append(("train", views.model_dump(mode="json")))
        stopped = tiny_config(folder, **changes, run_dir=folder / f"stopped {kind}")
        jobs.append(("stop", stopped.model_dump(mode="json")))
    (folder / "short.txt").write_bytes(b"too short")
    short = DataConfig(paths=[folder / "short.txt"], cache_dir=folder / "cache")
    failing = [
        {"data": short, "run_dir": folder / "failed"},
        {"compile": "on", "run_dir": folder / "compiled"},
        {"model": PLAIN.model_copy(update={"reversible": True}), "run_dir": folder / "reversible"},
    ]
    for changes in failing:
        config = tiny_config(folder, **{**COMMON, "distributed": "fsdp2", **changes})
        jobs.append(("train", config.model_dump(mode="json")))
    return run_two(folder, jobs)


def run_two(folder: Path, jobs: list) -> str:
    script, list_of_jobs = folder / "worker.py", folder / f"{len(jobs)} jobs.json"
    script.write_text(textwrap.dedent(WORKER))
    list_of_jobs.write_text(json.dumps(jobs))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script), str(list_of_jobs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def losses(run: RunFolder) -> list[float]:
    rows, _ = read_metrics(run.metrics_path)
    return [row["bits_per_bit"] for row in rows if "bits_per_bit" in row]


def set_distributed(run: RunFolder, kind: str) -> None:
    run.write_config({**run.read_config(), "distributed": kind})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["two", "two parts"])
def test_two_processes_train_like_one(folder, alone, output, kind, name):
    _, expected = alone
    run = RunFolder(folder / f"{name} {kind}")
    assert losses(run) == pytest.approx(expected, rel=TOLERANCE)
    assert run.status().state == "finished"
    samples, _ = read_metrics(run.samples_path)
    assert [row["step"] for row in samples] == [3, 6]
    assert json.loads((run.checkpoints_path / "best.json").read_text())["step"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_choose_views_and_count_them_like_one(folder, alone, output, kind):
    expected, found = (
        read_metrics(run.metrics_path)[0]
        for run in (alone[0]["views"], RunFolder(folder / f"views {kind}"))
    )
    assert [row["kind"] for row in found] == [row["kind"] for row in expected]
    for row, twin in zip(found, expected, strict=True):
        assert set(row.get("views", {})) == set(twin.get("views", {}))
        for view, figures in row.get("views", {}).items():
            # A bit whose values are nearly as likely may be right by rounding.
            tolerances = {name: 0.02 if name == "bit_accuracy" else TOLERANCE for name in figures}
            for name, tolerance in tolerances.items():
                assert figures[name] == pytest.approx(twin["views"][view][name], rel=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_what_two_processes_saved_goes_on_in_one(folder, alone, output, kind):
    runs, _ = alone
    run = RunFolder(folder / f"two {kind}")
    set_distributed(run, "none")
    resume(run.path, budget=LONGER)
    assert losses(run) == pytest.approx(losses(runs["whole"]), rel=TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_process_saved_goes_on_in_two(alone, output, kind):
    runs, _ = alone
    assert losses(runs[kind]) == pytest.approx(losses(runs["whole"]), rel=TOLERANCE)
    expected = load_model(runs["whole"].path).state_dict()
    for name, weight in load_model(runs[kind].path).state_dict().items():
        # AdamW's first steps magnify the rounding of gradients close to zero, and so do Muon's,
        # which orthogonalises in bfloat16.
        torch.testing.assert_close(weight, expected[name], rtol=0.02, atol=6e-3, msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_to_one_process_stops_all_after_the_same_step(folder, output, kind):
    run = RunFolder(folder / f"stopped {kind}")
    assert (run.status().state, run.status().step) == ("stopped", 1)
    assert [step for step, _ in run.checkpoints()] == [1]


def test_an_error_in_the_first_process_ends_all(folder, output):
    assert "rank 0: DataError" in output
    assert "rank 1: TrainingError: another process" in output
    assert RunFolder(folder / "failed").status().state == "failed"


def test_what_works_in_one_process_only_is_refused(output):
    assert "ConfigError: reversible blocks" in output
    assert "ConfigError: compile='on' is for one process" in output


def test_training_connects_and_parts_the_processes_by_itself(folder):
    config = tiny_config(folder, run_dir=folder / "by itself", budget=Budget(steps=2))
    run_two(folder, [("train", config.model_dump(mode="json"))])
    assert RunFolder(folder / "by itself").status().state == "finished"
