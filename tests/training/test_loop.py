import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest
import torch

from bit_transformer.checkpoint import load_metadata, load_model, resolve_checkpoint
from bit_transformer.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    MissingDependencyError,
    RunError,
    StorageError,
    TrainingError,
)
from bit_transformer.runs import RunFolder, open_run, read_metrics
from bit_transformer.training import Budget, TrainConfig, loop, resume, train
from bit_transformer.training.reporting import SilentReporter

TIMES = {
    "elapsed_s", "apart_s", "bytes_per_s", "wait_share", "peak_memory_bytes", "evaluate_s",
    "telemetry_s",
}  # fmt: skip


class StopAfter(SilentReporter):
    """A person who sends a signal on seeing a row of this step."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGTERM) -> None:
        self.step = step
        self.number = number
        self.message = ""

    def row(self, row) -> None:
        if row["step"] == self.step:
            signal.raise_signal(self.number)

    def ended(self, message) -> None:
        self.message = message


def rows_of(run: RunFolder, kind: str | None = None) -> list[dict]:
    rows, _ = read_metrics(run.metrics_path)
    return [row for row in rows if kind in (None, row["kind"])]


def without_times(rows: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder).state_dict()


def test_a_run_leaves_everything_that_explains_it(make_config):
    config = make_config(sample_every=0.5, sample_prompt="line", sample_bytes=5)
    result = train(config)
    run = open_run(result.run.path)
    assert TrainConfig.model_validate(run.read_config()) == config
    assert json.loads(run.environment_path.read_text())["python"]
    assert (run.status().state, run.status().step) == ("finished", 8)
    assert (result.step, result.bytes_seen, result.stopped_by) == (8, 512, None)
    assert [row["step"] for row in rows_of(run, "train")] == list(range(1, 9))
    assert [row["step"] for row in rows_of(run, "valid")] == [4, 8]
    samples, _ = read_metrics(run.samples_path)
    assert [row["step"] for row in samples] == [4, 8]
    assert samples[0]["prompt"] == "line"
    metadata = load_metadata(run.path)
    assert metadata["step"] == 8
    assert metadata["bits_per_byte"] == result.bits_per_byte


def test_samples_of_a_model_of_parity_coded_bytes_are_its_bytes(make_config):
    config = make_config(sample_every=1.0, sample_prompt="line", sample_bytes=5)
    data = config.data.model_copy(update={"encoding": "parity"})
    model = config.model.model_copy(update={"phase_bits": 9, "context_patches": 18})
    result = train(config.model_copy(update={"data": data, "model": model}))
    samples, _ = read_metrics(result.run.samples_path)
    assert len(samples) == 1
    # Undecodable bytes become one mark each, so that five bytes are at most five characters.
    assert 1 <= len(samples[0]["text"]) <= 5


def test_rows_hold_what_charts_need(make_config):
    run = train(make_config()).run
    first, last = rows_of(run, "train")[0], rows_of(run, "train")[-1]
    assert first["bits_per_bit"] == pytest.approx(1.0, abs=0.2)
    assert first["bits_per_byte"] == 8 * first["bits_per_bit"]
    assert last["bits_per_byte"] < first["bits_per_byte"]
    assert last["bytes_seen"] == 512
    assert last["progress"] == 1.0
    assert 0 <= last["wait_share"] <= 1
    for name in ("learning_rate", "grad_norm", "bytes_per_s", "elapsed_s", "peak_memory_bytes"):
        assert last[name] > 0
    valid = rows_of(run, "valid")[-1]
    assert 0 < valid["bit_accuracy"] <= 1
    assert valid["num_bytes"] == 64


def test_a_row_can_stand_for_several_steps(make_config):
    every = train(make_config(run_dir=make_config().run_dir / "a")).run
    thinned = train(make_config(run_dir=make_config().run_dir / "b", log_every=4)).run
    losses = [row["bits_per_bit"] for row in rows_of(every, "train")]
    rows = rows_of(thinned, "train")
    assert [row["step"] for row in rows] == [4, 8]
    assert rows[0]["bits_per_bit"] == pytest.approx(sum(losses[:4]) / 4)


@pytest.mark.parametrize("budget", [Budget(steps=8), Budget(bytes=512)])
@pytest.mark.parametrize("stop_at", [3, 4, 6])  # 4 is an evaluation; the step after it is last
def test_a_stopped_and_resumed_run_is_the_same_as_one_that_never_stopped(
    make_config, tmp_path, budget, stop_at
):
    changes = {"budget": budget, "sample_every": 0.5, "sample_bytes": 4, "log_every": 3}
    whole = train(make_config(**changes, run_dir=tmp_path / "whole"))
    stopped = train(make_config(**changes, run_dir=tmp_path / "cut"), reporter=StopAfter(stop_at))
    assert stopped.stopped_by == "SIGTERM"
    assert open_run(stopped.run.path).status().state == "stopped"
    resumed = resume(stopped.run.path)
    assert resumed.stopped_by is None
    assert without_times(rows_of(resumed.run)) == without_times(rows_of(whole.run))
    assert resumed.run.samples_path.read_text().count("\n") == 2
    expected = weights_in(whole.checkpoint)
    for name, weight in weights_in(resumed.checkpoint).items():
        assert torch.equal(weight, expected[name]), name


def test_a_stop_between_a_step_and_its_chores_loses_none(make_config, tmp_path, monkeypatch):
    whole = train(make_config(run_dir=tmp_path / "whole"))
    real, calls = loop.update, []

    def interrupted(optimizers):
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGTERM)
        real(optimizers)

    monkeypatch.setattr(loop, "update", interrupted)
    stopped = train(make_config(run_dir=tmp_path / "cut"))
    assert (stopped.step, rows_of(stopped.run, "valid")) == (4, [])
    resumed = resume(stopped.run.path)
    assert without_times(rows_of(resumed.run)) == without_times(rows_of(whole.run))


def test_a_run_in_seconds_stops_when_they_are_spent(make_config):
    result = train(make_config(budget=Budget(seconds=0.3), log_every=2))
    assert result.spent_s >= 0.3
    assert result.step > 0
    assert result.run.status().state == "finished"
    assert result.bits_per_byte is not None


def test_micro_batches_give_the_losses_of_the_whole_batch(make_config, tmp_path):
    model = make_config().model.model_copy(update={"dropout": 0.0})
    whole = train(make_config(model=model, run_dir=tmp_path / "whole"))
    parts = train(make_config(model=model, run_dir=tmp_path / "parts", micro_batch_bytes=16))
    for one, other in zip(rows_of(whole.run), rows_of(parts.run), strict=True):
        # sums of float32 in another order, amplified by eight steps of training
        assert one["bits_per_bit"] == pytest.approx(other["bits_per_bit"], rel=1e-4)


def test_the_newest_checkpoints_and_the_best_are_kept(make_config, monkeypatch):
    scores = iter([5.0, 3.0, 4.0, 4.5, 4.2, 4.1, 4.4, 4.3])
    real = loop.do_what_is_due.__globals__["evaluate"]

    def pretended(*args, **kwargs):
        import dataclasses

        return dataclasses.replace(real(*args, **kwargs), bits_per_byte=next(scores))

    monkeypatch.setitem(loop.do_what_is_due.__globals__, "evaluate", pretended)
    result = train(make_config(evaluate_every=1 / 8, checkpoint_every=1 / 8, keep_checkpoints=2))
    assert [step for step, _ in result.run.checkpoints()] == [2, 7, 8]
    assert resolve_checkpoint(result.run.path, prefer="best").name == "step_00000002"
    assert result.best_bits_per_byte == 3.0
    assert result.bits_per_byte == 4.3


def test_a_finished_run_goes_on_only_with_a_larger_budget(make_config):
    result = train(make_config())
    with pytest.raises(RunError, match="finished.*larger budget"):
        resume(result.run.path)
    with pytest.raises(RunError, match="finished.*larger budget"):
        resume(result.run.path, budget=Budget(steps=8))
    for budget in (Budget(steps=7), Budget(seconds=100)):
        with pytest.raises(ConfigError, match="larger one in steps"):
            resume(result.run.path, budget=budget)
    longer = resume(result.run.path, budget=Budget(steps=12))
    assert longer.step == 12
    assert [row["step"] for row in rows_of(longer.run, "train")] == list(range(1, 13))


def test_a_loss_that_is_no_number_ends_the_run_before_it_does_harm(make_config, monkeypatch):
    real = loop.backward_micro_batches
    calls = []

    def broken(*args):
        calls.append(1)
        return real(*args) * (math.nan if len(calls) == 6 else 1.0)

    monkeypatch.setattr(loop, "backward_micro_batches", broken)
    config = make_config()
    with pytest.raises(TrainingError, match=r"loss is nan in step 6.*lower learning rates"):
        train(config)
    run = open_run(config.run_dir)
    assert run.status().state == "failed"
    assert "step 6" in run.status().message
    assert resolve_checkpoint(run.path).name == "step_00000004"
    assert all(weight.isfinite().all() for weight in weights_in(run.path).values())


def test_a_gradient_that_is_no_number_ends_the_run(make_config, monkeypatch):
    monkeypatch.setattr(loop, "clip_gradients", lambda *args: torch.tensor(math.inf))
    with pytest.raises(TrainingError, match="norm is inf in step 1"):
        train(make_config())


def test_a_full_disk_fails_the_run_and_keeps_the_checkpoint_before(make_config, monkeypatch):
    config = make_config(evaluate_every=0.0)
    real = loop.do_what_is_due
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def on_a_small_disk(session):
        if session.state.counters.step == 4:  # files of metrics still fit, weights do not
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        real(session)

    monkeypatch.setattr(loop, "do_what_is_due", on_a_small_disk)
    try:
        with pytest.raises(StorageError, match="cannot write"):
            train(config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    run = open_run(config.run_dir)
    assert run.status().state == "failed"
    assert [step for step, _ in run.checkpoints()] == [2]
    assert [path.name for path in run.checkpoints_path.iterdir()] == ["step_00000002"]
    monkeypatch.undo()
    assert resume(run.path).step == 8


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    from bit_transformer.training import TrainConfig, snapshots, train

    def killed(folder, *rest):
        (folder / "model.json").write_text("half a fi")
        os.kill(os.getpid(), signal.SIGKILL)

    def on_row(self, row):
        if row["step"] == 4:
            snapshots.write_model = killed

    from bit_transformer.training.reporting import SilentReporter
    SilentReporter.row = on_row
    train(TrainConfig.model_validate_json(Path(sys.argv[1]).read_text()))
"""


