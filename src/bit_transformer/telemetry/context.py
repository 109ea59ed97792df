"""Predictions for a string from the rest of itself: an S where no trained model is at hand.

Not a compressor: what it predicts from lies after a window as much as before it. It answers
another question, whether a window belongs to its surroundings.
"""

import numpy as np
import torch
from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.errors import InputError

__all__ = ["rest_logits"]

_NUM_ORDERS = 4
_LEAST_SLOT_BITS, _MOST_SLOT_BITS = 12, 22


def rest_logits(bits: Tensor, *, window: int = 32768) -> Tensor:
    """Log-odds for each bit, from counts over everything but the window that it lies in.

    For each bit, how often a one followed the same 0, 1, 2 or 3 bytes and the same bits of the
    present byte, elsewhere in the string; a longer context adjusts what the shorter one says,
    p = (ones + p') / (ones + zeros + 1). Windows are those of a measurement with that window and
    no stride, so :func:`~bit_transformer.telemetry.agreement.symbiosis` of the result says of each
    window whether it is what the others would lead one to expect.

    Shapes:
        bits: (T,), ``uint8`` or ``bool``, in whole bytes or with a last byte that is cut.
        returns: (T,), float32, on the CPU.

    Raises:
        BitsError: not a bit tensor of one dimension.
        InputError: there are no bits, or ``window`` is not a positive multiple of eight.

    Source: prediction by partial matching (Cleary and Witten 1984) with one escape count, left
    one window out.
    """
    bits = check_bits(bits, dims=1).cpu()
    if window < 8 or window % 8:
        raise InputError(
            f"window={window} must be a positive multiple of 8; contexts are whole bytes"
        )
    if not len(bits):
        raise InputError("there are no bits to predict; give at least one")
    from bit_transformer.telemetry.kernels import rest_of_the_file

    slot_bits = max(_LEAST_SLOT_BITS, min(_MOST_SLOT_BITS, len(bits).bit_length()))
    values = np.ascontiguousarray(bits.numpy())
    chances = rest_of_the_file(values, min(window, len(bits) + 7), _NUM_ORDERS, slot_bits)
    # A chance is never 0 or 1, for the shortest context begins with one half; float64 may round.
    return torch.logit(torch.from_numpy(chances), eps=1e-12).float()
