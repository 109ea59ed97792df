"""What a training tells whoever watches it: one small protocol, and a silent listener.

The loop calls a :class:`Reporter` in the first process only. How it looks on a terminal is the
business of ``progress``; another front end brings its own.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from bit_transformer.runs import RunFolder
from bit_transformer.training.config import TrainConfig

__all__ = ["Reporter", "SilentReporter"]


class Reporter(Protocol):
    """What may be told during a training, in this order."""

    def preparing(self, message: str) -> None:
        """Something that takes a while begins: reading files, compiling."""
        ...

    def started(self, run: RunFolder, config: TrainConfig, step: int) -> None:
        """The first step follows: number 0, or that of a resumed run."""
        ...

    def row(self, row: Mapping[str, Any]) -> None:
        """A row was written to ``metrics.jsonl``; its ``progress`` is the spent share of budget."""
        ...

    def sample(self, row: Mapping[str, Any]) -> None:
        """A row was written to ``samples.jsonl``."""
        ...

    def ended(self, message: str) -> None:
        """No step follows, for the reason that the message gives."""
        ...


class SilentReporter:
    """A reporter that says nothing."""

    def preparing(self, message: str) -> None:
        """Say nothing."""

    def started(self, run: RunFolder, config: TrainConfig, step: int) -> None:
        """Say nothing."""

    def row(self, row: Mapping[str, Any]) -> None:
        """Say nothing."""

    def sample(self, row: Mapping[str, Any]) -> None:
        """Say nothing."""

    def ended(self, message: str) -> None:
        """Say nothing."""
