"""The default recipe against a byte-level GPT in the manner of nanoGPT, at equal wall-clock time.

    python benchmarks/against_nanogpt.py --data PATH [--minutes 3 10] [--nanogpt-lr 1e-3 2e-3]

Both have the same width, depth, context and bytes a step, and run side by side, each on a core of
its own (`--at-once 1` gives every training the whole machine instead, one after the other).
nanoGPT's own instructions for a CPU run it in float32 without compiling, so the recipe `nanogpt`
does; `--equal-engineering` gives it bfloat16 and the compiler as well. Compiling counts against
the time of whoever compiles. Of several learning rates, the control's best counts. The last line
is JSON.
"""

import argparse
from pathlib import Path
from typing import Any

from trials import (
    DATA_HELP,
    Trial,
    data_settings,
    print_json,
    print_table,
    run_jobs,
    usable_cores,
)

from bit_transformer.recipes import merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help=DATA_HELP)
    parser.add_argument("--minutes", type=float, nargs="+", default=[3.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--at-once", type=int, default=2, help="trainings side by side")
    parser.add_argument("--recipe", default="default", help="the recipe to compare")
    parser.add_argument("--nanogpt-lr", type=float, nargs="+", help="learning rates to try")
    parser.add_argument("--equal-engineering", action="store_true")
    arguments = parser.parse_args()

    trials = []
    for minutes in arguments.minutes:
        for seed in arguments.seeds:
            jobs = [job(arguments, arguments.recipe, minutes, seed, {})]
            jobs += [
                job(arguments, "nanogpt", minutes, seed, changes)
                for changes in nanogpt_changes(arguments)
            ]
            ours, *theirs = run_jobs(jobs, arguments.at_once)
            best = min(theirs, key=lambda trial: trial.bits_per_byte)
            trials += [ours, *theirs]
            ratio = ours.bits_per_byte / best.bits_per_byte
            print(f"\n{minutes:g} minutes, seed {seed}: {ratio:.3f} x the best nanoGPT\n")
            print_table(
                ["model", "bits per byte", "on training data", "steps", "KB/s"],
                [row_of(trial) for trial in (ours, *theirs)],
            )
    print_json("against_nanogpt", vars(arguments), trials)


def nanogpt_changes(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Each setting of the control that is to be tried."""
    base: dict[str, Any] = {}
    if arguments.equal_engineering:
        base = {"precision": "auto", "compile": "auto"}
    rates = arguments.nanogpt_lr
    return [merge(base, {"optimizer": {"lr": rate}}) for rate in rates] if rates else [base]


def job(
    arguments: argparse.Namespace, recipe: str, minutes: float, seed: int, changes: dict[str, Any]
) -> dict[str, Any]:
    """One training of ``minutes`` minutes, as :func:`run_jobs` takes it."""
    budget = {"budget": f"{minutes * 60:g}s"}
    settings = merge(merge(data_settings(arguments.data), budget), changes)
    rate = changes.get("optimizer", {}).get("lr")
    name = f"{recipe}, {minutes:g} min" + (f", lr {rate:g}" if rate else "")
    threads = max(1, len(usable_cores()) // arguments.at_once)
    return {
        "name": name,
        "recipe": recipe,
        "settings": settings,
        "seed": seed,
        "threads": threads,
    }


def row_of(trial: Trial) -> list[object]:
    """One line of the table."""
    return [
        trial.name,
        f"{trial.bits_per_byte:.4f}",
        f"{trial.train_bits_per_byte:.4f}",
        trial.steps,
        f"{trial.bytes_per_s / 1000:.1f}",
    ]


if __name__ == "__main__":
    main()
