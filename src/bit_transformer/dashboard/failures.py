"""Every error as an answer: what happened, where, what to do, and what else would work.

Worker processes and routes describe errors alike, so a page handles one shape only. An error
that nobody foresaw is written to stderr in full and answered without its details.
"""

import re
import sys
import traceback
from typing import Any

from bit_transformer.dashboard.schemas.errors import ErrorAnswer, ErrorDetail, Fallback
from bit_transformer.errors import (
    BitTransformerError,
    CheckpointError,
    CodecError,
    ConfigError,
    DashboardError,
    DataError,
    GenerationError,
    InputError,
    MissingDependencyError,
    RunError,
    StorageError,
)

__all__ = ["FALLBACKS", "answer_of", "describe", "internal_error", "status_of"]

FALLBACKS = {
    "raw_output": "Show the raw output",
    "valid_prefix": "Use the longest valid part",
    "without_compression": "Try without compression",
    "other_codec": "Pick another codec",
    "raw_data": "Look at it as plain data",
    "shorter": "Use less data",
    "upload": "Upload it as a file",
    "other_name": "Choose another name",
    "free_space": "Delete old uploads",
    "resume": "Resume from the last checkpoint",
    "sign_in": "Sign in",
    "retry": "Try again",
    "reload": "Reload the page",
}
"""What else can work, and the words on its button."""

_STATUSES: list[tuple[type[BitTransformerError], int]] = [
    (MissingDependencyError, 501),
    (StorageError, 507),
    (InputError, 422),
    (ConfigError, 422),
    (CodecError, 422),
    (DataError, 422),
    (GenerationError, 422),
    (RunError, 409),
    (CheckpointError, 409),
]

_WITH_CODECS = ("generate", "compress", "compare", "inspect", "start_run")

_DEFAULT_FIXES: list[tuple[type[BitTransformerError], str]] = [
    (MissingDependencyError, "Install the package, then restart the dashboard."),
    (StorageError, "Free some disk space, then try again."),
    (CheckpointError, "Choose another checkpoint or another run."),
    (RunError, "Choose another run, or start a new one."),
    (BitTransformerError, "Change the input and try again."),
]

_CODEC_FIXES = {
    "generate": "Show the raw output, keep its longest valid part, name a codec in which every "
    "output decompresses (huffman:english, rle, lz), or try without compression.",
    "decompress": "Use the longest valid part, look at it as plain data, or compress the source "
    "again.",
    "inspect": "Use the longest valid part, or look at it as plain data.",
    "telemetry": "Measure it as plain data, or compress the source again.",
}

# Without a header nothing says where a longest valid part would begin.
_HEADER_FIXES = {
    "decompress": "Look at it as plain data, or compress the source again.",
    "inspect": "Look at it as plain data.",
}

_MOST_SHOWN = 2000


def status_of(error: BaseException) -> int:
    """The HTTP status of the answer to an error."""
    if isinstance(error, DashboardError):
        return error.status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def describe(error: BaseException, operation: str = "") -> ErrorDetail:
    """What to tell of an error.

    Args:
        operation: what was tried: ``generate``, ``score``, ``compress``, ``decompress``,
            ``compare``, ``inspect``, ``telemetry``, ``upload``, ``start_run``, ``control_run``.
    """
    if not isinstance(error, BitTransformerError):
        return internal_error(error)
    what, fix = _parts(error)
    kind, where = type(error).__name__, None
    if isinstance(error, CodecError):
        fixes = _CODEC_FIXES if error.codec is not None else _CODEC_FIXES | _HEADER_FIXES
        fix = fixes.get(operation, fix)
        whose = "the frame's header" if error.codec is None else f"the {error.codec} frame"
        where = whose if error.bit_position is None else f"bit {error.bit_position} of {whose}"
    if isinstance(error, DashboardError):
        kind, where = error.kind or kind, error.where
        what, fix = (what, fix) if error.fix is None else (str(error), error.fix)
    names = _fallbacks(error, operation)
    return ErrorDetail(
        kind=kind,
        what=_shown(what),
        where=where,
        fix=_shown(fix),
        fallbacks=[Fallback(id=name, label=FALLBACKS[name]) for name in names],
    )


def answer_of(error: BaseException, operation: str = "") -> dict[str, Any]:
    """The body of the answer to an error."""
    return ErrorAnswer(error=describe(error, operation)).model_dump()


def internal_error(error: BaseException) -> ErrorDetail:
    """What to tell of a fault of the program; the details go to stderr alone."""
    traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, MemoryError):
        return ErrorDetail(
            kind="MemoryError",
            what="The memory of this machine did not suffice.",
            fix="Use less data, or stop what else is running.",
            fallbacks=[Fallback(id=name, label=FALLBACKS[name]) for name in ("shorter", "retry")],
        )
    return ErrorDetail(
        kind="InternalError",
        what="This is a fault of the program, not of your data.",
        where=None,
        fix="Try again; if it comes back, report what the dashboard printed on its terminal.",
        fallbacks=[Fallback(id=name, label=FALLBACKS[name]) for name in ("retry", "reload")],
    )


def _parts(error: BitTransformerError) -> tuple[str, str]:
    """What is wrong, and what to do: messages say the first before a semicolon."""
    if isinstance(error, CodecError):
        return _sentence(error.reason), _sentence(error.fix)
    message = str(error)
    if isinstance(error, MissingDependencyError):
        what, _, fix = message.partition(". ")
    else:
        what, _, fix = message.rpartition("; ")
        if not what:
            what, fix = message, ""
    if not fix:
        fix = next(text for kind, text in _DEFAULT_FIXES if isinstance(error, kind))
    return _sentence(what), _sentence(fix)


def _sentence(text: str) -> str:
    text = text.strip()
    first = re.match(r"[a-z]+\b(?![._(=])", text)
    if first:
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _shown(text: str) -> str:
    """Text that every JSON writer takes, and no longer than a page can show."""
    text = text.encode("utf-8", errors="backslashreplace").decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} …"


def _fallbacks(error: BitTransformerError, operation: str) -> list[str]:
    if isinstance(error, DashboardError) and error.fallbacks:
        return list(error.fallbacks)
    if isinstance(error, StorageError):
        return ["free_space", "retry"]
    if operation == "generate":
        return _of_generation(error)
    if isinstance(error, CodecError):
        return _of_codec(error, operation)
    is_about_codecs = isinstance(error, MissingDependencyError) or "codec" in str(error)
    if operation in _WITH_CODECS and is_about_codecs:
        return ["other_codec"]
    if isinstance(error, RunError | CheckpointError) and operation != "start_run":
        return ["retry", "reload"]
    return []


def _of_codec(error: CodecError, operation: str) -> list[str]:
    if error.codec is None:
        return ["raw_data"]
    if operation in ("decompress", "inspect"):
        return ["valid_prefix", "raw_data"]
    return ["raw_data", "valid_prefix"]


def _of_generation(error: BitTransformerError) -> list[str]:
    if isinstance(error, CodecError):
        return ["raw_output", "valid_prefix", "without_compression", "other_codec"]
    if isinstance(error, MissingDependencyError) or "codec" in str(error):
        return ["other_codec", "without_compression"]
    if isinstance(error, RunError | CheckpointError | GenerationError):
        return ["retry", "reload"]
    return []
