"""Rows of numbers, one JSON object a line, appended while others read them.

Both growing files of a run have this form: ``metrics.jsonl`` and ``samples.jsonl``. Every row has
an integer ``step``. A value that is not a finite number is written as ``null``, since JSON knows
no other way to say it. A writer that dies leaves at most one half-written last line, which readers
leave for later and the next writer cuts off.
"""

import json
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bit_transformer.bits.files import atomic_path, writing_errors
from bit_transformer.errors import InputError, RunError

__all__ = ["MetricsWriter", "read_metrics"]

Row = dict[str, Any]


class MetricsWriter:
    """Appends rows to a file, each of them whole and at once visible to readers.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "metrics.jsonl"
        >>> with MetricsWriter(path) as writer:
        ...     writer.append({"step": 1, "bits_per_byte": 7.5})
        ...     writer.append({"step": 2, "bits_per_byte": float("nan")})
        >>> read_metrics(path)[0]
        [{'step': 1, 'bits_per_byte': 7.5}, {'step': 2, 'bits_per_byte': None}]
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._handle = _open_after_last_row(self.path)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row.

        Raises:
            InputError: the row has no step, or holds what JSON cannot carry.
            StorageError: the disk is full; the file is left without the row.
        """
        if self._handle is None:
            raise InputError(f"the writer of {self.path} is closed; open a new one")
        line = _encode(row)
        with writing_errors(self.path):
            end = os.fstat(self._handle).st_size
            try:
                _write_all(self._handle, line)
            except OSError:
                os.ftruncate(self._handle, end)
                raise

    def resume(self, step: int) -> int:
        """Cut the rows after ``step``, and lines that are not rows; how many were cut.

        The shortened file replaces the old one in one step: a crash in between loses nothing.
        """
        kept, num_cut = [], 0
        for line in _lines(self.path):
            row = _decode(line)
            if row is not None and row["step"] <= step:
                kept.append(line)
            else:
                num_cut += 1
        if num_cut:
            self.close()
            with atomic_path(self.path) as temporary:
                Path(temporary).write_bytes(b"".join(kept))
            self._handle = _open_after_last_row(self.path)
        return num_cut

    def close(self) -> None:
        """Close the file; without effect the second time."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_metrics(
    path: Path, since_byte: int = 0, on_corrupt: Callable[[int, bytes], None] | None = None
) -> tuple[list[Row], int]:
    """The whole rows from ``since_byte`` on, and the byte where the next reading starts.

    A half-written last line is left for the next reading. If no line starts at ``since_byte`` any
    more, because a resumed run has cut the file, all rows are read anew. So a reader that
    collects rows should let a row replace those of the same step, and drop those of later ones.

    Args:
        since_byte: the second value of the last reading.
        on_corrupt: called with the byte and the content of each line that is not a row;
            without it, each such line is warned of. It is left out in any case.

    Raises:
        RunError: the file cannot be read. One that does not exist yet has no rows.
        InputError: ``since_byte`` is negative.
    """
    if since_byte < 0:
        raise InputError(f"since_byte is {since_byte}; it counts from 0")
    content, start = _read_from(Path(path), since_byte)
    report = on_corrupt or _warner(Path(path))
    rows: list[Row] = []
    end = start
    for line in content.split(b"\n")[:-1]:
        row = _decode(line)
        if row is None:
            report(end, line)
        else:
            rows.append(row)
        end += len(line) + 1
    return rows, end


def _read_from(path: Path, since_byte: int) -> tuple[bytes, int]:
    """What follows ``since_byte``, or the whole file if no line starts there; and the start."""
    try:
        with path.open("rb") as file:
            if since_byte:
                file.seek(since_byte - 1)
                if file.read(1) == b"\n":
                    return file.read(), since_byte
                file.seek(0)
            return file.read(), 0
    except FileNotFoundError:
        return b"", 0
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _decode(line: bytes) -> Row | None:
    """The row that a line holds, or None if it holds none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and _is_step(row.get("step")) else None


def _encode(row: Mapping[str, Any]) -> bytes:
    values = {key: _plain(value) for key, value in row.items()}
    if not _is_step(values.get("step")):
        raise InputError(f"a row needs a 'step' of 0, 1, 2, ..., not {values.get('step')!r}")
    try:
        return (json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"the row of step {values['step']} is not JSON: {error}") from error


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _plain(value: Any) -> Any:
    """A value as JSON has it: lists and objects within too, scalars of numpy and torch as such."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"a row holds single numbers, no arrays: {error}") from error
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _open_after_last_row(path: Path) -> int:
    """A handle for appending, after cutting off a half-written last line."""
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags, 0o644)
        try:
            content = path.read_bytes()
            if not content.endswith(b"\n"):
                os.ftruncate(handle, content.rfind(b"\n") + 1)
        except OSError:
            os.close(handle)
            raise
    return handle


def _write_all(handle: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.write(handle, data[written:])


def _warner(path: Path) -> Callable[[int, bytes], None]:
    def warn(byte: int, line: bytes) -> None:
        warnings.warn(
            f"{path}: the line at byte {byte} is not a row and was left out: {line[:40]!r}",
            stacklevel=3,
        )

    return warn
