"""What an evaluation found, as numbers, as JSON and as tables."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bit_transformer.evaluation.compressors import CompressorResult

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Evaluation", "PositionScore", "comparison_table"]


@dataclass(frozen=True)
class PositionScore:
    """The mean over one position in the byte, 0 being the most significant bit."""

    bits_per_bit: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts some bytes, and under which conditions that was measured.

    Units:
        bits_per_bit: mean loss in base 2 over all bits that the model reads.
        bits_per_byte: loss in base 2 per byte of the data. With parity coding the model reads
            nine bits for each byte, and pays for all of them here.
        bit_accuracy: share of bits whose more probable value was right.
        byte_accuracy: share of bytes of which all bits were right, each given the true ones
            before it.
        per_position: the same by position in the byte; a ninth one for parity.
    """

    bits_per_bit: float
    bits_per_byte: float
    bit_accuracy: float
    byte_accuracy: float
    per_position: tuple[PositionScore, ...]
    num_bytes: int
    context_bytes: int
    stride_bytes: int
    piece_bytes: int | None = None
    encoding: str = "bytes"
    precision: str = "fp32"

    def as_dict(self) -> dict[str, Any]:
        """All fields, in types that JSON knows."""
        return {**asdict(self), "per_position": [asdict(one) for one in self.per_position]}

    def to_json(self) -> str:
        """All fields as one JSON object, indented."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False)

    @property
    def conditions(self) -> str:
        """One sentence on how this was measured."""
        return (
            f"{self.num_bytes:,} bytes, each scored once; context {self.context_bytes:,} bytes, "
            f"stride {self.stride_bytes:,}, {self.precision}"
        )

    def table(self) -> "Table":
        """The figures and the score of each position in the byte, for a terminal."""
        from rich.table import Table

        table = Table(
            title="Predictions",
            caption=self.conditions,
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("")
        table.add_column("bits per bit", justify="right")
        table.add_column("accuracy", justify="right")
        for position, score in enumerate(self.per_position):
            name = f"bit {position}" if position < 8 else "parity bit"
            table.add_row(name, f"{score.bits_per_bit:.4f}", f"{score.accuracy:.2%}")
        table.add_section()
        table.add_row("all bits", f"{self.bits_per_bit:.4f}", f"{self.bit_accuracy:.2%}")
        table.add_row(
            "whole bytes", f"{self.bits_per_byte:.4f} bits per byte", f"{self.byte_accuracy:.2%}"
        )
        return table


def comparison_table(
    evaluation: Evaluation,
    compressors: Sequence[CompressorResult],
    *,
    pieces: Evaluation | None = None,
    model_name: str = "model",
) -> "Table":
    """The model's bits per byte beside the compressors' on the same bytes; less is better.

    Args:
        pieces: the evaluation of the model on the pieces that the compressors were given.
    """
    from rich.table import Table

    piece_bytes = compressors[0].piece_bytes if compressors else 0
    table = Table(title="Bits per byte, less is better", title_justify="left")
    table.add_column("")
    table.add_column("whole", justify="right")
    table.add_column(f"in pieces of {piece_bytes:,} bytes", justify="right")
    in_pieces = "" if pieces is None else f"{pieces.bits_per_byte:.3f}"
    table.add_row(model_name, f"{evaluation.bits_per_byte:.3f}", in_pieces, style="bold")
    for result in compressors:
        table.add_row(
            result.name,
            f"{result.bits_per_byte_whole:.3f}",
            f"{result.bits_per_byte_pieces:.3f}",
        )
    return table
