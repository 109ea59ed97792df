"""Which compressed streams can a model learn? One model for each codec and patch size.

    python benchmarks/learnability.py --data PATH [--seconds 120] [--codecs NAME …] [--seeds 0 1 2]
    python benchmarks/learnability.py --data PATH --plot docs/learnability.png

Every model reads nothing but frames of one codec, 2,048 bits of context at most, for the same
seconds of CPU time, with one thread. What counts is the code length of the held-out *source*: the
model's loss over all frames that hold it, divided by the bytes that they hold. `stored` is the
text as it is, in the same frames; `arithmetic` and `windows16` are explained in
`arithmetic_codecs.py`, and the sizes of codecs alone stand beside the models'. Frames begin afresh
in each sequence; the codec of a variant such as `huffman:english` brings a table that its frames
need not hold.

The last line is JSON.
"""

import argparse
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arithmetic_codecs import ArithmeticCodec, WindowCodec, byte_model
from trials import DATA_HELP, count_cpu_time, data_settings, print_json, print_table, run_jobs

from bit_transformer.checkpoint import load_model
from bit_transformer.codecs import codec_names, register_codec
from bit_transformer.data import prepare_corpus
from bit_transformer.evaluation import direct_score
from bit_transformer.model.cost import flops_per_byte
from bit_transformer.recipes import build_config, merge
from bit_transformer.training import train

CODECS = (
    "stored", "huffman:english", "huffman", "rle", "lz", "deflate", "zstd:19", "windows16",
    "arithmetic",
)  # fmt: skip
CONTEXT_BITS = 2048
MODEL_BYTES = 2_000_000
"""Training data from which the model of bytes is counted."""


@dataclass(frozen=True)
class Cell:
    """One model of one codec's frames; per byte of source."""

    name: str
    codec: str
    patch_bits: int
    seed: int
    bits_per_byte: float
    codec_bits_per_byte: float
    bits_per_bit: float
    steps: int
    source_bytes: int
    core_s_per_mb: float
    mflops_per_byte: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help=DATA_HELP)
    parser.add_argument("--codecs", nargs="+", default=list(CODECS))
    parser.add_argument("--patch-bits", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=120.0, help="CPU time of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--at-once", type=int, default=2, help="trainings side by side")
    parser.add_argument("--limit-kb", type=int, default=50, help="held-out source that is scored")
    parser.add_argument("--plot", type=Path, help="where to draw the table")
    arguments = parser.parse_args()

    jobs = [
        job(arguments, codec, patch_bits, seed)
        for codec in arguments.codecs
        for patch_bits in arguments.patch_bits
        for seed in arguments.seeds
    ]
    cells: list[Cell] = run_jobs(jobs, arguments.at_once, run_cell)
    show(cells, arguments.patch_bits)
    if arguments.plot:
        draw(cells, arguments.plot)
    print_json("learnability", vars(arguments), cells)


def job(arguments: argparse.Namespace, codec: str, patch_bits: int, seed: int) -> dict[str, Any]:
    """What :func:`run_cell` is to be called with."""
    return {
        "codec": codec,
        "patch_bits": patch_bits,
        "seed": seed,
        "data": arguments.data,
        "seconds": arguments.seconds,
        "limit_bytes": 1000 * arguments.limit_kb,
    }


