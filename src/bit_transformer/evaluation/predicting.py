"""A model's predictions for all bits of some data, each from the context before it."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from bit_transformer.bits import GROUP_BITS
from bit_transformer.data.coding import Coding
from bit_transformer.errors import InputError
from bit_transformer.evaluation.windows import Window, plan_windows
from bit_transformer.model import BitTransformerLM

__all__ = ["predict_bits"]


def predict_bits(
    model: BitTransformerLM,
    bits: Tensor,
    coding: Coding,
    *,
    view: Literal["raw", "direct"] = "raw",
    batch_size: int = 16,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tensor:
    """The log-odds of each bit, (T,) float32 on the CPU, from half a context or more before it.

    Args:
        on_progress: is told how many bytes are done, and of how many.

    Where the model reads parity, the predictions of the parity bits are left out.

    Raises:
        InputError: the model reads parity, and ``bits`` are asked for in the direct view.
    """
    if coding.has_parity and view == "direct":
        raise InputError("this model reads bytes with parity, so it has no compressed stream")
    group_bits = GROUP_BITS if coding.has_parity else 8
    padded = functional.pad(bits, (0, -len(bits) % 8))
    read = coding.encode(padded, "the data")
    num_groups = len(read) // group_bits
    context = max(1, model.config.context_bits // group_bits)
    windows = list(plan_windows(num_groups, context, max(1, context // 2)))
    device = next(model.parameters()).device
    parts = []
    with torch.no_grad():
        for first in range(0, len(windows), batch_size):
            batch = windows[first : first + batch_size]
            rows = [read[w.first * group_bits : w.last * group_bits] for w in batch]
            logits = model(torch.stack(rows).to(device), view=view).float().cpu()
            parts += [
                _scored(row, window, group_bits) for row, window in zip(logits, batch, strict=True)
            ]
            on_progress(batch[-1].last, num_groups)
    return torch.cat(parts)[: len(bits)]


def _scored(logits: Tensor, window: Window, group_bits: int) -> Tensor:
    """The logits that a window scores, of data bits alone."""
    groups = logits.view(-1, group_bits)[window.scored_from - window.first :]
    return groups[:, :8].flatten()
