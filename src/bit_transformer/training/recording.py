"""Where the rows of a run go: its files, the trackers, and whoever watches."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from bit_transformer.runs import MetricsWriter, RunFolder
from bit_transformer.runs.folder import HEARTBEAT_S
from bit_transformer.training.config import TrainConfig
from bit_transformer.training.reporting import Reporter
from bit_transformer.training.trackers import open_trackers

__all__ = ["Recorder", "open_recorder"]

Row = Mapping[str, Any]


class Recorder:
    """Passes rows on to all who want them; in any process but the first, to nobody."""

    def __init__(self) -> None:
        self.row_takers: list[Callable[[Row], None]] = []
        self.sample_takers: list[Callable[[Row], None]] = []
        self.beat_takers: list[Callable[[int], None]] = []
        self._last_beat = 0.0

    def row(self, row: Row) -> None:
        """Record a row of metrics."""
        for take in self.row_takers:
            take(row)

    def sample(self, row: Row) -> None:
        """Record a generated sample."""
        for take in self.sample_takers:
            take(row)

    def beat(self, step: int) -> None:
        """Show that the run is alive; cheap enough to be called after every step."""
        now = time.monotonic()
        if now - self._last_beat >= HEARTBEAT_S:
            self._last_beat = now
            for take in self.beat_takers:
                take(step)


@contextmanager
def open_recorder(
    run: RunFolder, config: TrainConfig, step: int, reporter: Reporter, *, is_first: bool
) -> Iterator[Recorder]:
    """A recorder that goes on after ``step``: rows of later steps, from before, are cut off."""
    recorder = Recorder()
    if not is_first:
        yield recorder
        return
    with ExitStack() as stack:
        metrics = stack.enter_context(MetricsWriter(run.metrics_path))
        samples = stack.enter_context(MetricsWriter(run.samples_path))
        metrics.resume(step)
        samples.resume(step)
        trackers = open_trackers(config.trackers, run, step + 1)
        for tracker in trackers:
            stack.callback(tracker.close)
        writers = [metrics.append, *(tracker.write for tracker in trackers)]
        recorder.row_takers += [*writers, reporter.row]
        recorder.sample_takers += [samples.append, reporter.sample]
        recorder.beat_takers.append(run.beat)
        yield recorder
