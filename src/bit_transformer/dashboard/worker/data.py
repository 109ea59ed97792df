"""A job's data as bits, out of what the server resolved."""

from pathlib import Path
from typing import Any

import numpy as np

from bit_transformer.bits.files import reading_errors
from bit_transformer.codecs.codec import Packed

__all__ = ["is_whole_bytes", "source_bytes", "source_packed"]


def source_packed(source: dict[str, Any], max_bytes: int | None = None) -> Packed:
    """The bits of a source, eight to a byte; of a long one the first ``max_bytes``.

    Raises:
        DataError: its file is gone.
    """
    if "bits" in source:
        digits = source["bits"] if max_bytes is None else source["bits"][: 8 * max_bytes]
        bits = np.frombuffer(digits.encode(), dtype=np.uint8) - ord("0")
        return Packed(np.packbits(bits), len(bits))
    data = source_bytes(source, max_bytes)
    return Packed(np.frombuffer(data, dtype=np.uint8), 8 * len(data))


def source_bytes(source: dict[str, Any], max_bytes: int | None = None) -> bytes:
    """The bytes of a source; bits are filled up with zeros to whole bytes.

    Raises:
        DataError: its file is gone.
    """
    if "bits" in source:
        return source_packed(source, max_bytes).data.tobytes()
    if "hex" in source:
        data = bytes.fromhex(source["hex"])
        return data if max_bytes is None else data[:max_bytes]
    path = Path(source["file"])
    with reading_errors(path), path.open("rb") as file:
        return file.read(-1 if max_bytes is None else max_bytes)


def is_whole_bytes(source: dict[str, Any]) -> bool:
    """Whether the source came in bytes, so that a frame in it may be padded."""
    return "bits" not in source
