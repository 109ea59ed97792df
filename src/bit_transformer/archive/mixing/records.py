"""What kind of block this is: text or not, and how long its records are where it has any.

Tables, images and structures repeat with a period; the byte one record back then says much about
the next. The encoder measures the period over the block and the payload carries it.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["MAX_RECORD", "Shape", "measure_shape"]

MAX_RECORD = 2047
_MAX_SAMPLE = 1 << 16
_MIN_BYTES = 512
_ESCAPE = 27
_MAX_CONTROL = 0.01
_NEAR = 3
_STANDS_OUT = 1.15


class Shape(NamedTuple):
    """What the encoder tells the decoder about a block."""

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


def _period(sample: np.ndarray) -> int:
    """The shortest shift under which clearly more bytes than usual are near themselves."""
    periods = np.arange(2, min(MAX_RECORD, sample.size // 4) + 1)
    near = np.array([(abs(sample[p:] - sample[:-p]) <= _NEAR).mean() for p in periods])
    usual = np.median(near)
    if near.max() < _STANDS_OUT * usual + 0.01:
        return 0
    good = usual + 0.95 * (near.max() - usual)
    return int(periods[np.argmax(near >= good)])
