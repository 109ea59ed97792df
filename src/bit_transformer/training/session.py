"""Everything that one training needs at hand, assembled before the first step."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bit_transformer.data import Corpus, Loader, ViewMixture, WindowSampler, prepare_corpus
from bit_transformer.errors import ConfigError, DataError
from bit_transformer.model import BitTransformerLM
from bit_transformer.runs import RunFolder
from bit_transformer.training.config import TrainConfig
from bit_transformer.training.machine import Machine, choose_machine, try_compiled
from bit_transformer.training.optimizer import build_optimizers
from bit_transformer.training.pace import Pace
from bit_transformer.training.processes import Processes
from bit_transformer.training.recording import Recorder
from bit_transformer.training.reporting import Reporter
from bit_transformer.training.signals import StopRequest
from bit_transformer.training.snapshots import load_weights, restore, saved_corpus_digest
from bit_transformer.training.state import Counters, TrainState

__all__ = ["Session", "open_session"]

WORKERS_PAY_FROM_S = 20
WORKERS_PAY_FROM_BYTES = 2_000_000
"""Starting a process takes a second of a processor, which short trainings do not earn back."""


@dataclass
class Session:
    """One training at work.

    ``state.model`` is the model itself, perhaps sharded; ``step_model`` is what the training step
    calls: the same, or compiled, or wrapped. Their weights are the same tensors.
    """

    config: TrainConfig
    run: RunFolder
    processes: Processes
    machine: Machine
    corpus: Corpus
    state: TrainState
    step_model: nn.Module
    pace: Pace
    num_parts: int
    recorder: Recorder = field(default_factory=Recorder)
    stop: StopRequest = field(default_factory=StopRequest)
    must_stop: bool = False

    def new_loader(self) -> Loader:
        """The batches of this process, from the next step on."""
        config = self.config
        sampler = WindowSampler(
            num_bytes=len(self.corpus.train),
            window_bytes=config.window_bytes,
            batch_size=config.batch_windows,
            seed=config.seed,
            rank=self.processes.rank,
            world_size=self.processes.world_size,
        )
        return Loader(
            self.corpus.train,
            sampler,
            encoding=config.data.encoding,
            start_step=self.state.counters.step,
            mixture=_mixture(config),
            num_workers=_num_workers(config),
            spent_share=self._spent_share,
        )

    def _spent_share(self, step: int) -> float:
        """How much of the budget is spent before a step; of seconds, how much is by now."""
        num_bytes = step * self.config.batch_bytes
        spent_s = self.state.counters.spent_s
        return self.pace.spent_share(Counters(step=step, bytes_seen=num_bytes, spent_s=spent_s))


def open_session(
    config: TrainConfig,
    run: RunFolder,
    processes: Processes,
    reporter: Reporter,
    snapshot: Path | None = None,
) -> Session:
    """A training that is ready for its first step, or for the next one after ``snapshot``.

    Raises:
        ConfigError: the configuration asks for what the machine does not have.
        DataError: there is no data, too little, or other data than before.
        MissingDependencyError: the package of a codec is not installed.
        CheckpointError: the snapshot is damaged, or of another configuration.
    """
    num_parts = config.micro_batches(processes.world_size)
    if config.has_views:
        from bit_transformer.data.compression import check_codecs

        check_codecs(config.codecs)
    machine = choose_machine(config, processes.local_rank)
    reporter.preparing("reading the data")
    corpus = processes.first_then_all(lambda: prepare_corpus(config.data))
    if snapshot is not None:
        _check_same_data(corpus, snapshot)
    torch.manual_seed(config.seed)
    model = (
        BitTransformerLM(config.model) if snapshot is None else load_weights(snapshot, config.model)
    )
    model = model.to(machine.device).train()
    sharded = processes.shard(model)
    state = TrainState(model, build_optimizers(model, config.optimizer))
    if snapshot is not None:
        restore(snapshot, state, processes)
    session = Session(
        config=config,
        run=run,
        processes=processes,
        machine=machine,
        corpus=corpus,
        state=state,
        step_model=sharded,
        pace=Pace(config.budget, config.batch_bytes),
        num_parts=num_parts,
    )
    session.step_model = _compiled(session, reporter)
    return session


def _compiled(session: Session, reporter: Reporter) -> nn.Module:
    config = session.config
    if session.processes.world_size > 1:
        if config.compile == "on":
            raise ConfigError("compile='on' is for one process; with several, use 'auto' or 'off'")
        return session.step_model
    share = config.batch_windows // session.processes.world_size // session.num_parts
    example = torch.zeros(
        share,
        config.window_bytes * config.data.bits_per_byte,
        dtype=torch.uint8,
        device=session.machine.device,
    )
    reporter.preparing("building the model")
    started = time.perf_counter()
    options = _step_options(config, example)
    step_model = try_compiled(session.step_model, config, session.machine, example, options)
    if step_model is not session.step_model:
        # Whoever has three minutes has them with the compiler's share.
        session.state.counters.spent_s += time.perf_counter() - started
    return step_model


def _step_options(config: TrainConfig, bits_BT: torch.Tensor) -> dict[str, Any]:
    """What steps ask the model for: the same always, so that it is compiled once."""
    if not config.measures_bits:
        return {"return_loss": True}
    if config.direct_prob == 0:
        return {"return_loss": "bits"}
    num_rows, num_bits = bits_BT.shape
    views = torch.zeros(num_rows, dtype=torch.int64, device=bits_BT.device)
    return {"return_loss": "bits", "view": views, "lengths": torch.full_like(views, num_bits)}


def _mixture(config: TrainConfig) -> ViewMixture:
    return ViewMixture(
        compress_prob=config.compress_prob,
        direct_prob=config.direct_prob,
        compress_ramp=config.compress_ramp,
        direct_ramp=config.direct_ramp,
        codecs=config.codecs,
        codec_weights=config.codec_weights,
        seed=config.seed,
    )


def _num_workers(config: TrainConfig) -> int:
    """As many as asked for; else one, where there is a processor for it and time to start it."""
    if config.loader_workers is not None:
        return config.loader_workers
    pays_from = {
        "seconds": WORKERS_PAY_FROM_S,
        "bytes": WORKERS_PAY_FROM_BYTES,
        "steps": WORKERS_PAY_FROM_BYTES / config.batch_bytes,
    }
    has_processor = (os.cpu_count() or 1) > 1
    return int(has_processor and config.budget.amount >= pays_from[config.budget.unit])


def _check_same_data(corpus: Corpus, snapshot: Path) -> None:
    earlier = saved_corpus_digest(snapshot)
    if earlier is not None and earlier != corpus.digest:
        raise DataError(
            f"the data is not what it was when {snapshot} was saved, so the run cannot go on as "
            "it began; restore the files, or start a new run"
        )
