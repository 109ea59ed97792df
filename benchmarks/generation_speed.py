"""Generation with the cache against recomputing, and how the time per byte grows.

    python benchmarks/generation_speed.py [--num-bytes 2000] [--repeats 3] [--model RUN]

Without --model, the weights are random: the time does not depend on what they say. Each repeat
generates the same bytes from one seed both ways and compares them bit for bit. For the growth, one
generation near its beginning and one near its end take turns, a byte each, so that a busy machine
slows both alike. Medians, with the range over the repeats. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor

from bit_transformer.bits import text_to_bits
from bit_transformer.checkpoint import load_model
from bit_transformer.generation import generate, stream
from bit_transformer.model import BitTransformerLM
from bit_transformer.recipes import build_config

PROMPT = "def main():\n"
EARLY, LATE = 100, 1900
AROUND = 50
"""Bytes on either side of a place whose times are taken together."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-bytes", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--model", type=Path, help="a run or checkpoint instead of random weights")
    parser.add_argument("--recipe", default="default", help="whose model, with random weights")
    parser.add_argument("--skip-recomputing", action="store_true", help="only the growth")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    model = load_model(arguments.model) if arguments.model else random_model(arguments)
    print(f"{model.num_parameters():,} parameters, context {model.config.context_patches} patches")
    result: dict[str, object] = {"benchmark": "generation_speed", **describe(arguments)}
    print(f"{'':<28}{'median':>12}{'range':>24}")
    if not arguments.skip_recomputing:
        result |= compare(model, arguments)
    if arguments.num_bytes >= LATE + AROUND:
        result |= measure_growth(model, arguments.repeats)
    print(json.dumps(result))


def describe(arguments: argparse.Namespace) -> dict[str, object]:
    """The arguments in types that JSON knows."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(arguments).items()
    }


def random_model(arguments: argparse.Namespace) -> BitTransformerLM:
    """A recipe's model whose context holds all that is generated."""
    context = arguments.num_bytes + len(PROMPT) + 1
    settings = {"model": {"context_patches": context}, "batch_bytes": context}
    model = BitTransformerLM(build_config(arguments.recipe, settings).model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def compare(model: BitTransformerLM, arguments: argparse.Namespace) -> dict[str, object]:
    """How many times faster the cache is, over interleaved repeats that must agree."""
    cached_s, ratios = [], []
    for seed in range(arguments.repeats):
        options = {"num_bytes": arguments.num_bytes, "seed": seed}
        started = time.perf_counter()
        cached = generate(model, text_to_bits(PROMPT), **options)
        between = time.perf_counter()
        recomputed = generate(model, text_to_bits(PROMPT), use_cache=False, **options)
        ended = time.perf_counter()
        if not torch.equal(cached, recomputed):
            raise SystemExit(f"seed {seed}: the cache changed the bits")
        cached_s.append(between - started)
        ratios.append((ended - between) / (between - started))
    return {
        "cached_s": row("cached, seconds", cached_s),
        "ratio": row("cached, times faster", ratios),
        "is_same_bits": True,
    }


def measure_growth(model: BitTransformerLM, repeats: int) -> dict[str, object]:
    """The time of a byte early and late, and late over early."""
    early_ms, late_ms = [], []
    for seed in range(repeats):
        streams = [start_before(model, place, seed) for place in (EARLY, LATE)]
        times: list[list[float]] = [[], []]
        for _ in range(2 * AROUND):
            for one, taken in zip(streams, times, strict=True):
                started = time.perf_counter()
                next(one)
                taken.append(1000 * (time.perf_counter() - started))
        early_ms.append(statistics.median(times[0]))
        late_ms.append(statistics.median(times[1]))
    growth = [late / early for early, late in zip(early_ms, late_ms, strict=True)]
    return {
        "early_ms": row(f"byte {EARLY}, ms", early_ms),
        "late_ms": row(f"byte {LATE:,}, ms", late_ms),
        "growth": row(f"byte {LATE:,} / byte {EARLY}", growth),
    }


def start_before(model: BitTransformerLM, place: int, seed: int) -> Iterator[Tensor]:
    """A generation whose next byte is ``AROUND`` before a place."""
    generator = torch.Generator().manual_seed(seed)
    size = 8 * (place - AROUND - 1)
    prompt = torch.randint(0, 2, (size,), generator=generator, dtype=torch.uint8)
    running = stream(model, prompt, num_bytes=2 * AROUND + 1, seed=seed)
    next(running)
    return running


def row(name: str, values: list[float]) -> float:
    """Print a line of the table; the median of its values."""
    spread = f"{min(values):.3f} - {max(values):.3f}"
    print(f"{name:<28}{statistics.median(values):>12.3f}{spread:>24}")
    return statistics.median(values)


if __name__ == "__main__":
    main()
