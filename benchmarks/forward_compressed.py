"""What it costs that the model reads frames: forward_compressed against decompress, then forward.

    python benchmarks/forward_compressed.py [FILE] [--codecs rle lz ...] [--batch 4] [--repeats 15]

The bits are windows of FILE, by default of this repository's own Python source. In each repeat the
two ways take turns on the same frames, so that a busy machine slows both alike; the ratio is taken
within a repeat, and its median is given with the range. The logits are compared bit for bit. The
last line is JSON. The aim is a ratio of at most 1.1.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor

from bit_transformer.bits import bytes_to_bits
from bit_transformer.codecs import compress_batch, decompress_batch
from bit_transformer.model import BitTransformerLM
from bit_transformer.recipes import build_config

CODECS = ("stored", "rle", "huffman", "huffman:english", "lz", "deflate", "zstd")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="whose bytes are read")
    parser.add_argument("--codecs", nargs="+", default=CODECS)
    parser.add_argument("--recipe", default="default", help="whose model, with first weights")
    parser.add_argument("--batch", type=int, default=4, help="frames that are read together")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    model = BitTransformerLM(build_config(arguments.recipe, {}).model).eval()
    rows = windows(arguments.file, arguments.batch, model.config.context_bits)
    print(f"{arguments.batch} windows of {rows.shape[1]:,} bits")
    print(f"{'codec':<18}{'decompress, ms':>16}{'forward, ms':>14}{'ratio':>8}{'range':>16}")
    results = {}
    for codec in arguments.codecs:
        results[codec] = measure(model, rows, codec, arguments.repeats)
    worst = max(result["ratio"] for result in results.values())
    print(json.dumps({"benchmark": "forward_compressed", "worst_ratio": worst, "codecs": results}))


def windows(file: Path | None, batch: int, num_bits: int) -> Tensor:
    """Stretches of a file, (batch, num_bits), evenly spread over it."""
    if file is None:
        sources = sorted(Path(__file__).parent.parent.glob("src/**/*.py"))
        data = b"".join(path.read_bytes() for path in sources)
    else:
        data = file.read_bytes()
    num_bytes = -(-num_bits // 8)
    if len(data) < num_bytes * batch:
        raise SystemExit(f"{file} has fewer than {num_bytes * batch:,} bytes")
    starts = [len(data) // batch * row for row in range(batch)]
    rows = [bytes_to_bits(data[start : start + num_bytes])[:num_bits] for start in starts]
    return torch.stack(rows)


def measure(
    model: BitTransformerLM, rows: Tensor, codec: str, repeats: int
) -> dict[str, float | list[float]]:
    """Both ways, in turns; the median of their ratio with its range."""
    frames = compress_batch(rows, codec)
    expected = model(rows)
    if not torch.equal(model.forward_compressed(frames), expected):
        raise SystemExit(f"{codec}: the logits are not those of the raw bits")
    decompress_s, forward_s, ratios = [], [], []
    for _ in range(repeats):
        bits, first_s = timed(lambda: torch.stack(decompress_batch(frames)))
        _, second_s = timed(lambda bits=bits: model(bits))
        _, both_s = timed(lambda: model.forward_compressed(frames))
        decompress_s.append(first_s)
        forward_s.append(second_s)
        ratios.append(both_s / (first_s + second_s))
    ratio = statistics.median(ratios)
    spread = f"{min(ratios):.3f} - {max(ratios):.3f}"
    times = 1000 * statistics.median(decompress_s), 1000 * statistics.median(forward_s)
    print(f"{codec:<18}{times[0]:>16.3f}{times[1]:>14.1f}{ratio:>8.3f}{spread:>16}")
    return {
        "decompress_ms": times[0],
        "forward_ms": times[1],
        "ratio": ratio,
        "range": [min(ratios), max(ratios)],
    }


def timed(function: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """What a function gives, and how long it took."""
    with torch.inference_mode():
        started = time.perf_counter()
        result = function()
        return result, time.perf_counter() - started


if __name__ == "__main__":
    main()
