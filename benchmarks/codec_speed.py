"""Codecs against the libraries alone: speed as ratios in one run, and sizes.

    python benchmarks/codec_speed.py PATH ... [--megabytes 8] [--repeats 7]
    python benchmarks/codec_speed.py ../shared/data

What is timed is ``compress_bits`` and ``decompress_bits``: bits in, bits out, frame and checks
included. Each is set beside three others, which a busy machine slows alike, since they take turns:

* "alone": the library's own compress or decompress, bytes in, bytes out;
* "bits": the same between numpy's packbits and unpackbits, which is the least that a function
  from bits to bits can do;
* "core": our codec from packed bits to packed bits, without tensors and frames.

For our own codes the library is zlib: level 1 for rle, level 6 for the others, and it compresses
in both columns. A ratio above 1 means that ours is quicker. Medians over the repeats, with their
range. Data is taken from the files in turn until there is enough. The last line is JSON.
"""

import argparse
import json
import lzma
import os
import statistics
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from bit_transformer.codecs import compress_bits, decompress_bits, get_codec
from bit_transformer.codecs.codec import Packed

WARM_UP_BYTES = 4096


@dataclass
class Row:
    """One codec in one direction; speeds as shares of what it is compared with."""

    codec: str
    direction: str
    compressed_fraction: float
    mb_per_s: float
    of_alone: float
    of_alone_min: float
    of_alone_max: float
    of_bits: float
    core_of_alone: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--codecs", nargs="+", default=list(references()))
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    data = read(arguments.paths, round(arguments.megabytes * 1e6))
    print(f"{len(data) / 1e6:.1f} MB; a ratio above 1 means that ours is quicker")
    print(
        f"{'codec':<17}{'':<12}{'fraction':>9}{'MB/s':>9}{'of alone':>10}{'range':>15}"
        f"{'of bits':>9}{'core':>7}"
    )
    rows = []
    for name in arguments.codecs:
        for row in compare(name, data, arguments.repeats):
            rows.append(row)
            spread = f"{row.of_alone_min:.2f} - {row.of_alone_max:.2f}"
            print(
                f"{row.codec:<17}{row.direction:<12}{row.compressed_fraction:>9.4f}"
                f"{row.mb_per_s:>9.1f}{row.of_alone:>10.2f}{spread:>15}"
                f"{row.of_bits:>9.2f}{row.core_of_alone:>7.2f}",
                flush=True,
            )
    print(
        json.dumps(
            {
                "benchmark": "codec_speed",
                "num_bytes": len(data),
                "repeats": arguments.repeats,
                "results": [asdict(row) for row in rows],
            }
        )
    )


def read(paths: list[Path], num_bytes: int) -> bytes:
    """The first bytes of the files, in the order of their names."""
    parts: list[bytes] = []
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        parts += [file.read_bytes() for file in files if file.is_file()]
    return b"".join(parts)[:num_bytes]


def references() -> dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes] | None]]:
    """What each codec is compared with: to compress, and to decompress, or None for the same."""
    zstd, brotli, lz4 = (import_module(name) for name in (zstd_name(), "brotli", "lz4.block"))
    lzma2 = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
    zlib_6 = (lambda data: zlib.compress(data, 6), None)
    return {
        "rle": (lambda data: zlib.compress(data, 1), None),
        "huffman": zlib_6,
        "huffman:english": zlib_6,
        "lz": zlib_6,
        "zstd": (lambda data: zstd.compress(data, 3), zstd.decompress),
        "zstd:19": (lambda data: zstd.compress(data, 19), zstd.decompress),
        "deflate": (lambda data: zlib.compress(data, 6), zlib.decompress),
        "lz4": (lz4.compress, lz4.decompress),
        "brotli": (lambda data: brotli.compress(data, quality=9), brotli.decompress),
        "lzma": (
            lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=lzma2),
            lambda data: lzma.decompress(data, lzma.FORMAT_RAW, filters=lzma2),
        ),
    }


def zstd_name() -> str:
    try:
        import_module("compression.zstd")
    except ImportError:
        return "backports.zstd"
    return "compression.zstd"


def compare(name: str, data: bytes, repeats: int) -> list[Row]:
    """Both directions of one codec."""
    compress, decompress = references()[name]
    packed = np.frombuffer(data, dtype=np.uint8)
    bits = np.unpackbits(packed)
    source = torch.from_numpy(bits)
    codec = get_codec(name)
    decompress_bits(compress_bits(source[: 8 * WARM_UP_BYTES], codec))  # compiles

    frame = compress_bits(source, codec)
    payload = codec.encode_packed(Packed(packed, len(bits)))
    theirs = compress(data)
    their_bits = np.unpackbits(np.frombuffer(theirs, dtype=np.uint8))
    if not torch.equal(decompress_bits(frame), source):
        raise SystemExit(f"{name} does not give the data back")

    directions = {
        "compress": (
            lambda: compress_bits(source, codec),
            lambda: codec.encode_packed(Packed(packed, len(bits))),
            lambda: compress(data),
            lambda: as_bits(compress(np.packbits(bits).tobytes())),
        ),
        "decompress": (
            lambda: decompress_bits(frame),
            lambda: codec.decode_packed(payload, len(bits)),
            lambda: decompress(theirs) if decompress else compress(data),
            lambda: as_bits(
                decompress(np.packbits(their_bits).tobytes())
                if decompress
                else compress(np.packbits(bits).tobytes())
            ),
        ),
    }
    fraction = len(frame) / len(source)
    return [
        measure(name, direction, fraction, len(data), functions, repeats)
        for direction, functions in directions.items()
    ]


def as_bits(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8))


def measure(
    name: str,
    direction: str,
    fraction: float,
    num_bytes: int,
    functions: tuple[Callable[[], object], ...],
    repeats: int,
) -> Row:
    """The four functions in turn, over and over."""
    times = [[seconds(function) for function in functions] for _ in range(repeats)]
    ours, core, alone, between_bits = (list(column) for column in zip(*times, strict=True))
    ratios = [theirs / our for theirs, our in zip(alone, ours, strict=True)]
    return Row(
        codec=name,
        direction=direction,
        compressed_fraction=fraction,
        mb_per_s=num_bytes / statistics.median(ours) / 1e6,
        of_alone=statistics.median(ratios),
        of_alone_min=min(ratios),
        of_alone_max=max(ratios),
        of_bits=statistics.median(t / our for t, our in zip(between_bits, ours, strict=True)),
        core_of_alone=statistics.median(t / c for t, c in zip(alone, core, strict=True)),
    )


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
