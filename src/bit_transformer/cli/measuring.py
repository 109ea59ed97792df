"""A model beside the compressors on the same bytes: measured with progress, and shown."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bit_transformer.checkpoint import load_metadata
from bit_transformer.cli.coding import Coding
from bit_transformer.cli.held_out import HeldOut
from bit_transformer.cli.progress import byte_progress, note
from bit_transformer.evaluation import (
    CompressorResult,
    Evaluation,
    ViewScore,
    comparison_table,
    compressed_score,
    direct_score,
    evaluate,
    measure_compressors,
    raw_score,
    views_table,
)
from bit_transformer.model import BitTransformerLM

__all__ = ["Comparison", "compare"]

DEFAULT_CODECS = ("huffman:english",)
"""For a model whose training knew no codec."""


@dataclass(frozen=True)
class Comparison:
    """What was found about one checkpoint."""

    checkpoint: Path
    source: str
    num_parameters: int
    evaluate_s: float
    evaluation: Evaluation
    pieces: Evaluation | None
    compressors: Sequence[CompressorResult]
    views: Sequence[ViewScore] = ()

    def to_json(self) -> str:
        """Everything, as one JSON object."""
        content: dict[str, Any] = {
            "checkpoint": str(self.checkpoint),
            "source": self.source,
            "num_parameters": self.num_parameters,
            "evaluate_s": self.evaluate_s,
            "model": self.evaluation.as_dict(),
            "model_in_pieces": None if self.pieces is None else self.pieces.as_dict(),
            "compressors": [asdict(result) for result in self.compressors],
            "views": [score.as_dict() for score in self.views],
        }
        return json.dumps(content, indent=2, allow_nan=False)

    def show(self, *, with_positions: bool) -> None:
        """Print tables to stdout."""
        console = Console(file=sys.stdout, highlight=False)
        kilobytes_per_s = self.evaluation.num_bytes / max(self.evaluate_s, 1e-9) / 1000
        console.print(
            f"{self.checkpoint}: {self.num_parameters:,} parameters, "
            f"{self.evaluation.bits_per_byte:.4f} bits per byte\n"
            f"on {self.source}, at {kilobytes_per_s:,.0f} KB/s\n"
            f"{self.evaluation.conditions}\n",
            markup=False,
            soft_wrap=True,
        )
        if with_positions:
            console.print(self.evaluation.table(), "")
        if self.compressors:
            console.print(comparison_table(self.evaluation, self.compressors, pieces=self.pieces))
        if self.views:
            console.print("", views_table(self.views, self.compressors))


def compare(
    checkpoint: Path,
    model: BitTransformerLM,
    data: HeldOut,
    *,
    piece_bytes: int | None = 4096,
    is_quiet: bool = False,
    views: Sequence[str] = (),
    codecs: Sequence[str] = (),
    **options: Any,
) -> Comparison:
    """The model's evaluation, with the compressors' results beside it.

    Args:
        piece_bytes: measure both also on pieces of that length; None leaves out pieces and
            compressors.
        views: which of ``raw``, ``compressed`` and ``direct`` to tell apart.
        codecs: for the last two; those of the training if there are none given.
        options: those of :func:`~bit_transformer.evaluation.evaluate`.
    """
    metadata = load_metadata(checkpoint)
    options["encoding"] = Coding.of(metadata).name
    codecs = codecs or metadata.get("codecs") or DEFAULT_CODECS
    started = time.monotonic()
    with byte_progress("evaluating", is_quiet=is_quiet) as progress:
        evaluation = evaluate(model, data.content, progress=progress, **options)
    evaluate_s = time.monotonic() - started
    scores: list[ViewScore] = []
    for view in dict.fromkeys(views):
        if view == "raw":
            scores.append(raw_score(evaluation))
        elif view == "compressed":
            scores += [compressed_score(evaluation, data.content, codec) for codec in codecs]
        else:
            scores += _direct_scores(model, data.content, codecs, options, is_quiet=is_quiet)
    pieces, compressors = None, []
    if piece_bytes is not None:
        with byte_progress("evaluating in pieces", is_quiet=is_quiet) as progress:
            pieces = evaluate(
                model, data.content, piece_bytes=piece_bytes, progress=progress, **options
            )
        tell = None if is_quiet else lambda name: note(f"compressing with {name}")
        compressors = measure_compressors(data.content, piece_bytes=piece_bytes, progress=tell)
    return Comparison(
        checkpoint,
        data.source,
        model.num_parameters(),
        evaluate_s,
        evaluation,
        pieces,
        compressors,
        scores,
    )


def _direct_scores(
    model: BitTransformerLM,
    content: bytes,
    codecs: Sequence[str],
    options: Mapping[str, Any],
    *,
    is_quiet: bool,
) -> list[ViewScore]:
    shared = {name: value for name, value in options.items() if name != "stride_bytes"}
    scores = []
    for codec in codecs:
        with byte_progress(f"evaluating frames of {codec}", is_quiet=is_quiet) as progress:
            scores.append(direct_score(model, content, codec, progress=progress, **shared))
    return scores
