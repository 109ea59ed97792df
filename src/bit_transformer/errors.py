"""Every exception this library raises on purpose, as one tree.

    BitTransformerError
    ├── InputError (ValueError)                an argument that does not fit
    │   └── BitsError                          something that should be bits and is not
    ├── CodecError (ValueError)                compressed bits that do not decompress
    ├── ConfigError (ValueError)               settings that do not fit together
    ├── DataError                              files, folders, corpora
    ├── RunError                               run folders
    ├── CheckpointError                        checkpoint folders
    ├── TrainingError                          a training that cannot go on
    ├── GenerationError                        a generation that cannot go on
    ├── ArchiveError (ValueError)              an archive that does not decompress
    ├── DashboardError                         a dashboard that cannot do what is asked
    ├── StorageError                           the disk is full, or may not be written
    └── MissingDependencyError (ImportError)   an optional extra that is not installed

A message says what is wrong, with the value that was seen, and what to do about it.
This room imports nothing, so that every other room may raise from it.
"""

__all__ = [
    "ArchiveError",
    "BitTransformerError",
    "BitsError",
    "CheckpointError",
    "CodecError",
    "ConfigError",
    "DashboardError",
    "DataError",
    "GenerationError",
    "InputError",
    "MissingDependencyError",
    "RunError",
    "StorageError",
    "TrainingError",
]


class BitTransformerError(Exception):
    """The base of every error that this library raises on purpose."""


class InputError(BitTransformerError, ValueError):
    """An argument has the wrong dtype, shape, value or range."""


class BitsError(InputError):
    """A value that should be a bit tensor is not one."""


class CodecError(BitTransformerError, ValueError):
    """Compressed bits are cut, damaged, hostile, or not compressed bits at all.

    Args:
        codec: the codec's name, or None when the header does not get as far as naming one.
        bit_position: the bit of the frame at which it went wrong, counted from 0, where known.
        reason: what is wrong, as a clause.
        fix: what to do about it, as a clause.
    """

    def __init__(
        self, reason: str, *, codec: str | None, bit_position: int | None, fix: str
    ) -> None:
        whose = "the frame's header" if codec is None else f"the {codec} frame"
        where = "" if bit_position is None else f" at bit {bit_position}"
        super().__init__(f"{whose} is wrong{where}: {reason}; {fix}")
        self.codec = codec
        self.bit_position = bit_position
        self.reason = reason
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        """How the error travels between processes, which the keywords would prevent."""
        return _rebuild_codec_error, (self.reason, self.codec, self.bit_position, self.fix)


def _rebuild_codec_error(
    reason: str, codec: str | None, bit_position: int | None, fix: str
) -> CodecError:
    return CodecError(reason, codec=codec, bit_position=bit_position, fix=fix)


class ConfigError(BitTransformerError, ValueError):
    """Settings are unknown, out of range, or do not fit together."""


class DataError(BitTransformerError):
    """A file, folder or corpus is missing, unreadable, empty, too short or inconsistent."""


class RunError(BitTransformerError):
    """A run folder is missing, incomplete, in use or inconsistent."""


class CheckpointError(BitTransformerError):
    """A checkpoint is missing, truncated, corrupted, too new, or not a checkpoint at all."""


class TrainingError(BitTransformerError):
    """A training cannot go on."""


class GenerationError(BitTransformerError):
    """A generation cannot go on."""


class ArchiveError(BitTransformerError, ValueError):
    """An archive is cut, damaged, hostile, too new, or was made with another model."""


class DashboardError(BitTransformerError):
    """The dashboard cannot start as asked, or refuses a request.

    Args:
        status: the HTTP status of the answer.
        kind: what the answer calls the error, if not by this class.
        where: the place in the data or the request, where known.
        fix: what to do, if the message does not say it behind its last semicolon.
        fallbacks: names of what else would work.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str | None = None,
        where: str | None = None,
        fix: str | None = None,
        fallbacks: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.where = where
        self.fix = fix
        self.fallbacks = fallbacks


class StorageError(BitTransformerError):
    """The disk is full, or the place may not be written."""


class MissingDependencyError(BitTransformerError, ImportError):
    """An optional dependency is not installed; the message has the line that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'bit-transformer[{extra}]'"
        )
