"""What kind of block this is: text, text of two bytes a character, or records of some length.

Tables, images and structures repeat with a period; the byte one record back then says much about
the next. UTF-16 is coded as UTF-8, under which everything that is known of text applies. The
encoder measures, and the payload carries what it found.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["MAX_RECORD", "WIDE_TEXT", "Shape", "measure_shape", "narrowed", "widened"]

MAX_RECORD = 2047
WIDE_TEXT = 1
"""The record length that stands for UTF-16 text; no record is so short."""

_MAX_SAMPLE = 1 << 16
_MIN_BYTES = 512
_ESCAPE = 27
_MAX_CONTROL = 0.01
_NEAR = 3
_STANDS_OUT = 1.15


class Shape(NamedTuple):
    """What the encoder tells the decoder about a block.

    Args:
        is_text: whether it is coded with the contexts of text.
        record_bytes: its period, 0 for none, or ``WIDE_TEXT``.
    """

    is_text: bool
    record_bytes: int


def measure_shape(data: np.ndarray) -> Shape:
    """Whether the bytes are text in some alphabet, and if not, at which period they return.

    Shapes: ``data`` uint8 (num_bytes,).
    """
    is_control = (data < 9) | ((data > 13) & (data < 32) & (data != _ESCAPE))
    is_text = bool(is_control.sum() <= _MAX_CONTROL * data.size)
    if is_text or data.size < _MIN_BYTES:
        return Shape(is_text, 0)
    middle = (data.size - min(data.size, _MAX_SAMPLE)) // 2
    return Shape(is_text, _period(data[middle : middle + _MAX_SAMPLE].astype(np.int16)))


def narrowed(data: bytes) -> bytes | None:
    """UTF-16 text, low byte first, as UTF-8; None for anything else or if it would not shrink.

    ``widened`` gives back exactly these bytes.
    """
    if len(data) < 2 or len(data) % 2:
        return None
    try:
        narrow = data.decode("utf-16-le").encode("utf-8")
    except UnicodeDecodeError:
        return None
    is_like_text = measure_shape(np.frombuffer(narrow, dtype=np.uint8)).is_text
    return narrow if len(narrow) < len(data) and is_like_text else None


def widened(narrow: bytes, num_bytes: int) -> bytes:
    """``num_bytes`` of UTF-16 for UTF-8, whatever the bytes are."""
    wide = narrow.decode("utf-8", errors="replace").encode("utf-16-le", errors="replace")
    return wide[:num_bytes].ljust(num_bytes, b"\0")


def _period(sample: np.ndarray) -> int:
    """The shortest shift under which clearly more bytes than usual are near themselves."""
    periods = np.arange(2, min(MAX_RECORD, sample.size // 4) + 1)
    near = np.array([(abs(sample[p:] - sample[:-p]) <= _NEAR).mean() for p in periods])
    usual = np.median(near)
    if near.max() < _STANDS_OUT * usual + 0.01:
        return 0
    good = usual + 0.95 * (near.max() - usual)
    return int(periods[np.argmax(near >= good)])
