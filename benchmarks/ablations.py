"""What each element of the default recipe is worth: one change at a time.

    python benchmarks/ablations.py --data PATH [--steps 200] [--seeds 0] [--only WORD ...]
    python benchmarks/ablations.py --data PATH --patch-sizes --seconds 90

By default all trainings take the same number of steps; `--patch-sizes` compares 1, 2, 4, 8, 16
and 32 bits at equal time instead. Two trainings run at a time, each on a core of its own; seconds
are seconds of CPU time. A positive figure in the last column says that the default is better than
the change. The last line is JSON.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from trials import (
    DATA_HELP,
    Trial,
    data_settings,
    print_json,
    print_table,
    run_jobs,
    run_trial_by_cpu_time,
)

from bit_transformer.recipes import build_config, merge

CHANGES: dict[str, dict[str, Any]] = {
    "default": {},
    "no hashed contexts": {"model": {"context_hash_bits": []}},
    "hashed contexts of 2-4 bytes": {"model": {"context_hash_bits": [16, 24, 32]}},
    "tables of a quarter of the rows": {"model": {"table_rows_log2": 16}},
    "no table dropout": {"model": {"table_dropout": 0.0}},
    "channel dropout of 0.1": {"model": {"dropout": 0.1}},
    "learned positions, not rotary": {"model": {"position": "learned"}},
    "no norm of queries and keys": {"model": {"has_qk_norm": False}},
    "layer norm, not RMS": {"model": {"norm": "layernorm"}},
    "GELU, not ReLU squared": {"model": {"activation": "gelu"}},
    "GPT-2's initialisation": {"model": {"initialisation": "gpt2"}},
    "no norm of the embedding": {"model": {"has_embedding_norm": False}},
    "no embedding skip": {"model": {"has_embedding_skip": False}},
    "no value skip": {"model": {"has_value_skip": False}},
    "no soft cap of the logits": {"model": {"logit_cap": 0.0}},
    "heads of 64 channels": {"model": {"head_dim": 64}},
    "reversible blocks": {"model": {"reversible": True}},
    "AdamW, not Muon": {"optimizer": {"kind": "adamw"}},
    "cosine schedule": {"schedule": {"kind": "cosine"}},
}

PATCH_BITS = (1, 2, 4, 8, 16, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help=DATA_HELP)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", help="changes whose names contain one of these words")
    parser.add_argument("--processes", type=int, default=2, help="trainings at once, a core each")
    parser.add_argument("--limit-kb", type=int, default=100, help="held-out data that is scored")
    parser.add_argument("--patch-sizes", action="store_true")
    parser.add_argument("--seconds", type=float, default=90.0, help="budget of each patch size")
    arguments = parser.parse_args()

    jobs = patch_size_jobs(arguments) if arguments.patch_sizes else change_jobs(arguments)
    trials = run_jobs(jobs, arguments.processes, run_trial_by_cpu_time)
    by_name: dict[str, list[Trial]] = {}
    for trial in trials:
        by_name.setdefault(trial.name, []).append(trial)
    default = statistics.mean(t.bits_per_byte for t in by_name[reference(by_name)])
    print_table(
        ["change", "bits per byte", "seeds' range", "steps", "KB/s", "default is better by"],
        [row_of(name, group, default) for name, group in by_name.items()],
    )
    print_json("ablations", vars(arguments), trials)


def change_jobs(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A training of equal steps for each change and seed."""
    names = [n for n in CHANGES if n == "default" or matches(n, arguments.only)]
    budget = {"budget": f"{arguments.steps}steps", "compile": "off"}
    return [
        job(arguments, n, merge(budget, CHANGES[n]), s, 1) for n in names for s in arguments.seeds
    ]


def patch_size_jobs(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A training of equal time for each patch size; the context is the same number of bytes."""
    default = build_config("default").model
    jobs = []
    for patch_bits in PATCH_BITS:
        patches = default.context_bits // patch_bits
        model = {"patch_bits": patch_bits, "context_patches": patches}
        changes = {"model": model, "budget": f"{arguments.seconds:g}s", "compile": "off"}
        jobs += [job(arguments, f"patches of {patch_bits}", changes, s, 1) for s in arguments.seeds]
    return jobs


def job(
    arguments: argparse.Namespace, name: str, changes: dict[str, Any], seed: int, threads: int
) -> dict[str, Any]:
    """What :func:`run_trial` is to be called with."""
    settings = merge(data_settings(arguments.data), changes)
    return {
        "name": name,
        "recipe": "default",
        "settings": settings,
        "seed": seed,
        "threads": threads,
        "limit_bytes": arguments.limit_kb * 1000,
    }


def matches(name: str, words: list[str] | None) -> bool:
    """Whether the name has one of the words, or no words were given."""
    return words is None or any(word in name for word in words)


def reference(by_name: dict[str, list[Trial]]) -> str:
    """The name that the others are compared with."""
    return "default" if "default" in by_name else "patches of 8"


def row_of(name: str, group: list[Trial], default: float) -> list[object]:
    """One line of the table."""
    values = [trial.bits_per_byte for trial in group]
    mean = statistics.mean(values)
    return [
        name,
        f"{mean:.4f}",
        f"{min(values):.4f} - {max(values):.4f}",
        group[0].steps,
        f"{statistics.mean(t.bytes_per_s for t in group) / 1000:.1f}",
        f"{100 * (mean / default - 1):+.2f} %",
    ]


if __name__ == "__main__":
    main()
