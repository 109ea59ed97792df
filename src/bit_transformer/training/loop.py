"""One training from its first step to its last: :func:`train` starts it, :func:`resume` goes on.

The loop is :func:`_loop`: chores, then a step, until the budget is spent or somebody asks to
stop. Everything it holds is a :class:`~bit_transformer.training.session.Session`.

Invariants: a run that is stopped and resumed takes the same steps as one that never stopped
(bit for bit where the budget is in steps or bytes); a step that would damage the weights is never
taken; whatever ends a run, its last checkpoint is whole and its status says why.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bit_transformer.data import Batch
from bit_transformer.errors import BitTransformerError, ConfigError, RunError, TrainingError
from bit_transformer.runs import RunFolder, environment, open_run
from bit_transformer.training.budget import Budget
from bit_transformer.training.chores import do_what_is_due, evaluate_now, save_now
from bit_transformer.training.config import TrainConfig
from bit_transformer.training.meter import Gradient, Meter
from bit_transformer.training.optimizer import set_learning_rate
from bit_transformer.training.processes import Processes
from bit_transformer.training.recording import open_recorder
from bit_transformer.training.reporting import Reporter, SilentReporter
from bit_transformer.training.schedule import schedule_factor
from bit_transformer.training.session import Session, open_session
from bit_transformer.training.snapshots import newest_snapshot
from bit_transformer.training.step import (
    backward_bit_losses,
    backward_micro_batches,
    clip_gradients,
    seed_step,
    update,
)
from bit_transformer.training.view_sums import add_sums, sums_of

__all__ = ["TrainResult", "resume", "take_step", "train"]


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    ``stopped_by`` names the signal that ended it early, and is None where the budget is spent.
    ``bits_per_byte`` is that of the last evaluation on held-out data, ``best_bits_per_byte`` the
    lowest; both are None where there was none. ``apart_s`` was spent on chores.
    """

    run: RunFolder
    checkpoint: Path
    step: int
    bytes_seen: int
    spent_s: float
    apart_s: float
    bits_per_byte: float | None
    best_bits_per_byte: float | None
    stopped_by: str | None = None


def train(config: TrainConfig, *, reporter: Reporter | None = None) -> TrainResult:
    """How a new training ended, once its budget is spent or it was asked to stop.

    Raises:
        ConfigError: the configuration asks for what this machine does not have.
        DataError: there is no data, or less than one context.
        RunError: the run folder is taken.
        StorageError: the disk is full; the last checkpoint is whole.
        TrainingError: the loss or the gradient is no finite number.
    """
    with _open_processes(config) as processes:
        path = processes.from_first(lambda: str(_new_run(config).path))
        return _train(config, RunFolder(Path(path)), processes, reporter or SilentReporter())


def resume(
    run_dir: str | Path, *, budget: Budget | None = None, reporter: Reporter | None = None
) -> TrainResult:
    """How the training in ``run_dir`` ended, gone on from its newest whole checkpoint.

    Args:
        budget: a new, larger one of the same unit; the learning rates follow the schedule as if
            it had been there from the beginning.

    Raises:
        RunError: there is no run, it has no checkpoint, it is still being written, or its budget
            is spent.
        CheckpointError: the newest checkpoint is damaged; the message says how to go on.
        Also whatever :func:`train` raises.
    """
    run = open_run(Path(run_dir))
    config = _stored_config(run, budget)
    with _open_processes(config) as processes:
        snapshot = newest_snapshot(run)
        return _train(config, run, processes, reporter or SilentReporter(), snapshot)


def _train(
    config: TrainConfig,
    run: RunFolder,
    processes: Processes,
    reporter: Reporter,
    snapshot: Path | None = None,
) -> TrainResult:
    if not processes.is_first:
        reporter = SilentReporter()
    with _written_by(run, processes), _failures_noted(run, processes):
        if processes.is_first:
            _note_start(run, config, snapshot)
        session = open_session(config, run, processes, reporter, snapshot)
        step = session.state.counters.step
        with (
            open_recorder(run, config, step, reporter, is_first=processes.is_first) as recorder,
            session.stop,
        ):
            session.recorder = recorder
            reporter.started(run, config, step)
            _loop(session, reporter)
            return _end(session, reporter)


