"""Millions of round trips: every codec on bit strings of many shapes, each checked to the bit.

    python benchmarks/round_trips.py [--cases 1000000] [--codecs lz rle] [--seed 0] [PATH ...]

Half of the cases go through frames. Strings have up to ``--max-bits`` bits, of any number, and
are random, biased, repeating, in runs, in words, or mixtures of these. Files and folders that are
named are then sent through each codec whole. The first failure ends the run and is printed as
codec, number and bits. The last line is JSON.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from bit_transformer.codecs.codec import Codec, Packed, pack
from bit_transformer.codecs.frame import read_frame, write_frame
from bit_transformer.codecs.registry import codec_names, get_codec

WORDS = [b"the ", b"of ", b"and ", b"0x00", b"<p>", b"\n\n", b"import ", bytes(5)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--cases", type=int, default=1_000_000, help="in all")
    parser.add_argument("--max-bits", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--codecs", nargs="+", default=[*codec_names(), "huffman:english"])
    arguments = parser.parse_args()

    results = []
    for name in arguments.codecs:
        rng = np.random.default_rng(arguments.seed)
        codec = get_codec(name)
        start = time.perf_counter()
        num_cases = -(-arguments.cases // len(arguments.codecs))
        for number in range(num_cases):
            bits = make_bits(rng, arguments.max_bits)
            if not comes_back(codec, pack(bits), is_framed=number % 2 == 0):
                fail(name, f"case {number}: {''.join(map(str, bits))}")
        files = [path for path in all_files(arguments.paths) if path.stat().st_size]
        for path in files:
            data = np.fromfile(path, dtype=np.uint8)
            if not comes_back(codec, Packed(data, 8 * len(data)), is_framed=True):
                fail(name, str(path))
        elapsed_s = time.perf_counter() - start
        results.append({"codec": name, "cases": num_cases, "files": len(files)})
        print(
            f"{name:<18}{num_cases:>12,} cases{len(files):>6} files{elapsed_s:>9.1f} s", flush=True
        )
    print(json.dumps({"benchmark": "round_trips", "seed": arguments.seed, "results": results}))


def comes_back(codec: Codec, source: Packed, *, is_framed: bool) -> bool:
    """Whether the source is the same after compression and decompression, and nothing is left."""
    if is_framed:
        content = read_frame(write_frame(source, codec), max_bits=max(source.num_bits, 1))
        return content.error is None and is_equal(content.source, source)
    if not source.num_bits:
        return True
    payload = codec.encode_packed(source)
    found = codec.decode_packed(payload, source.num_bits)
    return (
        found.problem is None
        and found.num_read == payload.num_bits >= codec.min_payload_bits(source.num_bits)
        and is_equal(found.source, source)
    )


def is_equal(one: Packed, other: Packed) -> bool:
    return one.num_bits == other.num_bits and np.array_equal(one.data, other.data)


def make_bits(rng: np.random.Generator, max_bits: int) -> np.ndarray:
    """Bits of one to three kinds in a row."""
    size = int(max_bits * rng.random() ** 3)
    cuts = sorted(rng.integers(0, size + 1, int(rng.integers(0, 3))).tolist())
    sizes = np.diff([0, *cuts, size]).tolist()
    return np.concatenate([_KINDS[rng.integers(len(_KINDS))](rng, part) for part in sizes])


def random_bits(rng: np.random.Generator, size: int) -> np.ndarray:
    return (rng.random(size) < rng.choice([0.5, 0.1, 0.99])).astype(np.uint8)


def repeating_bits(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.resize(rng.integers(0, 2, int(rng.integers(1, 40)), dtype=np.uint8), size)


def runs_of_bits(rng: np.random.Generator, size: int) -> np.ndarray:
    lengths = rng.geometric(0.02, size // 20 + 1)
    return np.resize(np.repeat(np.arange(len(lengths)) % 2, lengths), size).astype(np.uint8)


def words(rng: np.random.Generator, size: int) -> np.ndarray:
    chosen = b"".join(WORDS[i] for i in rng.integers(0, len(WORDS), size // 40 + 1))
    return np.resize(np.unpackbits(np.frombuffer(chosen, dtype=np.uint8)), size)


_KINDS = (random_bits, repeating_bits, runs_of_bits, words)


def all_files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += (
            sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        )
    return found


def fail(name: str, what: str) -> None:
    print(f"FAILURE of {name} in {what}")
    sys.exit(1)


if __name__ == "__main__":
    main()
