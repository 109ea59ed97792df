"""One training under stated conditions, and its figures: what the comparisons here are made of.

A trial goes through the library's own :func:`~bit_transformer.training.train`, from a recipe and
the settings that the comparison changes. Its score is that of the last weights on the whole
held-out split (context and stride as `bit-transformer evaluate` has them), never of the best
checkpoint, which would be chosen by looking at that split.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from bit_transformer.data import prepare_corpus
from bit_transformer.recipes import build_config, merge
from bit_transformer.training import loop, train

__all__ = [
    "DATA_HELP",
    "Trial",
    "data_settings",
    "print_json",
    "print_table",
    "run_jobs",
    "run_trial",
]

DATA_HELP = (
    "a folder with train.xml and valid.xml, one file (its last tenth is held out), or nothing: "
    "the source of Python's standard library"
)


@dataclass(frozen=True)
class Trial:
    """What one training came to; speeds are of training steps alone."""

    name: str
    seed: int
    bits_per_byte: float
    train_bits_per_byte: float
    steps: int
    bytes_per_s: float
    spent_s: float
    wall_s: float


def data_settings(path: Path | None) -> dict[str, Any]:
    """Return the settings of the data that a benchmark's ``--data`` names."""
    if path is None:
        return {}
    if (path / "train.xml").is_file():
        held_out = {"paths": [path / "train.xml"], "valid_paths": [path / "valid.xml"]}
        return {"data": held_out | {"test_fraction": 0.0}}
    return {"data": {"paths": [path], "valid_fraction": 0.1, "test_fraction": 0.0}}


def run_trial(
    name: str,
    recipe: str,
    settings: Mapping[str, Any],
    *,
    seed: int,
    threads: int,
    limit_bytes: int | None = None,
) -> Trial:
    """Return the figures of one training from ``recipe`` with ``settings`` over it.

    Args:
        limit_bytes: score only that much of the held-out split, from its beginning.
    """
    quiet = {
        "seed": seed,
        "threads": threads,
        "log_every": 1,
        "evaluate_every": 0.0,
        "sample_every": 0.0,
        "checkpoint_every": 0.0,
        # Neither changes a loss; what they cost is measured by training_throughput.py.
        "compress_prob": 0.0,
        "telemetry_every": 0,
    }
    config = build_config(recipe, quiet, settings)
    held_out = min(len(prepare_corpus(config.data).valid), limit_bytes or 1 << 62)
    folder = Path(tempfile.mkdtemp(prefix="trial-"))
    layer = {"run_dir": folder / "run", "evaluate_bytes": held_out}
    started = time.perf_counter()
    try:
        result = train(build_config(recipe, merge(quiet, layer), settings))
        rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    losses = [row["bits_per_byte"] for row in rows if row["kind"] == "train"]
    last = losses[-max(1, len(losses) // 20) :]
    assert result.bits_per_byte is not None
    return Trial(
        name=name,
        seed=seed,
        bits_per_byte=round(result.bits_per_byte, 4),
        train_bits_per_byte=round(sum(last) / len(last), 4),
        steps=result.step,
        bytes_per_s=round(result.bytes_seen / result.spent_s),
        spent_s=round(result.spent_s, 1),
        wall_s=round(time.perf_counter() - started, 1),
    )


def run_trial_by_cpu_time(**job: Any) -> Trial:
    """Return :func:`run_trial`'s figures, with every second one of CPU time."""
    count_cpu_time()
    return run_trial(**job)


def run_jobs(
    jobs: Sequence[Mapping[str, Any]], num_at_once: int, run: Callable[..., Any] = run_trial
) -> list[Any]:
    """Return the trials of calls to ``run``, in order, some of them at the same time.

    Each process has a share of the processor's cores to itself, so that trials side by side have
    the same machine; a compiled model is compiled anew, since a user's first run compiles too.
    """
    shares: list[set[int]] = [set() for _ in range(num_at_once)]
    for place, core in enumerate(sorted(usable_cores())):
        shares[place % num_at_once].add(core)
    context = get_context("spawn")
    free = context.Queue()
    for share in shares:
        free.put(share)
    trials = []
    with ProcessPoolExecutor(num_at_once, context, _take_cores, (free,)) as pool:
        for trial in pool.map(partial(_run_job, run), jobs):
            print(f"{trial.name}, seed {trial.seed}: {trial.bits_per_byte}", flush=True)
            trials.append(trial)
    return trials


def count_cpu_time() -> None:
    """Let budgets in seconds mean seconds of this process's CPU time, whatever else runs here."""
    setattr(loop, "time", SimpleNamespace(perf_counter=time.process_time))  # noqa: B010


def usable_cores() -> set[int]:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _take_cores(free: "Queue[set[int]]") -> None:
    cores = free.get()
    if hasattr(os, "sched_setaffinity") and cores:
        os.sched_setaffinity(0, cores)
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"


def _run_job(run: Callable[..., Any], job: Mapping[str, Any]) -> Any:
    with tempfile.TemporaryDirectory(prefix="compiled-") as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        return run(**job)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header, each column as wide as it needs to be."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def print_json(benchmark: str, arguments: Mapping[str, object], trials: Iterable[Any]) -> None:
    """Print the closing line, which programs read."""
    stated = {
        key: str(value) if isinstance(value, Path) else value for key, value in arguments.items()
    }
    line = {"benchmark": benchmark, **stated, "trials": [asdict(trial) for trial in trials]}
    print(json.dumps(line))
    sys.stdout.flush()
