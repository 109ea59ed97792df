"""The views of some data and the classical compressors, side by side, for a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bit_transformer.evaluation.compressors import CompressorResult

if TYPE_CHECKING:
    from rich.table import Table

    from bit_transformer.evaluation.views import ViewScore

__all__ = ["views_table"]


def views_table(
    scores: "Sequence[ViewScore]", compressors: Sequence[CompressorResult] = ()
) -> "Table":
    """Every view with its codec, then every compressor; bits per byte compare them all.

    A compressor's figures are those of the whole data in one piece, the kindest to it.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD,  # lines between the columns would not fit into 80 characters
        padding=(0, 1, 0, 0),
        show_edge=False,
        title="Views of the data",
        caption="bits per byte: code length per byte of the data, less is better. The last two "
        "columns are the codec or compressor alone: in ÷ out is how many times smaller",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("view", no_wrap=True)
    table.add_column("codec", no_wrap=True)
    for name in ("bits per bit", "bits right", "bits per source bit", "bits per byte"):
        table.add_column(name, justify="right")
    table.add_column("out ÷ in", justify="right")
    table.add_column("in ÷ out", justify="right")
    for score in scores:
        per_source_bit = score.bits_per_source_bit
        table.add_row(
            score.view,
            score.codec or "",
            _shown(score.bits_per_bit, ".4f"),
            _shown(score.bit_accuracy, ".2%"),
            _shown(per_source_bit, ".4f"),
            _shown(None if per_source_bit is None else 8 * per_source_bit, ".3f"),
            _shown(score.compressed_fraction, ".3f"),
            _shown(score.compression_ratio, ".2f"),
        )
    if compressors:
        table.add_section()
    for result in compressors:
        fraction = result.bits_per_byte_whole / 8
        table.add_row(
            "", result.name, "", "", "", f"{8 * fraction:.3f}", f"{fraction:.3f}",
            f"{1 / fraction:.2f}",
        )  # fmt: skip
    return table


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
