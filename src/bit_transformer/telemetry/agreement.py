"""S: whether what happens is what the model expected to happen.

Neither a low loss nor a sure model makes a high S; agreement does. ``entropy`` knows one side
of it, ``evaluation`` the other.
"""

import torch
from torch import Tensor

from bit_transformer.telemetry.predictions import check_pair, cross_entropy, predicted_entropy
from bit_transformer.telemetry.windows import map_windows

__all__ = ["FLOOR_BITS", "symbiosis"]

FLOOR_BITS = 1 / 32
"""Differences far below this many bits per bit do not count as disagreement."""


def symbiosis(
    logits: Tensor, bits: Tensor, *, window: int | None = None, stride: int | None = None
) -> Tensor:
    """S: 1 where bits cost what the model expected, towards 0 where they cost much more or less.

    S = (min(H, L) + e) / (max(H, L) + e): H is the mean entropy of the predictions, L the mean
    cross-entropy of the bits under them, and e is :data:`FLOOR_BITS`. A model that knows what it
    does not know has H = L on average, whatever the loss, so S near 1; data from another world
    costs more than expected, and S falls. The floor keeps S from being a ratio of two near-zeros
    where everything is certain and right.

    Shapes:
        logits: (T,) or (B, T), floating point: the log-odds that each bit is 1.
        bits: the same shape, ``uint8`` or ``bool``.
        returns: () or (B,), float64; with ``window`` (N,) or (B, N).

    Args:
        window: measure each window of that many bits apart.
        stride: from one window to the next, a window's length if unset.

    Raises:
        BitsError: ``bits`` is not a bit tensor.
        InputError: logits are not finite or do not fit the bits, there are no bits, or the
            windows do not fit.

    Source: ours. H = L in the mean is calibration in the sense of Dawid, The Well-Calibrated
    Bayesian, 1982; for H and L see :mod:`~bit_transformer.telemetry.predictions`.

    Example:
        >>> symbiosis(torch.zeros(8), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1], dtype=torch.uint8))
        tensor(1., dtype=torch.float64)
    """
    logits, bits = check_pair(logits, bits)
    return map_windows(_agreement_of_rows, logits, bits, window=window, stride=stride)


def _agreement_of_rows(logits_RT: Tensor, bits_RT: Tensor) -> Tensor:
    expected = predicted_entropy(logits_RT).mean(-1, dtype=torch.float64)
    realised = cross_entropy(logits_RT, bits_RT).mean(-1, dtype=torch.float64)
    less, more = torch.minimum(expected, realised), torch.maximum(expected, realised)
    return (less + FLOOR_BITS) / (more + FLOOR_BITS)
