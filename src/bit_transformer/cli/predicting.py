"""A model's predictions for all bits of some data, with a bar on the terminal."""

from typing import Any

from torch import Tensor

from bit_transformer.cli.progress import byte_progress
from bit_transformer.data.coding import Coding
from bit_transformer.evaluation import predicting
from bit_transformer.model import BitTransformerLM

__all__ = ["predict_bits"]


def predict_bits(
    model: BitTransformerLM, bits: Tensor, coding: Coding, *, is_quiet: bool = False, **options: Any
) -> Tensor:
    """The log-odds of each bit, as :func:`bit_transformer.evaluation.predicting.predict_bits`."""
    with byte_progress("predicting", is_quiet=is_quiet) as progress:
        return predicting.predict_bits(model, bits, coding, on_progress=progress, **options)
