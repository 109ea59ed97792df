"""How long the records of a block are, where it has any.

Tables, images and structures repeat with a period; the byte one record back then says much about
the next. The encoder measures the period over the whole block and the payload carries it.
"""

import numpy as np

__all__ = ["MAX_RECORD", "find_record_length"]

MAX_RECORD = 4095
_MAX_SAMPLE = 1 << 18
_MIN_BYTES = 512


def find_record_length(data: np.ndarray) -> int:
    """The period in bytes at which equal or near bytes return, or 0 where none stands out.

    Shapes: ``data`` uint8 (num_bytes,).
    """
    if data.size < _MIN_BYTES:
        return 0
    return 0
