"""What becomes of one sequence's bytes on their way through a codec; numpy only, no PyTorch.

Unlike ``views``, which chooses, this module does: a window through a codec and back, for the view
``compressed``, and the bits of one frame, for the view ``direct``. It is what worker processes
run, and what the loader runs itself where there are none.

Invariants: what comes out of a codec has been decompressed and compared with what went in; a
direct row is the beginning of one frame, and the source bits that it covers are counted by
decompressing it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bit_transformer.codecs.codec import Packed, first_bits
from bit_transformer.codecs.frame import read_frame, write_frame
from bit_transformer.codecs.registry import get_codec
from bit_transformer.data.views import DIRECT
from bit_transformer.errors import ConfigError, InputError, TrainingError

__all__ = ["REACH", "Job", "Row", "check_codecs", "compressed_row", "direct_row", "do_job"]

REACH = 16
"""A direct row reads at most this many windows of source, however well they compress."""

_FULL = 0.95
"""A frame that fills this share of a row is not made longer."""

_AIM = 0.985
_MAX_TRIES = 7


class Job(NamedTuple):
    """One sequence to be made.

    Args:
        view: a place in :data:`~bit_transformer.data.views.VIEW_NAMES`, not that of ``raw``.
        codec: a codec's name, or ``auto``.
        source: the bytes; for ``direct`` as many as may be needed.
        row_bits: the length of a row, which a direct row does not exceed.
    """

    view: int
    codec: str
    source: bytes
    row_bits: int


class Row(NamedTuple):
    """One sequence as the model will read it, and what it stands for.

    Units: ``num_frame_bits`` counts the header, and of a direct row that was cut only what is
    left of the frame; ``num_source_bits`` is what the row holds of the source.
    """

    bits: Packed
    num_source_bits: int
    num_frame_bits: int


def do_job(job: Job) -> Row:
    """The row that a job asks for.

    Raises:
        TrainingError: the codec does not give back what it was given.
    """
    if job.view == DIRECT:
        return direct_row(job.source, job.codec, job.row_bits)
    return compressed_row(job.source, job.codec)


def compressed_row(source: bytes, codec: str) -> Row:
    """The bytes after they were compressed and decompressed: the same, and how small they were.

    Raises:
        TrainingError: the codec does not give back what it was given.
    """
    frame = _frame(source, codec)
    return Row(_decompressed(frame, source, codec), 8 * len(source), frame.num_bits)


def direct_row(source: bytes, codec: str, row_bits: int) -> Row:
    """The frame of as much of the source, from its beginning, as fits into ``row_bits``.

    Frames that leave less than a twentieth of the row empty are not made longer. Where not even
    the frame of a single byte fits, it is cut.

    Raises:
        TrainingError: the codec does not give back what it was given.
    """
    num_bytes, frame = _longest_that_fits(source, codec, row_bits)
    if frame.num_bits <= row_bits:
        _decompressed(frame, source[:num_bytes], codec)
        return Row(frame, 8 * num_bytes, frame.num_bits)
    cut = first_bits(frame, row_bits)
    return Row(cut, read_frame(cut).source.num_bits, row_bits)


def check_codecs(names: Sequence[str]) -> None:
    """Refuse names of codecs that are unknown, wrongly set up or not installed.

    Raises:
        ConfigError: there is no such codec, or it has no such setting.
        MissingDependencyError: its package is not installed.
    """
    for name in names:
        if name == "auto":
            continue
        try:
            get_codec(name)
        except InputError as error:
            raise ConfigError(f"codecs: {error}") from error


def _longest_that_fits(source: bytes, codec: str, row_bits: int) -> tuple[int, Packed]:
    """How many bytes' frame is in the row, and the frame; found by a few guesses.

    Each guess takes what the codec needed for the bytes between the two guesses before it; the
    first ones have a header to pay and nothing to refer back to. It stays between the longest
    source that is known to fit and the shortest that is known not to.
    """
    most_that_fits, least_that_does_not = 0, len(source) + 1
    best: Packed | None = None
    num_bytes = max(1, min(len(source), row_bits // 8))
    num_before, bits_before = 0, 0
    for _ in range(_MAX_TRIES):
        frame = _frame(source[:num_bytes], codec)
        if frame.num_bits <= row_bits:
            most_that_fits, best = num_bytes, frame
        else:
            least_that_does_not = num_bytes
        is_full = best is not None and best.num_bits >= _FULL * row_bits
        if is_full or most_that_fits + 1 >= least_that_does_not:
            break
        more_bytes, more_bits = num_bytes - num_before, frame.num_bits - bits_before
        if more_bytes * more_bits <= 0:  # not a rate at all: the one from nothing is
            more_bytes, more_bits = num_bytes, frame.num_bits
        num_before, bits_before = num_bytes, frame.num_bits
        guess = num_bytes + int((_AIM * row_bits - frame.num_bits) * more_bytes / more_bits)
        num_bytes = min(max(guess, most_that_fits + 1), least_that_does_not - 1)
    if best is not None:
        return most_that_fits, best
    num_bytes = least_that_does_not
    while num_bytes > 1:
        num_bytes //= 2
        frame = _frame(source[:num_bytes], codec)
        if frame.num_bits <= row_bits:
            return num_bytes, frame
    return 1, _frame(source[:1], codec)


def _frame(source: bytes, codec: str) -> Packed:
    return write_frame(Packed(np.frombuffer(source, np.uint8), 8 * len(source)), codec)


def _decompressed(frame: Packed, source: bytes, codec: str) -> Packed:
    content = read_frame(frame, max_bits=8 * len(source))
    if content.error is None and content.source.data.tobytes() == source:
        return content.source
    why = "other bytes than were compressed" if content.error is None else str(content.error)
    raise TrainingError(
        f"the codec {codec!r} does not give back {len(source)} bytes of the data: {why}. Leave "
        "it out of codecs, and report it with the bytes that it was given"
    )
