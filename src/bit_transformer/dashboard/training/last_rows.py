"""The last rows of a run's metrics, found from the end of the file; read again if it changed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bit_transformer.runs import RunFolder

__all__ = ["LastRows", "RowTracker"]

_CHUNK_BYTES = 1 << 18
_MOST_BYTES = 1 << 26
_MOST_RUNS = 1000

Row = dict[str, Any]


@dataclass(frozen=True)
class LastRows:
    """The last row of all, of training steps, and of evaluations, where there are any."""

    last: Row | None = None
    train: Row | None = None
    valid: Row | None = None


class RowTracker:
    """Remembers the last rows of every run that it was asked for."""

    def __init__(self) -> None:
        self._known: dict[Path, _Known] = {}

    def read(self, run: RunFolder) -> LastRows:
        """The last rows of a run."""
        try:
            status = run.metrics_path.stat()
        except OSError:
            return LastRows()
        known = self._known.get(run.path)
        if known is None or known.inode != status.st_ino or status.st_size < known.num_read:
            known = _Known(status.st_ino, 0, LastRows())
        if status.st_size > known.num_read:
            num_read, rows = _read(run.metrics_path, known.num_read, known.rows)
            known = _Known(status.st_ino, num_read, rows)
        if len(self._known) >= _MOST_RUNS:
            self._known.clear()
        self._known[run.path] = known
        return known.rows


class _Known(NamedTuple):
    """What was read of one file: which file, how many bytes of whole rows, and what they end in."""

    inode: int
    num_read: int
    rows: LastRows


def _read(path: Path, since: int, earlier: LastRows) -> tuple[int, LastRows]:
    """Where the last whole row ends, and the last rows, looked for back to ``since``."""
    found: dict[str, Row] = {}
    num_read = since
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            rest, stop = b"", max(since, end - _MOST_BYTES)
            while end > stop and len(found) < 3:
                start = max(stop, end - _CHUNK_BYTES)
                file.seek(start)
                part = file.read(end - start)
                if num_read == since and b"\n" in part:  # what follows is half a row, for later
                    num_read = start + part.rindex(b"\n") + 1
                    part, rest = part[: num_read - start], b""
                lines = (part + rest).split(b"\n")
                rest = lines.pop(0) if start > stop else b""
                end = start
                for line in reversed(lines):
                    _take(line, found)
    except OSError:
        return since, earlier
    return num_read, LastRows(
        last=found.get("last", earlier.last),
        train=found.get("train", earlier.train),
        valid=found.get("valid", earlier.valid),
    )


def _take(line: bytes, found: dict[str, Row]) -> None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(row, dict) and isinstance(row.get("step"), int):
        found.setdefault("last", row)
        if row.get("kind") in ("train", "valid"):
            found.setdefault(row["kind"], row)