def _note_start(run: RunFolder, config: TrainConfig, snapshot: Path | None) -> None:
    step = int(snapshot.name.removeprefix("step_")) if snapshot else 0
    run.write_status("running", step, "preparing")
    run.write_config(config.model_dump(mode="json"))
    run.write_environment(environment())


def _loop(session: Session, reporter: Reporter) -> None:
    """Alternate chores and steps until the budget is spent or a stop is asked for."""
    with session.new_loader() as loader:
        if session.config.has_views:
            reporter.preparing("loading the codecs")
            loader.wait_until_ready()  # which takes seconds the first time, and belongs to no step
        batches = iter(loader)
        meter = Meter(session, loader)
        while not session.must_stop:
            do_what_is_due(session)
            if session.pace.is_spent(session.state.counters):
                break
            take_step(session, batches, meter)


def take_step(session: Session, batches: Iterator[Batch], meter: Meter) -> None:
    """Read a batch, find the gradient, move the weights, count."""
    started = time.perf_counter()
    batch = next(batches)
    factor = schedule_factor(
        session.pace.middle_of_next_step(session.state.counters), session.config.schedule
    )
    set_learning_rate(session.state.optimizers, factor)
    gradient = _find_gradient(session, batch)
    _check_finite(session, gradient)
    update(session.state.optimizers)
    _count(session, gradient, time.perf_counter() - started)
    meter.after_step(batch, gradient)
    session.recorder.beat(session.state.counters.step)


def _find_gradient(session: Session, batch: Batch) -> Gradient:
    """The mean loss over all processes, and the gradient's norm; the gradient is left clipped."""
    config, processes = session.config, session.processes
    seed_step(config.seed, session.state.counters.step, processes.rank)
    loss, bit_losses = _backward(session, batch)
    norm = clip_gradients(session.state.model.parameters(), config.clip_norm, processes)
    sums = [] if batch.views is None else sums_of(batch.views, bit_losses)
    mean_loss, *mean_sums = processes.mean([loss.item(), *sums])
    view_sums = tuple(value * processes.world_size for value in mean_sums)
    return Gradient(mean_loss, norm.item(), bit_losses, view_sums)