def test_a_run_killed_while_saving_resumes_from_the_checkpoint_before(make_config, tmp_path):
    config = make_config(evaluate_every=0.0)
    path = tmp_path / "config.json"
    path.write_text(config.model_dump_json())
    code = textwrap.dedent(KILLED)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    run = open_run(config.run_dir)
    assert not run.is_alive()
    assert [step for step, _ in run.checkpoints()] == [2]
    assert any(path.name.startswith(".") for path in run.checkpoints_path.iterdir())
    resumed = resume(run.path)
    whole = train(make_config(evaluate_every=0.0, run_dir=tmp_path / "whole"))
    assert without_times(rows_of(resumed.run)) == without_times(rows_of(whole.run))
    assert not any(path.name.startswith(".") for path in run.checkpoints_path.iterdir())


def test_a_damaged_checkpoint_is_named_with_a_way_out(make_config):
    result = train(make_config())
    optimizer = next((result.checkpoint / "optimizer").iterdir())
    content = bytearray(optimizer.read_bytes())
    content[len(content) // 2] ^= 1
    optimizer.write_bytes(content)
    larger = Budget(steps=10)
    with pytest.raises(CheckpointError, match=f"SHA-256.*delete {result.checkpoint}"):
        resume(result.run.path, budget=larger)
    shutil.rmtree(result.checkpoint)
    assert resume(result.run.path, budget=larger).step == 10


def test_a_run_is_written_by_one_process_at_a_time(make_config):
    result = train(make_config(), reporter=StopAfter(4))
    with result.run.lock(), pytest.raises(RunError, match="in use"):
        resume(result.run.path)
    assert result.run.status().state == "stopped"


def test_a_run_does_not_go_on_with_other_data(make_config):
    config = make_config()
    result = train(config, reporter=StopAfter(4))
    config.data.paths[0].write_bytes(b"something else entirely, and long enough " * 300)
    with pytest.raises(DataError, match="not what it was"):
        resume(result.run.path)


def test_what_cannot_be_resumed_says_why(make_config, tmp_path):
    with pytest.raises(RunError, match="no run folder"):
        resume(tmp_path / "nowhere")
    run = train(make_config(), reporter=StopAfter(4)).run
    shutil.rmtree(run.checkpoints_path)
    with pytest.raises(RunError, match="no checkpoint to resume from"):
        resume(run.path)
    run.config_path.write_text('{"model": {"width": "wide"}}')
    with pytest.raises(RunError, match="no configuration"):
        resume(run.path)


def test_a_folder_that_is_taken_is_refused(make_config):
    train(make_config())
    with pytest.raises(RunError, match="already holds"):
        train(make_config())


def test_too_little_data_is_refused_and_noted(make_config):
    config = make_config()
    config.data.paths[0].write_bytes(b"hi there")
    with pytest.raises(DataError):
        train(config)
    assert open_run(config.run_dir).status().state == "failed"


def test_without_held_out_data_there_is_no_score(make_config):
    data = make_config().data.model_copy(update={"valid_fraction": 0.0})
    result = train(make_config(data=data))
    assert (result.bits_per_byte, result.best_bits_per_byte) == (None, None)
    assert rows_of(result.run, "valid") == []


def test_parity_coded_bytes_train_too(make_config):
    config = make_config()
    data = config.data.model_copy(update={"encoding": "parity"})
    model = config.model.model_copy(update={"patch_bits": 9, "phase_bits": 9})
    result = train(make_config(data=data, model=model))
    row = rows_of(result.run, "train")[0]
    assert row["bits_per_byte"] == 9 * row["bits_per_bit"]


def test_a_second_interrupt_is_not_held_back(make_config):
    class Impatient(SilentReporter):
        def row(self, row):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    config = make_config()
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(config, reporter=Impatient())
    assert signal.getsignal(signal.SIGINT) is handler
    assert open_run(config.run_dir).status().state == "failed"


def test_a_missing_tracker_says_how_to_install_it(make_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match=r"bit-transformer\[tensorboard\]"):
        train(make_config(trackers=["tensorboard"]))


def test_one_process_of_several_is_refused(make_config, monkeypatch):
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="'none'"):
        train(make_config(distributed="none"))
    monkeypatch.delitem(os.environ, "WORLD_SIZE")
    with pytest.raises(ConfigError, match="torchrun"):
        train(make_config(distributed="ddp"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's compiler to itself
def test_a_compiled_training_is_the_same_up_to_rounding(make_config, tmp_path, monkeypatch):
    # The whole way through PyTorch's compiler but for the kernels, which take a minute to build.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    model = make_config().model.model_copy(update={"dropout": 0.0})
    eager = train(make_config(model=model, run_dir=tmp_path / "eager"))
    compiled = train(make_config(model=model, run_dir=tmp_path / "compiled", compile="on"))
    for one, other in zip(rows_of(eager.run), rows_of(compiled.run), strict=True):
        # operations are taken apart and rounded differently; eight steps of training amplify that
        assert one["bits_per_bit"] == pytest.approx(other["bits_per_bit"], rel=1e-3)
