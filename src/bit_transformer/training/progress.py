"""A training as seen on a terminal: a bar with rate, time left and loss; plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from bit_transformer.runs import RunFolder
from bit_transformer.training.config import TrainConfig

__all__ = ["TerminalReporter"]

LINE_EVERY_S = 10.0
SMOOTHING = 0.9


class TerminalReporter:
    """A reporter that writes to stderr, so that results on stdout stay by themselves.

    The loss in the bar is a moving average; held-out losses and samples are lines above the bar.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr, highlight=False)
        self._bar: Progress | None = None
        self._loss: float | None = None
        self._views: dict[str, dict[str, float]] = {}
        self._verdict = "pass"
        self._told = time.monotonic()

    def preparing(self, message: str) -> None:
        """Say what is being prepared."""
        self.console.print(f"{message} ...", style="dim")

    def started(self, run: RunFolder, config: TrainConfig, step: int) -> None:
        """Show where the run is written, and the bar."""
        verb = f"resuming from step {step}" if step else "training"
        self._say(f"{verb} for {config.budget} in {run.path}")
        if self.console.is_terminal:
            self._bar = _make_bar(self.console)
            self._bar.add_task("train", total=1.0, rate="", eta="", loss="")
            self._bar.start()

    def row(self, row: Mapping[str, Any]) -> None:
        """Move the bar, or tell a held-out loss."""
        if row["kind"] == "valid":
            best = ", the best so far" if row["is_best"] else ""
            views = _told_views(row.get("views", {}))
            self._say(
                f"step {row['step']}: held out {row['bits_per_byte']:.3f} bits/byte{best}{views}"
            )
            return
        if row["kind"] == "telemetry":
            self._warn(row)
            return
        self._views = _smoothed_views(self._views, row.get("views", {}))
        loss = row["bits_per_byte"]
        self._loss = loss if self._loss is None else _smoothed(self._loss, loss)
        if self._bar is not None:
            cells: dict[str, Any] = self._cells(row)
            self._bar.update(self._bar.task_ids[0], completed=row["progress"], **cells)
        elif time.monotonic() - self._told >= LINE_EVERY_S:
            self._told = time.monotonic()
            cells = self._cells(row)
            self._say(
                f"{row['progress']:.0%}, step {row['step']}: {cells['loss']}, {cells['rate']}, "
                f"{cells['eta']} left"
            )

    def sample(self, row: Mapping[str, Any]) -> None:
        """Show the beginning of a sample."""
        text = " ".join((row["prompt"] + row["text"]).split())
        self._say(f"step {row['step']}, a sample: {text[:160]}")

    def ended(self, message: str) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._say(message)

    def _say(self, text: str) -> None:
        self.console.print(escape(text), soft_wrap=True)

    def _cells(self, row: Mapping[str, Any]) -> dict[str, str]:
        left_s = row["elapsed_s"] * (1 / max(row["progress"], 1e-9) - 1)
        return {
            "rate": f"{row['bytes_per_s'] / 1000:.1f} KB/s",
            "eta": _clock(left_s),
            "loss": f"{self._loss:.3f} bits/byte{_told_views(self._views)}",
        }

    def _warn(self, row: Mapping[str, Any]) -> None:
        """Tell of drift when a gate closes, and when all are open again."""
        if row["verdict"] != self._verdict:
            self._verdict = row["verdict"]
            what = f"drift, {'; '.join(row['reasons'])}" if row["reasons"] else "no drift any more"
            self._say(f"step {row['step']}: {what}")


def _make_bar(console: Console) -> Progress:
    return Progress(
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[eta]} left"),
        TextColumn("{task.fields[loss]}"),
        console=console,
        transient=True,
    )


def _told_views(views: Mapping[str, Mapping[str, float]]) -> str:
    """What is worth telling of the views that are not raw: how small, and how well predicted."""
    told = ""
    compressed, direct = views.get("compressed", {}), views.get("direct", {})
    if "compressed_fraction" in compressed:
        told += f", compressed to {compressed['compressed_fraction']:.2f}"
    if "bits_per_source_bit" in direct:
        told += f", direct {direct['bits_per_source_bit']:.3f} bits/source bit"
    return told


def _smoothed_views(
    before: Mapping[str, Mapping[str, float]], now: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    smoothed = {view: dict(figures) for view, figures in before.items()}
    for view, figures in now.items():
        known = smoothed.setdefault(view, {})
        for name, value in figures.items():
            known[name] = _smoothed(known[name], value) if name in known else value
    return smoothed


def _smoothed(before: float, now: float) -> float:
    return SMOOTHING * before + (1 - SMOOTHING) * now


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
