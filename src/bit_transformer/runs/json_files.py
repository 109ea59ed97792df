"""JSON files that are replaced whole: a reader sees the old content or the new, never half."""

import json
from pathlib import Path
from typing import Any

from bit_transformer.bits.files import atomic_path
from bit_transformer.errors import RunError

__all__ = ["read_json", "write_json_atomically"]


def write_json_atomically(path: Path, value: Any) -> None:
    """Replace ``path`` by ``value`` as indented JSON, in one step.

    Paths are written as strings. Not-a-number and infinities are refused, because no other JSON
    reader accepts them.

    Raises:
        RunError: the value holds something that JSON cannot carry.
        StorageError: the file cannot be written.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise RunError(f"{path} cannot be written as JSON: {error}") from error
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``.

    Raises:
        RunError: the file is missing, unreadable, not JSON, or not an object.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{path} cannot be read ({reason}); is this a run folder?") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is not valid JSON ({error}); restore or delete it") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} holds a JSON {type(value).__name__}, not an object")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r} is not JSON")
