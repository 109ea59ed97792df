"""Which start state a sequence begins with, by the way in which it reaches the model.

The view is told out of band: no bit of the sequence is spent on it. ``compressed`` is transparent
(what was compressed is decompressed before the model reads it), so it shares the start state of
``raw`` and has the same logits; ``direct`` means that the bits are those of a codec's frame, and
has a state of its own.

The table of start states has a row for every view. That of ``compressed`` is never read; it stays,
so that checkpoints and first weights keep their shape.
"""

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor

from bit_transformer.errors import InputError
from bit_transformer.model.config import View

__all__ = ["VIEWS", "Views", "start_rows"]

VIEWS: tuple[View, ...] = get_args(View)

Views = View | Sequence[View] | Tensor
"""One view for all rows of a batch, a name for each, or for each its place in ``VIEWS``."""

_RAW, _COMPRESSED = VIEWS.index("raw"), VIEWS.index("compressed")


def start_rows(view: Views, num_rows: int, device: torch.device) -> Tensor:
    """The row of the start states for every sequence, (B,) int64, or (1,) where all share one.

    A tensor is not looked into while a graph is compiled, for reading it would break the graph.

    Raises:
        InputError: a view is unknown, or there is not one for each row.
    """
    if isinstance(view, str):
        return torch.tensor([_row_of(view)], device=device)
    if isinstance(view, Tensor):
        _check_places(view, num_rows)
        places = view.to(device=device, dtype=torch.int64)
        return places.masked_fill(places == _COMPRESSED, _RAW)
    if len(view) != num_rows:
        raise InputError(f"got {len(view)} views for {num_rows} sequences; give one for each")
    return torch.tensor([_row_of(one) for one in view], dtype=torch.int64, device=device)


def _row_of(view: View) -> int:
    if view not in VIEWS:
        raise InputError(f"unknown view {view!r}; choose one of {', '.join(VIEWS)}")
    return _RAW if view == "compressed" else VIEWS.index(view)


def _check_places(view: Tensor, num_rows: int) -> None:
    is_integer = not (view.dtype.is_floating_point or view.dtype.is_complex)
    if view.shape != (num_rows,) or not is_integer or view.dtype == torch.bool:
        raise InputError(
            f"view is a {view.dtype} tensor of shape {tuple(view.shape)}; for {num_rows} sequences "
            f"give integers of shape ({num_rows},), each a place in {', '.join(VIEWS)}"
        )
    if torch.compiler.is_compiling() or num_rows == 0:
        return
    least, most = (int(end) for end in view.aminmax())
    if least < 0 or most >= len(VIEWS):
        raise InputError(
            f"view has {least if least < 0 else most}; a place in {', '.join(VIEWS)} is from 0 "
            f"to {len(VIEWS) - 1}"
        )