def _backward(session: Session, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """The mean loss of this process, and the loss of every bit where somebody asks for it."""
    device = session.machine.device
    bits = batch.bits.to(device, non_blocking=True)
    common = (session.step_model, bits, session.num_parts, session.machine, session.processes)
    if not session.config.measures_bits:
        return backward_micro_batches(*common), None
    if batch.views is None or session.config.direct_prob == 0:
        return backward_bit_losses(*common)
    views, lengths = (part.to(device) for part in batch.views[:2])
    return backward_bit_losses(*common, views, lengths)


def _count(session: Session, gradient: Gradient, step_s: float) -> None:
    """Add the step to the counters; time and requests to stop are the same in all processes."""
    counters = session.state.counters
    is_asked, counters.step_s = session.processes.mean(
        [float(session.stop.reason is not None), step_s]
    )
    session.must_stop = is_asked > 0
    counters.spent_s += counters.step_s
    counters.step += 1
    counters.bytes_seen += session.config.batch_bytes
    counters.loss_sum += gradient.loss
    counters.loss_steps += 1
    if gradient.view_sums:
        counters.view_sums = add_sums(counters.view_sums, list(gradient.view_sums))


def _check_finite(session: Session, gradient: Gradient) -> None:
    """Refuse to move the weights by something that is no number."""
    loss, norm = gradient.loss, gradient.norm
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient's norm is {norm}"
    raise TrainingError(
        f"{what} in step {session.state.counters.step + 1}, so the step was not taken; the "
        "checkpoint before it is whole. Start anew with lower learning rates (optimizer.lr, "
        "optimizer.muon_lr, optimizer.table_lr) or a lower clip_norm"
    )


def _end(session: Session, reporter: Reporter) -> TrainResult:
    """Evaluate if the budget is spent, save, and say how the run ended."""
    counters = session.state.counters
    is_spent = session.pace.is_spent(counters)
    has_news = counters.saved_step != counters.step
    if is_spent and counters.evaluated_step != counters.step:
        evaluate_now(session)
        has_news = True
    if has_news:
        save_now(session)
    result = TrainResult(
        run=session.run,
        checkpoint=session.run.checkpoint_path(counters.step),
        step=counters.step,
        bytes_seen=counters.bytes_seen,
        spent_s=counters.spent_s,
        apart_s=counters.apart_s,
        bits_per_byte=counters.last_bits_per_byte,
        best_bits_per_byte=counters.best_bits_per_byte,
        stopped_by=None if is_spent else session.stop.reason or "another process",
    )
    message = f"stopped by {result.stopped_by}" if result.stopped_by else "the budget is spent"
    if session.processes.is_first:
        state = "stopped" if result.stopped_by else "finished"
        session.run.write_status(state, counters.step, message)
    reporter.ended(message)
    return result


@contextmanager
def _open_processes(config: TrainConfig) -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone."""
    num_started = int(os.environ.get("WORLD_SIZE", "1"))
    kind = config.distributed
    if kind == "auto":
        kind = "ddp" if num_started > 1 else "none"
    if kind == "none":
        if num_started > 1:
            raise ConfigError(
                f"torchrun started {num_started} processes, and distributed is 'none'; "
                "use 'ddp' or 'fsdp2', or start one process"
            )
        yield Processes()
        return
    from bit_transformer.training.distributed import open_processes

    with open_processes(kind, config.device) as processes:
        yield processes


def _new_run(config: TrainConfig) -> RunFolder:
    return RunFolder.create(config.run_dir, config.name)


def _stored_config(run: RunFolder, budget: Budget | None) -> TrainConfig:
    """The configuration that a run began with, perhaps with a larger budget."""
    try:
        config = TrainConfig.model_validate(run.read_config())
    except ValueError as error:
        raise RunError(f"{run.config_path} is no configuration of a training: {error}") from error
    is_finished = run.status_path.is_file() and run.status().state == "finished"
    if is_finished and budget in (None, config.budget):
        raise RunError(
            f"{run.path} is finished: its budget of {config.budget} is spent; to train on, "
            "give a larger budget"
        )
    if budget is None:
        return config
    has_grown = budget.amount > config.budget.amount
    if budget.unit != config.budget.unit or not (has_grown or budget == config.budget):
        raise ConfigError(
            f"a budget of {budget} cannot follow {config.budget}; give a larger one in "
            f"{config.budget.unit}"
        )
    return config.model_copy(update={"budget": budget})


@contextmanager
def _written_by(run: RunFolder, processes: Processes) -> Iterator[None]:
    """A block in which these processes, and no others, write the run."""
    lock = run.lock()
    processes.from_first(lambda: str(lock.acquire()))
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _failures_noted(run: RunFolder, processes: Processes) -> Iterator[None]:
    """A block whose failure becomes the run's status, where the disk still takes it."""
    try:
        yield
    except BaseException as error:
        if processes.is_first:
            message = str(error) or type(error).__name__
            with suppress(BitTransformerError, OSError):
                run.write_status("failed", run.status().step, message)
        if isinstance(error, torch.OutOfMemoryError):
            raise TrainingError(
                f"out of memory: {error}. Lower micro_batch_bytes or turn on "
                "model.gradient_checkpointing"
            ) from error
        raise
