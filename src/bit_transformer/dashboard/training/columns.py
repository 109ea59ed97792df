"""A run's metrics as columns of numbers, which grow with the file and take little memory.

A row is a hundred times larger as Python objects than as numbers, and the viewers of a long run
ask for the same columns again and again. Rows are numbered in the order of the file; the number
of the next one is where an increment begins.
"""

import json
from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Any

import numpy as np

from bit_transformer.dashboard.training.downsampling import downsampled

__all__ = ["RunColumns", "Table"]

_CHUNK_BYTES = 1 << 22
_MOST_COLUMNS = 64
_MOST_TABLES = 16
_MOST_EVENTS = 1000
_LEFT_OUT = frozenset({"step", "kind"})

Row = dict[str, Any]


class Table:
    """Columns of equal length, with the step and the number of each row."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self.steps = array("q")
        self._columns: dict[str, array[float]] = {}

    def append(self, number: int, step: int, values: Row) -> None:
        """Take up a row's numbers; what is no number is left out."""
        length = len(self.numbers)
        self.numbers.append(number)
        self.steps.append(step)
        for name, value in values.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or name in _LEFT_OUT:
                continue
            column = self._columns.get(name)
            if column is None:
                if len(self._columns) >= _MOST_COLUMNS:
                    continue
                column = self._columns[name] = array("d")
            column.extend([float("nan")] * (length - len(column)))
            column.append(_as_float(value))

    def part(self, since: int, until_step: int | None, max_points: int) -> dict[str, list[Any]]:
        """The rows from number ``since`` on, as lists; of too many, the extremes."""
        start = bisect_left(self.numbers, since)
        end = len(self.numbers)
        if until_step is not None:
            end = max(start, bisect_right(self.steps, until_step))
        steps = np.array(self.steps[start:end], dtype=np.int64)
        columns = {}
        for name, column in self._columns.items():
            values = np.full(end - start, np.nan)
            known = np.array(column[start:end], dtype=np.float64)
            values[: len(known)] = known
            columns[name] = values
        return downsampled(steps, columns, max_points)


class RunColumns:
    """Everything of one ``metrics.jsonl``, read as far as it has grown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin_anew(0)

    def _begin_anew(self, inode: int) -> None:
        self.inode = inode
        self.num_rows = 0
        self._offset = 0
        self._tables: dict[tuple[str, str], Table] = {}
        self._events: list[tuple[int, Row]] = []
        self._last_action = "pass"

    @property
    def token(self) -> str:
        """Where the next increment begins."""
        return f"{self.inode:x}.{self.num_rows}"

    def update(self) -> None:
        """Read what was appended; everything, if the file is another one now."""
        try:
            file = self.path.open("rb")
        except OSError:
            self._begin_anew(0)
            return
        with file:
            status = self.path.stat()
            inode = status.st_ino
            if inode != self.inode or status.st_size < self._offset:
                self._begin_anew(inode)
            file.seek(self._offset)
            rest = b""
            while chunk := file.read(_CHUNK_BYTES):
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    self._offset += len(line) + 1
                    self._take(line)

    def since(self, token: str) -> int | None:
        """The number of the first row that a token's owner lacks; None: it must begin anew."""
        inode, _, number = token.partition(".")
        if inode != f"{self.inode:x}" or not number.isdecimal() or len(number) > 18:
            return None
        return int(number) if int(number) <= self.num_rows else None

    def series(self, since: int, until: int | None, max_points: int) -> dict[str, Any]:
        """The columns from a row's number on, named as the interface has them."""

        def table(group: str, name: str = "") -> dict[str, list[Any]]:
            found = self._tables.get((group, name), Table())
            return found.part(since, until, max_points)

        def tables(group: str) -> dict[str, Any]:
            names = [name for one, name in self._tables if one == group]
            return {name: table(group, name) for name in names}

        return {
            "train": table("train"),
            "evaluate": table("evaluate"),
            "views": tables("views"),
            "evaluate_views": tables("evaluate_views"),
            "telemetry": table("telemetry"),
            "telemetry_direct": tables("telemetry_direct"),
            "gates": [event for number, event in self._events if number >= since],
        }

    def _take(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(row, dict):
            return
        step = row.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < 2**62:
            return
        number = self.num_rows
        self.num_rows += 1
        if row.get("kind") == "telemetry":
            self._append("telemetry", "", number, step, row)
            self._append_all("telemetry_direct", row.get("direct"), number, step)
            self._note_gates(number, step, row)
        else:
            is_valid = row.get("kind") == "valid"
            self._append("evaluate" if is_valid else "train", "", number, step, row)
            group = "evaluate_views" if is_valid else "views"
            self._append_all(group, row.get("views"), number, step)

    def _append_all(self, group: str, parts: Any, number: int, step: int) -> None:
        if isinstance(parts, dict):
            for name, values in parts.items():
                if isinstance(values, dict):
                    self._append(group, str(name)[:64], number, step, values)

    def _append(self, group: str, name: str, number: int, step: int, values: Row) -> None:
        key = (group, name)
        if key not in self._tables:
            if len(self._tables) >= _MOST_TABLES:
                return
            self._tables[key] = Table()
        self._tables[key].append(number, step, values)

    def _note_gates(self, number: int, step: int, row: Row) -> None:
        action = str(row.get("verdict", "pass"))
        if action == self._last_action:
            return
        self._last_action = action
        reasons = row.get("reasons")
        texts = [str(reason) for reason in reasons] if isinstance(reasons, list) else []
        self._events.append((number, {"step": step, "action": action, "reasons": texts}))
        del self._events[:-_MOST_EVENTS]


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("nan")
