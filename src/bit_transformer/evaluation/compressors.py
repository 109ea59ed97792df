"""What general-purpose compressors make of the same bytes, at their strongest settings.

Two figures for each: the data as one piece, and cut into pieces that are compressed alone. A
trained model knows the kind of data before it sees the first byte and a compressor does not, so
the pieces show what a compressor is worth on a small file. Headers count. The model's own size
does not enter: it is stated apart.
"""

import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass

from bit_transformer.errors import InputError
from bit_transformer.lazy import load_zstd

__all__ = ["CompressorResult", "measure_compressors"]


@dataclass(frozen=True)
class CompressorResult:
    """Bits that a compressor spends on each byte: on the whole, and in pieces."""

    name: str
    bits_per_byte_whole: float
    bits_per_byte_pieces: float
    piece_bytes: int


def measure_compressors(
    data: bytes, *, piece_bytes: int = 4096, progress: Callable[[str], None] | None = None
) -> list[CompressorResult]:
    """The results of gzip, bzip2, xz and zstd.

    Args:
        data: what is compressed; not empty.
        progress: called with each compressor's name before it begins.

    Raises:
        InputError: there is no data, or ``piece_bytes`` is not positive.
    """
    if not data:
        raise InputError("there are no bytes to compress; give at least one")
    if piece_bytes < 1:
        raise InputError(f"piece_bytes must be at least 1, got {piece_bytes}")
    results = []
    for name, compress in _compressors().items():
        if progress is not None:
            progress(name)
        whole = len(compress(data))
        pieces = sum(
            len(compress(data[first : first + piece_bytes]))
            for first in range(0, len(data), piece_bytes)
        )
        results.append(
            CompressorResult(name, 8 * whole / len(data), 8 * pieces / len(data), piece_bytes)
        )
    return results


def _compressors() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "gzip -9": lambda data: gzip.compress(data, compresslevel=9, mtime=0),
        "bzip2 -9": lambda data: bz2.compress(data, compresslevel=9),
        "xz -9e": _xz,
        "zstd -22": lambda data: load_zstd().compress(data, level=22),
    }


def _xz(data: bytes) -> bytes:
    """The output of ``xz -9e``, with a dictionary no larger than the data can use.

    The size of the output is the same; but setting up the 64 MiB of the preset for every small
    piece would take most of the time.
    """
    size = max(4096, min(64 << 20, 1 << (len(data) - 1).bit_length()))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]
    return lzma.compress(data, filters=filters)
