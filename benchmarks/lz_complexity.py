"""LZ76 of a million bits against the fastest public package: the same counts, and the time.

    python benchmarks/lz_complexity.py [--bits 1000000] [--repeats 7] [--file FILE ...]
    python benchmarks/lz_complexity.py --table [--most-power 24]

The public one is ``lzcomplexity`` (``pip install lzcomplexity``), a suffix array in Rust: the
fastest known to us; what parses as Kaspar and Schuster did (``antropy``, ``neurokit2``) takes
four times as long for twice the bits, and minutes for a million. It is given bytes, its fastest
input, one thread and one partition. It leaves out a last phrase that the end of the string cuts
off, so its count is compared with ours less that one.

Both sides get the bits in the form they like best, prepared outside the timing; neither's time
holds compilation. Each repeat takes the processor time of both,
one after the other, so that a busy machine matters less; the ratio is the median of the
repeats' ratios. Counts are phrases, before any normalisation. Ours divides by the mean count of
a fair coin's strings of that length (``--table`` makes the values in the source: c(n) log2(n) / n,
and the mean count of all short strings); lzcomplexity multiplies by log2(n) / n.
The last line is JSON.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from bit_transformer.telemetry import lz76_phrases
from bit_transformer.telemetry.complexity import coin_phrases
from bit_transformer.telemetry.phrase_kernels import count_phrases_in_automaton

_NAME = 20


def main() -> None:
    parser = argparse.ArgumentParser(description="LZ76 against a public package.")
    parser.add_argument("--bits", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--file", type=Path, nargs="*", default=[], help="parsed beside the rest")
    parser.add_argument("--table", action="store_true", help="print the normalisation, and end")
    parser.add_argument("--most-power", type=int, default=24)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.table:
        print_table(arguments.most_power)
        return
    print(f"{'bits':<{_NAME}}{'phrases':>9}{'equal':>7}{'theirs, s':>11}{'ours, s':>9}{'ratio':>8}")
    rows = [compare(name, bits, arguments.repeats) for name, bits in strings(arguments).items()]
    print(json.dumps({"benchmark": "lz_complexity", "num_bits": arguments.bits, "results": rows}))


def strings(arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """The strings to parse: noise, files, and strings that are hard on one algorithm or other."""
    num_bits = arguments.bits
    rng = np.random.default_rng(0)
    found = {"random": rng.integers(0, 2, num_bits, dtype=np.uint8)}
    for path in arguments.file:
        data = np.fromfile(path, np.uint8, num_bits // 8 + 1)
        found[path.name] = np.unpackbits(data)[:num_bits]
    found["zeros"] = np.zeros(num_bits, dtype=np.uint8)
    found["0101"] = (np.arange(num_bits) % 2).astype(np.uint8)
    found["3 ones of 10"] = (rng.random(num_bits) < 0.3).astype(np.uint8)
    found["1 one of 100"] = (rng.random(num_bits) < 0.01).astype(np.uint8)
    found["random twice"] = np.tile(found["random"][: -(-num_bits // 2)], 2)[:num_bits]
    found["Fibonacci"] = fibonacci_word(num_bits)
    found["de Bruijn"] = de_bruijn_sequence(num_bits)
    return found


def fibonacci_word(num_bits: int) -> np.ndarray:
    """The word that 0, 01, 010, 01001, … begin: as repetitive as a string without a period is."""
    shorter, longer = np.zeros(1, np.uint8), np.array([0, 1], np.uint8)
    while len(longer) < num_bits:
        shorter, longer = longer, np.concatenate([longer, shorter])
    return longer[:num_bits]


def de_bruijn_sequence(num_bits: int) -> np.ndarray:
    """Bits of which no as many as their number takes occur twice, ones wherever that is so."""
    order = max(num_bits - 1, 1).bit_length()
    mask = (1 << order) - 1
    state, is_met, bits = 0, bytearray(1 << order), bytearray(num_bits)
    is_met[0] = 1
    for position in range(order, num_bits):
        state = (state << 1 | 1) & mask
        state -= is_met[state]
        is_met[state] = 1
        bits[position] = state & 1
    return np.frombuffer(bytes(bits), np.uint8)


def compare(name: str, bits: np.ndarray, repeats: int) -> dict[str, object]:
    """One row of the table."""
    lzcomplexity = import_module("lzcomplexity")  # not among our dependencies
    data, tensor = bits.tobytes(), torch.tensor(bits)

    def theirs() -> int:
        return lzcomplexity.factorization(data, 1, 2, 2, 1)[0]

    ours = lz76_phrases(tensor)
    count, is_open = count_phrases_in_automaton(bits)
    is_equal = ours == count and theirs() == ours - is_open
    their_s, our_s, ratio = time_both(theirs, lambda: lz76_phrases(tensor), repeats)
    print(
        f"{name[:_NAME]:<{_NAME}}{ours:>9}{'yes' if is_equal else 'NO':>7}"
        f"{their_s:>11.4f}{our_s:>9.4f}{ratio:>8.3f}",
        flush=True,
    )
    return {
        "string": name,
        "phrases": ours,
        "is_equal": bool(is_equal),
        "c": ours / coin_phrases(len(bits)),
        "c_asymptotic": ours * math.log2(len(bits)) / len(bits),
        "their_s": their_s,
        "our_s": our_s,
        "ratio": ratio,
    }


def time_both(
    theirs: Callable[[], int], ours: Callable[[], int], repeats: int
) -> tuple[float, float, float]:
    pairs = []
    for _ in range(repeats):
        seconds = []
        for count in (theirs, ours):
            started = time.process_time()
            count()
            seconds.append(time.process_time() - started)
        pairs.append(seconds)
    return (
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[1] / pair[0] for pair in pairs),
    )


def print_table(most_power: int) -> None:
    """The mean counts that C is divided by."""
    for num_bits in range(1, 13):
        every = itertools.product((0, 1), repeat=num_bits)
        counts = [count_phrases_in_automaton(np.array(bits, np.uint8))[0] for bits in every]
        print(f"all strings of {num_bits} bits: {statistics.mean(counts):.4f}")
    rng = np.random.default_rng(76)
    for power in range(4, most_power + 1):
        num_bits = 1 << power
        counts = [
            lz76_phrases(torch.from_numpy(rng.integers(0, 2, num_bits, dtype=np.uint8)))
            for _ in range(max(4, min(20_000, (1 << 24) // num_bits)))
        ]
        ratio = statistics.mean(counts) * power / num_bits
        print(f"random strings of 2^{power} bits: {ratio:.4f}")


if __name__ == "__main__":
    main()
