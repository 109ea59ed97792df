"""The last rows of a run's metrics, found from the end of the file; read again if it changed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bit_transformer.runs import RunFolder

__all__ = ["LastRows", "RowTracker"]

_CHUNK_BYTES = 1 << 18
_MOST_BYTES = 1 << 26
_LONGEST_ROW_BYTES = 1 << 16
"""Looked at again, since the last row may have been half-written the time before."""
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
        self._known: dict[Path, tuple[tuple[int, int], LastRows]] = {}

    def read(self, run: RunFolder) -> LastRows:
        """The last rows of a run."""
        try:
            status = run.metrics_path.stat()
        except OSError:
            return LastRows()
        signature = (status.st_ino, status.st_size)
        before = self._known.get(run.path)
        if before is not None and before[0] == signature:
            return before[1]
        earlier = before[1] if before is not None and before[0][0] == status.st_ino else LastRows()
        since = before[0][1] if before is not None and earlier.last is not None else 0
        rows = _read(run.metrics_path, min(since, status.st_size), earlier)
        if len(self._known) >= _MOST_RUNS:
            self._known.clear()
        self._known[run.path] = (signature, rows)
        return rows


def _read(path: Path, since: int, earlier: LastRows) -> LastRows:
    """The last rows, looking back from the end as far as ``since`` and no further."""
    found: dict[str, Row] = {}
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            rest, stop = b"", max(since - _LONGEST_ROW_BYTES, 0, end - _MOST_BYTES)
            while end > stop and len(found) < 3:
                start = max(stop, end - _CHUNK_BYTES)
                file.seek(start)
                lines = (file.read(end - start) + rest).split(b"\n")
                rest, end = (lines.pop(0), start) if start > 0 else (b"", 0)
                for line in reversed(lines):
                    _take(line, found)
    except OSError:
        return earlier
    return LastRows(
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
