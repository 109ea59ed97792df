"""What each codec makes of some bytes, checked by decompressing them, with speeds for people.

Speeds are those of one pass on whatever else the machine is doing; ``benchmarks/codec_speed.py``
compares them with the libraries alone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bit_transformer.codecs.codec import Codec, Packed
from bit_transformer.codecs.frame import read_frame, write_frame
from bit_transformer.codecs.registry import codec_names, get_codec
from bit_transformer.errors import DataError, MissingDependencyError

__all__ = ["CodecResult", "bench"]

_WARM_UP_BYTES = 1 << 12


@dataclass(frozen=True)
class CodecResult:
    """Frames of one codec, headers counted.

    Args:
        compressed_fraction: bits out for each bit in; less is better.
        compression_ratio: bits in for each bit out; more is better.
    """

    codec: str
    num_bits: int
    compressed_fraction: float
    compression_ratio: float
    compress_mb_per_s: float
    decompress_mb_per_s: float


def bench(
    data: bytes,
    codecs: Sequence[str] | None = None,
    piece_bytes: int | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> list[CodecResult]:
    """The results of these codecs, or of all that are installed, the smallest first.

    Args:
        data: not empty.
        piece_bytes: compress pieces of this size alone, rather than the whole.
        tell: is told which codecs are left out.

    Raises:
        InputError: there is no such codec.
        MissingDependencyError: the package of a codec that was asked for is not installed.
        DataError: a codec did not give back the bytes, which is a fault of it.
    """
    size = piece_bytes or len(data)
    pieces = [_packed(data[first : first + size]) for first in range(0, len(data), size)]
    results = [_measure(name, codec, pieces) for name, codec in _codecs(codecs, tell)]
    return sorted(results, key=lambda one: one.num_bits)


def _packed(data: bytes) -> Packed:
    return Packed(np.frombuffer(data, dtype=np.uint8), 8 * len(data))


def _codecs(
    names: Sequence[str] | None, tell: Callable[[str], None]
) -> list[tuple[str, str | Codec]]:
    if names is not None:
        return [(name, name if name == "auto" else get_codec(name)) for name in names]
    found: list[tuple[str, str | Codec]] = [("auto", "auto")]
    for name in codec_names():
        try:
            found.append((name, get_codec(name)))
        except MissingDependencyError as error:
            tell(f"left out: {error}")
    return found


def _measure(name: str, codec: str | Codec, pieces: list[Packed]) -> CodecResult:
    # Compiles what is compiled, and loads what is loaded, before the time counts.
    read_frame(write_frame(_packed(pieces[0].data[:_WARM_UP_BYTES].tobytes()), codec))

    num_source_bits = sum(piece.num_bits for piece in pieces)
    start = time.perf_counter()
    frames = [write_frame(piece, codec) for piece in pieces]
    middle = time.perf_counter()
    contents = [read_frame(frame, max_bits=num_source_bits) for frame in frames]
    end = time.perf_counter()
    for number, (piece, content) in enumerate(zip(pieces, contents, strict=True)):
        if content.error is not None or not np.array_equal(content.source.data, piece.data):
            raise DataError(
                f"the codec {name!r} does not give back piece {number}; please report it"
            )
    num_bits = sum(frame.num_bits for frame in frames)
    return CodecResult(
        codec=name,
        num_bits=num_bits,
        compressed_fraction=num_bits / num_source_bits,
        compression_ratio=num_source_bits / num_bits,
        compress_mb_per_s=num_source_bits / 8e6 / (middle - start),
        decompress_mb_per_s=num_source_bits / 8e6 / (end - middle),
    )
