"""The exact engine: what quantisation costs, what the window is worth, speed, and equality.

    python benchmarks/archive_engine.py RUN FILE [--bytes 65536] [--lanes 1 4 16]
    python benchmarks/archive_engine.py --random-models 2000

RUN is a run folder (its best checkpoint is taken), FILE holds bytes that the model has not seen.
The first form prints bits per byte of the model in floats and of the engine in integers, both in
windows as in training, and of the engine with its window sliding over long lanes, each from the
same bytes; then bytes per CPU second, step by step and in chunks, on one thread, and of the
engine in PyTorch. CPU seconds, so that a busy machine changes little. The second form makes that
many random models, of random sizes and with random lanes, and checks that the compiled engine,
step by step and in chunks, and that in PyTorch give the same integers.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from bit_transformer.archive.engine import SequenceEngine, StepEngine, quantise
from bit_transformer.archive.engine.interface import LOG_ODDS_ONE
from bit_transformer.checkpoint import load_model, resolve_checkpoint
from tests.archive.engine.engines import random_data, random_shape, random_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    parser.add_argument("--bytes", type=int, default=65_536, metavar="N")
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16], metavar="N")
    parser.add_argument("--random-models", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.random_models:
        compare_random_models(arguments.random_models)
    if arguments.run and arguments.file:
        measure(arguments.run, arguments.file, arguments.bytes, arguments.lanes)


def measure(run: Path, file: Path, num_bytes: int, lanes: list[int]) -> None:
    model = load_model(resolve_checkpoint(run, prefer="best"))
    engine = StepEngine(quantise(model))
    window = model.config.context_patches
    content = np.frombuffer(file.read_bytes()[:num_bytes], np.uint8)
    content = content[: len(content) // (4 * window) * 4 * window]
    windows, long_lanes = content.reshape(-1, window), content.reshape(4, -1)
    with torch.no_grad():
        bits = torch.from_numpy(np.unpackbits(windows, axis=1))
        floats = float(model(bits, return_loss=True)) * 8
    whole = code_length(engine.sequence(windows), windows)
    sliding = code_length(engine.sequence(long_lanes), long_lanes)
    print(f"{len(content):,} bytes of {file}; bits per byte")
    print(f"  floats, windows of {window}     {floats:.4f}")
    print(f"  integers, the same windows  {whole:.4f}  ({100 * (whole / floats - 1):+.3f} %)")
    print(f"  integers, window sliding    {sliding:.4f}  ({100 * (sliding / whole - 1):+.3f} %)")
    show_speed(engine, content, lanes)


def code_length(predictions: np.ndarray, data: np.ndarray) -> float:
    """Bits per byte that the predictions give the data."""
    bits = np.unpackbits(data[..., None], axis=-1)
    node, total = np.ones(data.shape, np.int64), 0.0
    for place in range(8):
        log_odds = np.take_along_axis(predictions, node[..., None], -1)[..., 0] / LOG_ODDS_ONE
        sign = np.where(bits[..., place] == 1, -1.0, 1.0)
        total += float(np.logaddexp(0, sign * log_odds).sum())
        node = 2 * node + bits[..., place]
    return total / np.log(2) / data.size


def show_speed(engine: StepEngine, content: np.ndarray, lanes: list[int]) -> None:
    print("bytes per CPU second, thousands: lanes, step by step, in chunks")
    window = engine.weights.shape.window
    for num_lanes in lanes:
        length = min(len(content) // num_lanes, max(64, 2048 // num_lanes) + window)
        data = content[: num_lanes * length].reshape(num_lanes, length)
        seen, data = data[:, :window], data[:, window:]
        state, other = engine.start(num_lanes), engine.start(num_lanes)
        engine.extend(state, seen)
        engine.extend(other, seen)
        step = speed(lambda s=state, d=data: step_through(engine, s, d), data.size)
        chunks = speed(lambda s=other, d=data: engine.extend(s, d), data.size)
        print(f"  {num_lanes:3}  {step:6.1f}  {chunks:6.1f}")
    whole = SequenceEngine(engine.weights)
    data = content[: 16 * window].reshape(4, -1)
    print(f"  PyTorch  {speed(lambda: whole.sequence(data), data.size):.1f}")


def step_through(engine: StepEngine, state: object, data: np.ndarray) -> None:
    for t in range(data.shape[1]):
        engine.predict(state)  # type: ignore[arg-type]
        engine.feed(state, data[:, t])  # type: ignore[arg-type]


def speed(work: Callable[[], object], num_bytes: int) -> float:
    start = time.process_time()
    work()
    return num_bytes / (time.process_time() - start) / 1000


def compare_random_models(number: int) -> None:
    num_bytes = 0
    for seed in range(number):
        rng = np.random.default_rng(seed)
        weights = random_weights(rng, random_shape(rng), is_extreme=seed % 4 == 3)
        data = random_data(rng, int(rng.integers(1, 65)), int(rng.integers(1, 80)))
        engine = StepEngine(weights)
        chunks = engine.sequence(data)
        state = engine.start(len(data))
        for t in range(data.shape[1]):
            assert np.array_equal(engine.predict(state), chunks[:, t]), (seed, t)
            engine.feed(state, data[:, t])
        assert np.array_equal(chunks, SequenceEngine(weights).sequence(data)), seed
        num_bytes += data.size
    print(f"{number} random models, {num_bytes:,} bytes: the same integers in all three ways")


if __name__ == "__main__":
    main()
