"""Two real processes, connected by gloo, against one: same losses, same checkpoints."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from bit_transformer.checkpoint import load_model
from bit_transformer.runs import RunFolder, read_metrics
from bit_transformer.training import Budget, TrainConfig, resume, train
from tests.training.conftest import TINY

# Gradients are summed in another order than in one process; ten steps of training amplify that.
TOLERANCE = 2e-4

WORKER = """
    import sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    from bit_transformer.training import Budget, TrainConfig, resume, train

    verb, argument = sys.argv[1:]
    if verb == "train":
        train(TrainConfig.model_validate_json(Path(argument).read_text()))
    else:
        resume(argument, budget=Budget(steps=10))
"""


@pytest.fixture
def run_two(tmp_path):
    """A function that runs the worker in two processes."""

    def run(verb: str, argument: Path) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "worker.py"
        script.write_text(textwrap.dedent(WORKER))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", "2", str(script), verb, str(argument)]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    return run


@pytest.fixture
def make_distributed(make_config, tmp_path):
    def make(name: str, **changes) -> tuple[TrainConfig, Path]:
        model = TINY.model_copy(update={"dropout": 0.0})
        settings = {"model": model, "run_dir": tmp_path / name, "budget": Budget(steps=6)}
        config = make_config(**settings, **changes)
        path = tmp_path / f"{name}.json"
        path.write_text(config.model_dump_json())
        return config, path

    return make


def losses(run_dir: Path) -> list[float]:
    rows, _ = read_metrics(RunFolder(run_dir).metrics_path)
    return [row["bits_per_bit"] for row in rows]


@pytest.mark.parametrize(
    ("kind", "micro_batch_bytes"), [("ddp", None), ("ddp", 16), ("fsdp2", None), ("fsdp2", 16)]
)
def test_two_processes_train_like_one(make_distributed, run_two, kind, micro_batch_bytes):
    changes = {"sample_every": 0.5, "sample_bytes": 3, "micro_batch_bytes": micro_batch_bytes}
    two, path = make_distributed("two", distributed=kind, **changes)
    done = run_two("train", path)
    assert done.returncode == 0, done.stderr[-3000:]
    one, _ = make_distributed("one", **changes)
    train(one)
    assert losses(two.run_dir) == pytest.approx(losses(one.run_dir), rel=TOLERANCE)
    assert RunFolder(two.run_dir).status().state == "finished"
    assert json.loads((two.run_dir / "checkpoints" / "best.json").read_text())["step"] > 0

    # What two processes saved goes on in one, and what one saved goes on in two.
    whole, _ = make_distributed("whole", **changes)
    train(whole)
    expected = losses(resume(whole.run_dir, budget=Budget(steps=10)).run.path)
    continue_alone(two)
    assert losses(two.run_dir) == pytest.approx(expected, rel=TOLERANCE)
    continue_in_two(one, kind, run_two)
    assert losses(one.run_dir) == pytest.approx(expected, rel=TOLERANCE)
    assert_close_weights(one.run_dir, whole.run_dir)


def continue_alone(config: TrainConfig) -> None:
    set_distributed(config, "none")
    resume(config.run_dir, budget=Budget(steps=10))


def continue_in_two(config: TrainConfig, kind: str, run_two) -> None:
    set_distributed(config, kind)
    done = run_two("resume", config.run_dir)
    assert done.returncode == 0, done.stderr[-3000:]


def set_distributed(config: TrainConfig, kind: str) -> None:
    path = RunFolder(config.run_dir).config_path
    path.write_text(json.dumps({**json.loads(path.read_text()), "distributed": kind}))


def assert_close_weights(first: Path, second: Path) -> None:
    expected = load_model(second).state_dict()
    for name, weight in load_model(first).state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0.02, atol=2e-3, msg=name)


def test_a_failure_in_one_process_ends_all(make_distributed, run_two):
    config, path = make_distributed("two", distributed="ddp")
    config.data.paths[0].write_bytes(b"too short")
    done = run_two("train", path)
    assert done.returncode != 0
    assert "DataError" in done.stderr
    assert RunFolder(config.run_dir).status().state == "failed"


def test_reversible_blocks_are_refused_under_fsdp2(make_distributed, run_two):
    model = TINY.model_copy(update={"reversible": True, "dropout": 0.0})
    config, path = make_distributed("two", distributed="fsdp2")
    path.write_text(config.model_copy(update={"model": model}).model_dump_json())
    done = run_two("train", path)
    assert "ConfigError" in done.stderr
    assert "use distributed='ddp'" in done.stderr
