"""The bit head against a byte softmax on the same trunk: same data, same steps, several seeds.

    python benchmarks/bits_against_bytes.py --data PATH [--steps 300] [--seeds 0 1 2]

The two differ in the head alone. They train side by side, each on a core of its own, so that
whatever else the machine does slows both. The last line is JSON.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from trials import DATA_HELP, data_settings, print_json, print_table, run_jobs

from bit_transformer.recipes import merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help=DATA_HELP)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--compile", choices=["on", "off"], default="off")
    arguments = parser.parse_args()

    heads = ("bits", "softmax")
    trials = run_jobs([job(arguments, head, s) for s in arguments.seeds for head in heads], 2)
    pairs = list(zip(trials[::2], trials[1::2], strict=True))
    losses = [bits.bits_per_byte / softmax.bits_per_byte for bits, softmax in pairs]
    speeds = [bits.bytes_per_s / softmax.bytes_per_s for bits, softmax in pairs]
    print_table(
        ["seed", "bits", "softmax", "ratio", "speed ratio"],
        [
            [bits.seed, bits.bits_per_byte, softmax.bits_per_byte, f"{loss:.4f}", f"{speed:.3f}"]
            for (bits, softmax), loss, speed in zip(pairs, losses, speeds, strict=True)
        ],
    )
    print(f"bits per byte, bits / softmax: {spread(losses)}")
    print(f"bytes per second, bits / softmax: {spread(speeds)}")
    print_json("bits_against_bytes", vars(arguments), trials)


def job(arguments: argparse.Namespace, head: str, seed: int) -> dict[str, Any]:
    """One training with that head, as :func:`run_jobs` takes it."""
    changes = {
        "model": {"head": head},
        "budget": f"{arguments.steps}steps",
        "compile": arguments.compile,
    }
    return {
        "name": head,
        "recipe": "default",
        "settings": merge(data_settings(arguments.data), changes),
        "seed": seed,
        "threads": 1,
    }


def spread(values: list[float]) -> str:
    """The mean, and the range."""
    return f"{statistics.mean(values):.4f} ({min(values):.4f} - {max(values):.4f})"


if __name__ == "__main__":
    main()
