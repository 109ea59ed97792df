"""The rows of metrics that steps leave behind: means and rates since the row before."""

import time
from typing import Any, NamedTuple

from torch import Tensor

from bit_transformer.data import Batch, Loader
from bit_transformer.training.chores import row_of
from bit_transformer.training.observation import Observer
from bit_transformer.training.session import Session
from bit_transformer.training.view_sums import scores_of, view_figures

__all__ = ["Gradient", "Meter"]


class Gradient(NamedTuple):
    """What finding the gradient of a step told.

    Shapes: bit_losses (B, T) float32, of this process; None where only their mean was taken.

    Args:
        loss: mean loss in bits per bit, over all processes.
        norm: norm of the whole gradient, before it was clipped.
        view_sums: of all processes; see :mod:`~bit_transformer.training.view_sums`.
    """

    loss: float
    norm: float
    bit_losses: Tensor | None = None
    view_sums: tuple[float, ...] = ()


class Meter:
    """Measures from row to row; the rows are those of :data:`TrainConfig.log_every`."""

    def __init__(self, session: Session, loader: Loader) -> None:
        self.session = session
        self.loader = loader
        self._observer = Observer(session.config.gates, session.config.telemetry_of)
        self._begin_anew()

    def after_step(self, batch: Batch, gradient: Gradient) -> None:
        """Write a row of metrics, and one of telemetry, each if its time has come."""
        config, step = self.session.config, self.session.state.counters.step
        if step % config.log_every == 0:
            self._write_row(gradient.norm)
        if config.telemetry_every and step % config.telemetry_every == 0:
            self._observe(batch, gradient.bit_losses)

    def _write_row(self, gradient_norm: float) -> None:
        session, counters = self.session, self.session.state.counters
        loss = counters.loss_sum / counters.loss_steps
        elapsed_s = max(counters.spent_s - self._spent_s, 1e-9)
        row = {
            "kind": "train",
            "bits_per_bit": loss,
            "bits_per_byte": loss * session.config.data.bits_per_byte,
            "learning_rate": session.state.optimizers[0].param_groups[0]["lr"],
            "grad_norm": gradient_norm,
            "bytes_per_s": (counters.bytes_seen - self._bytes_seen) / elapsed_s,
            "wait_share": min(1.0, (self.loader.wait_s - self._wait_s) / elapsed_s),
            "peak_memory_bytes": session.machine.peak_memory_bytes(),
        }
        if counters.view_sums:
            row |= self._of_views(counters.view_sums)
        session.recorder.row(row_of(session, row))
        counters.loss_sum, counters.loss_steps, counters.view_sums = 0.0, 0, []
        self._begin_anew()

    def _of_views(self, sums: list[float]) -> dict[str, Any]:
        """What the views add to a row; with direct ones among them, also another mean.

        Frames make sequences of unequal lengths that stand for unequal amounts of data, so then
        the loss is per bit that was read, and bits per byte are those of the data behind them.
        """
        config = self.session.config
        scores = scores_of(sums, has_losses=config.measures_bits)
        row: dict[str, Any] = {"views": view_figures(scores)}
        losses = [score.loss_bits for score in scores if score.loss_bits is not None]
        if config.direct_prob > 0:
            row["bits_per_bit"] = sum(losses) / max(1, sum(one.num_bits for one in scores))
            source_bits = sum(score.num_source_bits for score in scores)
            row["bits_per_byte"] = 8 * sum(losses) / max(1, source_bits)
        return row

    def _observe(self, batch: Batch, bit_losses: Tensor | None) -> None:
        """Write a row of K, C and S; its time does not count as training, but is in the row."""
        session = self.session
        if not session.processes.is_first:
            return
        started = time.perf_counter()
        values, verdict = self._observer.observe(batch, bit_losses)
        session.recorder.row(row_of(session, {"kind": "telemetry", **values}))
        if verdict.action == "stop":
            session.stop.ask(f"a gate ({'; '.join(verdict.reasons)})")
        session.state.counters.apart_s += time.perf_counter() - started

    def _begin_anew(self) -> None:
        counters = self.session.state.counters
        self._spent_s = counters.spent_s
        self._bytes_seen = counters.bytes_seen
        self._wait_s = self.loader.wait_s
