"""The rows of metrics that steps leave behind: means and rates since the row before."""

from bit_transformer.data import Loader
from bit_transformer.training.chores import row_of
from bit_transformer.training.session import Session

__all__ = ["Meter"]


class Meter:
    """Measures from row to row; the rows are those of :data:`TrainConfig.log_every`."""

    def __init__(self, session: Session, loader: Loader) -> None:
        self.session = session
        self.loader = loader
        self._begin_anew()

    def after_step(self, gradient_norm: float) -> None:
        """Write a row if its time has come."""
        session, counters = self.session, self.session.state.counters
        if counters.step % session.config.log_every:
            return
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
        session.recorder.row(row_of(session, row))
        counters.loss_sum, counters.loss_steps = 0.0, 0
        self._begin_anew()

    def _begin_anew(self) -> None:
        counters = self.session.state.counters
        self._spent_s = counters.spent_s
        self._bytes_seen = counters.bytes_seen
        self._wait_s = self.loader.wait_s