def run_cell(
    codec: str, patch_bits: int, seed: int, data: Path | None, seconds: float, limit_bytes: int
) -> Cell:
    """Train on a codec's frames alone, and score the frames of the held-out data."""
    count_cpu_time()
    folder = Path(tempfile.mkdtemp(prefix="cell-"))
    layer = {
        "model": {
            "patch_bits": patch_bits,
            "context_patches": CONTEXT_BITS // patch_bits,
            # Next to small embeddings the hashed tables learn much quicker. That is a gain in the
            # first pass over the data, which is all that so short a training has.
            "initialisation": "gpt2",
        },
        "run_dir": folder / "run",
        "budget": f"{seconds:g}s",
        "seed": seed,
        "threads": 1,
        "compile": "off",
        "compress_prob": 0.0,
        "direct_prob": 1.0,
        "codecs": [codec],
        "loader_workers": 0,  # codecs that are registered here are unknown to other processes
        "evaluate_every": 0.0,
        "evaluate_bytes": 256,
        "sample_every": 0.0,
        "checkpoint_every": 0.0,
    }
    config = build_config("default", merge(data_settings(data), layer))
    corpus = prepare_corpus(config.data)
    register_own_codecs(corpus.train.bytes[:MODEL_BYTES].tobytes())
    try:
        result = train(config)
        model = load_model(result.checkpoint)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    score = direct_score(model, corpus.valid, codec, limit_bytes=limit_bytes)
    assert score.loss_bits is not None
    assert score.bits_per_bit is not None
    source_bytes = score.num_source_bits / 8
    rows = result.bytes_seen * 8 / CONTEXT_BITS
    seen_bytes = rows * source_bytes / score.num_sequences
    return Cell(
        name=f"{codec}, patches of {patch_bits}",
        codec=codec,
        patch_bits=patch_bits,
        seed=seed,
        bits_per_byte=round(score.loss_bits / source_bytes, 4),
        codec_bits_per_byte=round(score.num_frame_bits / source_bytes, 4),
        bits_per_bit=round(score.bits_per_bit, 4),
        steps=result.step,
        source_bytes=round(seen_bytes),
        core_s_per_mb=round(result.spent_s / seen_bytes * 1e6, 1),
        mflops_per_byte=round(
            flops_per_byte(config.model, is_training=True) * result.bytes_seen / seen_bytes / 1e6, 1
        ),
    )


def register_own_codecs(data: bytes) -> None:
    """Make the two codes with a model of their own known, if they are not."""
    if ArithmeticCodec.name not in codec_names():
        model = byte_model(data)
        register_codec(ArithmeticCodec(model))
        register_codec(WindowCodec(model))


def show(cells: list[Cell], patch_sizes: list[int]) -> None:
    """Print a line for each codec, and what training on it costs with the largest patches."""
    rows = []
    for codec in dict.fromkeys(cell.codec for cell in cells):
        own = [cell for cell in cells if cell.codec == codec]
        widest = [cell for cell in own if cell.patch_bits == max(patch_sizes)]
        rows.append(
            [
                codec,
                f"{own[0].codec_bits_per_byte:.3f}",
                *(spread([c.bits_per_byte for c in own if c.patch_bits == p]) for p in patch_sizes),
                f"{widest[0].bits_per_bit:.4f}",
                f"{statistics.mean(c.core_s_per_mb for c in widest):.0f}",
                f"{statistics.mean(c.mflops_per_byte for c in widest):.1f}",
            ]
        )
    header = ["codec", "alone", *(f"patch {p}" for p in patch_sizes)]
    print_table([*header, "bits/bit", "core s/MB", "MFLOP/byte"], rows)


def spread(values: list[float]) -> str:
    """The mean, with the range where there are several."""
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f}-{max(values):.3f})"


def draw(cells: list[Cell], path: Path) -> None:
    """Bars of code length by codec and patch size, with the codec alone as a mark."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.5), layout="constrained")
    axes = figure.subplots()
    codecs = list(dict.fromkeys(cell.codec for cell in cells))
    sizes = sorted({cell.patch_bits for cell in cells})
    width = 0.8 / len(sizes)
    for place, size in enumerate(sizes):
        heights = [
            statistics.mean(
                [c.bits_per_byte for c in cells if (c.codec, c.patch_bits) == (codec, size)]
            )
            for codec in codecs
        ]
        offsets = [i + (place - (len(sizes) - 1) / 2) * width for i in range(len(codecs))]
        axes.bar(offsets, heights, width, label=f"patches of {size}")
    for i, codec in enumerate(codecs):
        alone = next(c.codec_bits_per_byte for c in cells if c.codec == codec)
        axes.hlines(alone, i - 0.45, i + 0.45, colors="black", label="" if i else "codec alone")
    axes.set_xticks(range(len(codecs)), codecs, rotation=20)
    axes.set_ylabel("bits per byte of held-out source")
    figure.legend(loc="outside upper center", ncols=len(sizes) + 1, frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
