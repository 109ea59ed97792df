"""How fast files become a corpus and a corpus becomes batches, and whether training waits.

    python benchmarks/data_loading.py
    python benchmarks/data_loading.py --data path/to/files --step-s 0.05
    python benchmarks/data_loading.py --codecs huffman:english zstd --workers 0 1 2

Four questions, one table. Building: MB of files per second, read twice and hashed. Loading: MB of
raw bytes per second that one thread turns into batches of bits, with a consumer that takes no time.
Training: the share of its time that a step of the given length waits for its batch; the step is a
callable that computes for that long, since one that slept would leave the processor to the loader.
Views: both again where half of the sequences go through each codec and back, or are its frames,
with the codecs in the loader's thread (0 workers) or in processes of their own. The share is also
that of a step's time which the thread takes from it: with one processor, or without workers, the
training pays by being slower and not by waiting, so steps per second are compared as well.

The last line is the same as JSON. Times of a busy machine differ; the shares matter.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bit_transformer.data import (
    DataConfig,
    Loader,
    Split,
    ViewMixture,
    WindowSampler,
    build_corpus,
)
from bit_transformer.data.config import Encoding

NUM_BATCHES = 300
NUM_STEPS = 60
NUM_VIEW_BATCHES = 100
NUM_WARM_UP_STEPS = 3


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = DataConfig(paths=[arguments.data] if arguments.data else [])
        start = time.perf_counter()
        corpus = build_corpus(config, Path(folder) / "corpus")
        build_s = time.perf_counter() - start
        num_bytes = sum(map(len, corpus.splits()))
        results: dict[str, Any] = {
            "data": str(arguments.data or "standard library"),
            "num_files": len(corpus.manifest.files),
            "num_bytes": num_bytes,
            "build_mb_per_s": num_bytes / build_s / 1e6,
        }
        for encoding in ("bytes", "parity"):
            for batch_size in (16, 256):
                name = f"{encoding}_{batch_size}x{arguments.window_bytes}"
                results[f"load_mb_per_s_{name}"] = loading_mb_per_s(
                    corpus.train, encoding, batch_size, arguments.window_bytes
                )
        for step_s in arguments.step_s:
            share = waiting_share(
                corpus.train, computation(step_s), arguments.batch_size, arguments.window_bytes
            )
            results[f"waiting_share_step_{step_s:g}s"] = share
        for codec in arguments.codecs:
            for view, mixture in (
                ("compress", ViewMixture(compress_prob=0.5, codecs=(codec,))),
                ("direct", ViewMixture(direct_prob=0.5, codecs=(codec,))),
            ):
                for num_workers in arguments.workers:
                    results |= view_results(corpus.train, arguments, mixture, view, num_workers)
    print_table(results)
    print(json.dumps(results))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a file or folder (default: standard library)")
    parser.add_argument("--window-bytes", type=int, default=256, help="bytes of one window")
    parser.add_argument("--batch-size", type=int, default=16, help="windows of a training step")
    parser.add_argument(
        "--step-s",
        type=float,
        nargs="+",
        default=[0.01, 0.05, 0.2],
        help="lengths of a training step in seconds",
    )
    parser.add_argument(
        "--codecs",
        nargs="*",
        default=["huffman:english"],
        help="codecs of the views (default: huffman:english; none after the option: no views)",
    )
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[0, 1], help="processes that compress"
    )
    return parser.parse_args()


def loading_mb_per_s(split: Split, encoding: Encoding, batch_size: int, window_bytes: int) -> float:
    """MB of raw bytes per second with a consumer that takes no time."""
    sampler = WindowSampler(len(split), window_bytes, batch_size, seed=0)
    with Loader(split, sampler, encoding, stop_step=NUM_BATCHES) as loader:
        next(loader)
        start = time.perf_counter()
        num_batches = sum(1 for _ in loader)
        elapsed_s = time.perf_counter() - start
    return num_batches * batch_size * window_bytes / elapsed_s / 1e6


def waiting_share(
    split: Split, step: Callable[[], None], batch_size: int, window_bytes: int
) -> float:
    """The share of its time that a training with this step waits for its batches."""
    sampler = WindowSampler(len(split), window_bytes, batch_size, seed=0)
    with Loader(split, sampler, stop_step=NUM_WARM_UP_STEPS + NUM_STEPS) as loader:
        for _ in range(NUM_WARM_UP_STEPS):
            next(loader)
            step()
        waited_before_s = loader.wait_s
        start = time.perf_counter()
        for _ in loader:
            step()
        elapsed_s = time.perf_counter() - start
        return (loader.wait_s - waited_before_s) / elapsed_s


def view_results(
    split: Split,
    arguments: argparse.Namespace,
    mixture: ViewMixture,
    view: str,
    num_workers: int,
) -> dict[str, float]:
    """Rate, share of waiting and relative rate of steps of one view through one codec."""
    options: dict[str, Any] = {"mixture": mixture, "num_workers": num_workers}
    name = f"{view}_{mixture.codecs[0]}_{num_workers}_workers"
    sampler = WindowSampler(len(split), arguments.window_bytes, arguments.batch_size, seed=0)
    with Loader(split, sampler, stop_step=NUM_VIEW_BATCHES, **options) as loader:
        next(loader)  # the first one starts processes and compiles codecs
        start = time.perf_counter()
        num_batches = sum(1 for _ in loader)
        elapsed_s = time.perf_counter() - start
    num_bytes = num_batches * arguments.batch_size * arguments.window_bytes
    results = {f"load_mb_per_s_{name}": num_bytes / elapsed_s / 1e6}
    for step_s in arguments.step_s:
        step = work(step_s)
        raw_s = time_of_steps(Loader(split, sampler), step)[0]
        elapsed_s, waited_s = time_of_steps(Loader(split, sampler, **options), step)
        results[f"waiting_share_{name}_step_{step_s:g}s"] = waited_s / elapsed_s
        results[f"time_ratio_{name}_step_{step_s:g}s"] = elapsed_s / raw_s
    return results


def time_of_steps(loader: Loader, step: Callable[[], None]) -> tuple[float, float]:
    """Seconds that steps take with their batches, and seconds of these that they wait."""
    with loader:
        for _ in range(NUM_WARM_UP_STEPS):
            next(loader)
            step()
        waited_before_s = loader.wait_s
        start = time.perf_counter()
        for _ in range(NUM_STEPS):
            next(loader)
            step()
        return time.perf_counter() - start, loader.wait_s - waited_before_s


def work(length_s: float) -> Callable[[], None]:
    """A step that has as much to compute as takes ``length_s`` when nothing else runs."""
    factor = torch.full((192, 192), 1 / 192)
    product = factor @ factor
    start = time.perf_counter()
    num_products = 0
    while time.perf_counter() - start < length_s:
        product = product @ factor
        num_products += 1

    def step() -> None:
        product = factor
        for _ in range(num_products):
            product = product @ factor

    return step


def computation(length_s: float) -> Callable[[], None]:
    """A step that computes for ``length_s`` seconds, as a training step would."""
    factor = torch.full((192, 192), 1 / 192)

    def step() -> None:
        end = time.perf_counter() + length_s
        product = factor
        while time.perf_counter() < end:
            product = product @ factor

    return step


def print_table(results: dict[str, Any]) -> None:
    width = max(map(len, results))
    for name, value in results.items():
        shown = f"{value:,.4g}" if isinstance(value, float) else f"{value}"
        print(f"{name:<{width}}  {shown:>20}")


if __name__ == "__main__":
    main()
