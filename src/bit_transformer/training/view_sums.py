"""What a step did in each view, as a table of sums: added up over processes and steps, then told.

Sums rather than means, since means of unequal numbers of bits do not add up. The table is a list
of numbers, view by view, so that processes can exchange it and checkpoints keep it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bit_transformer.data import VIEW_NAMES, BatchViews
from bit_transformer.evaluation import ViewScore

__all__ = ["add_sums", "scores_of", "sums_of", "view_figures"]

_NUM_COLUMNS = 6
"""Sequences, bits, loss in bits, right bits, bits of source, bits of frames."""


def sums_of(views: BatchViews, losses_BT: Tensor | None) -> list[float]:
    """The table of one batch; without losses, those columns are zero."""
    ones = np.ones(len(views.views))
    loss_bits, num_right = np.zeros_like(ones), np.zeros_like(ones)
    if losses_BT is not None:
        num_padding = losses_BT.shape[1] - views.lengths.numpy()
        # A bit costs less than 1 exactly where its likelier value was right; padding costs 0.
        both = torch.stack([losses_BT.sum(1), (losses_BT < 1).sum(1).float()]).cpu().double()
        loss_bits, num_right = both[0].numpy(), both[1].numpy() - num_padding
    columns = (ones, views.lengths, loss_bits, num_right, views.source_bits, views.frame_bits)
    table = np.zeros((len(VIEW_NAMES), _NUM_COLUMNS))
    np.add.at(table, views.views.numpy(), np.stack([np.asarray(one) for one in columns], axis=1))
    return table.ravel().tolist()


def add_sums(sums: list[float], more: list[float]) -> list[float]:
    """Two tables as one; an empty list stands for zeros."""
    return [a + b for a, b in zip(sums, more, strict=True)] if sums else list(more)


def scores_of(sums: list[float], *, has_losses: bool) -> list[ViewScore]:
    """The views that occurred, as scores."""
    return [
        ViewScore(
            view=name,  # type: ignore[arg-type]
            num_sequences=round(row[0]),
            num_bits=round(row[1]),
            loss_bits=float(row[2]) if has_losses else None,
            num_right=round(row[3]) if has_losses else None,
            num_source_bits=round(row[4]),
            num_frame_bits=round(row[5]),
        )
        for name, row in zip(VIEW_NAMES, _table(sums), strict=True)
        if row[0]
    ]


def view_figures(scores: list[ViewScore]) -> dict[str, dict[str, float]]:
    """The shares and mean values of each view, as rows of metrics hold them."""
    num_sequences = sum(score.num_sequences for score in scores)
    num_bits = sum(score.num_bits for score in scores)
    return {
        score.view: {
            "share_of_sequences": score.num_sequences / num_sequences,
            "share_of_bits": score.num_bits / max(num_bits, 1),
            **score.figures(),
        }
        for score in scores
    }


def _table(sums: list[float]) -> NDArray[np.float64]:
    return np.array(sums).reshape(len(VIEW_NAMES), _NUM_COLUMNS)
