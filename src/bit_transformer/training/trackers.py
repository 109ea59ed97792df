"""Where rows of metrics go besides ``metrics.jsonl``; nothing, unless asked for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from bit_transformer.errors import MissingDependencyError
from bit_transformer.runs import RunFolder

__all__ = ["TensorBoardTracker", "Tracker", "open_trackers"]


class Tracker(Protocol):
    """Something that takes rows of numbers as they come."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Take one row: the same that goes to ``metrics.jsonl``."""
        ...

    def close(self) -> None:
        """Make sure that nothing is lost."""
        ...


class TensorBoardTracker:
    """Event files in the run folder, for ``tensorboard --logdir runs``.

    Args:
        first_step: events from this step on, of an earlier life of the run, are superseded.

    Raises:
        MissingDependencyError: TensorBoard is not installed.
    """

    def __init__(self, run: RunFolder, first_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingDependencyError(
                "tensorboard", "tensorboard", "trackers=['tensorboard']"
            ) from error
        self._writer = SummaryWriter(str(run.tensorboard_path), purge_step=first_step)

    def write(self, row: Mapping[str, Any]) -> None:
        """Take one row: each of its numbers becomes a point of the curve KIND/NAME.

        Numbers in parts of the row have the part's name before theirs: KIND/views/raw/NAME.
        """
        for name, value in _numbers(row):
            if name != "step":
                self._writer.add_scalar(f"{row['kind']}/{name}", value, row["step"])

    def close(self) -> None:
        """Flush the event files."""
        self._writer.close()


def _numbers(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int | float]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            yield prefix + name, value


def open_trackers(names: Sequence[str], run: RunFolder, first_step: int) -> list[Tracker]:
    """The trackers of these names, from ``first_step`` on.

    Raises:
        MissingDependencyError: one of them is not installed.
    """
    known = {"tensorboard": TensorBoardTracker}
    return [known[name](run, first_step) for name in names]
