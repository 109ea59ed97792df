"""Bit packing against numpy's own: how much of its speed remains once every bit is checked.

    python benchmarks/bit_packing.py [--kilobytes 64 4096] [--repeats 15]

Each repeat times both, one right after the other, so that a busy machine slows both alike; what
is reported is the median of the ratios, with their range. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from bit_transformer.bits import bits_to_bytes, bytes_to_bits, pack_bits, unpack_bits

SAMPLE_BITS = 1 << 25
"""Bits that one timing covers, so that small sizes are timed over many calls."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kilobytes", type=int, nargs="+", default=[64, 4096], help="packed sizes of the data"
    )
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    rows = []
    print(f"{'function':<16}{'KB':>8}{'Gbit/s':>10}{'of numpy':>12}{'range':>18}")
    for kilobytes in arguments.kilobytes:
        for name, (ours, numpys) in make_pairs(kilobytes << 10).items():
            row = compare(ours, numpys, arguments.repeats, num_bits=kilobytes << 13)
            rows.append({"function": name, "kilobytes": kilobytes, **row})
            spread = f"{row['ratio_min']:.2f} - {row['ratio_max']:.2f}"
            print(
                f"{name:<16}{kilobytes:>8}{row['gbit_per_s']:>10.1f}"
                f"{row['ratio']:>12.2f}{spread:>18}"
            )
    print(json.dumps({"benchmark": "bit_packing", **vars(arguments), "results": rows}))


def make_pairs(num_bytes: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Each function beside the numpy call that does the same without a check."""
    packed = np.random.default_rng(0).integers(0, 256, num_bytes, dtype=np.uint8)
    bits = np.unpackbits(packed)
    packed_tensor, bits_tensor, data = (
        torch.from_numpy(packed),
        torch.from_numpy(bits),
        bytes(packed),
    )
    return {
        "pack_bits": (lambda: pack_bits(bits_tensor), lambda: np.packbits(bits)),
        "unpack_bits": (lambda: unpack_bits(packed_tensor), lambda: np.unpackbits(packed)),
        "bits_to_bytes": (lambda: bits_to_bytes(bits_tensor), lambda: np.packbits(bits)),
        "bytes_to_bits": (lambda: bytes_to_bits(data), lambda: np.unpackbits(packed)),
    }


def compare(
    ours: Callable[[], object], numpys: Callable[[], object], repeats: int, *, num_bits: int
) -> dict[str, float]:
    """Our speed as a share of numpy's, over interleaved repeats."""
    num_calls = max(1, SAMPLE_BITS // num_bits)
    seconds, ratios = [], []
    for _ in range(repeats):
        numpy_s, ours_s = time_calls(numpys, num_calls), time_calls(ours, num_calls)
        seconds.append(ours_s)
        ratios.append(numpy_s / ours_s)
    return {
        "gbit_per_s": num_bits / statistics.median(seconds) / 1e9,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def time_calls(function: Callable[[], object], num_calls: int) -> float:
    start = time.perf_counter()
    for _ in range(num_calls):
        function()
    return (time.perf_counter() - start) / num_calls


if __name__ == "__main__":
    main()
