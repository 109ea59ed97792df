"""K: how far bits, or the predictions of a model, are from a fair coin.

K of data knows no model: it counts blocks. K of a model knows no data: it averages how sure the
model is. Where the two differ for a string, the model has not learned what can be counted, or is
sure of something that is not so; ``agreement`` tells which.
"""

import numpy as np
import torch
from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.telemetry.predictions import check_logits, predicted_entropy
from bit_transformer.telemetry.windows import map_windows

__all__ = ["block_order", "model_negentropy", "negentropy"]

_BLOCKS_PER_CONTEXT_BITS = 4
_MOST_ORDER = 16


def negentropy(bits: Tensor, *, window: int | None = None, stride: int | None = None) -> Tensor:
    """K of data: 1 minus its entropy per bit, 0 for a fair coin and 1 for what is certain.

    K = 1 - h, with h = H(m + 1) - H(m), the empirical entropies of overlapping blocks of m + 1
    and of m bits: the bits that one more bit costs when the m before it are known. Hence 0101…
    has K = 1 although half of its bits are ones. The order m grows with the length of the string
    (see :func:`block_order`), and h is corrected for blocks that were too few to be seen; where
    that leads out of [0, 1], K is the nearer end.

    Shapes:
        bits: (T,) or (B, T), ``uint8`` or ``bool``.
        returns: () or (B,), float64 on the CPU; with ``window`` (N,) or (B, N).

    Args:
        window: measure each window of that many bits apart.
        stride: from one window to the next, a window's length if unset.

    Raises:
        BitsError: not a bit tensor.
        InputError: there are no bits, or the windows do not fit.

    Source: Shannon, A Mathematical Theory of Communication, 1948, section 7 (block entropies);
    Brillouin 1953 (negentropy); Miller 1955 and Madow 1948 (the correction).

    Example:
        >>> float(negentropy(torch.tensor([0, 1] * 500, dtype=torch.uint8)))
        1.0
    """
    bits = check_bits(bits, dims=(1, 2)).cpu()
    return map_windows(_negentropy_of_rows, bits, window=window, stride=stride)


def block_order(num_bits: int) -> int:
    """How many bits of context K of a string of that length looks back.

    The greatest m up to 16 for which there are 16 blocks for each of the 2^m contexts: with
    fewer, a fair coin would seem to have structure.
    """
    return max(0, min(_MOST_ORDER, num_bits.bit_length() - 1 - _BLOCKS_PER_CONTEXT_BITS))


def model_negentropy(
    logits: Tensor, *, window: int | None = None, stride: int | None = None
) -> Tensor:
    """K of a model: 1 minus its mean predicted entropy, 0 where it has no idea, 1 where it is sure.

    K = 1 - mean of H(p), with H(p) = -p log2 p - (1 - p) log2 (1 - p) of each predicted p.

    Shapes:
        logits: (T,) or (B, T), floating point: the log-odds that each bit is 1.
        returns: () or (B,), float64; with ``window`` (N,) or (B, N).

    Raises:
        InputError: the logits are not finite, there are none, or the windows do not fit.

    Example:
        >>> model_negentropy(torch.zeros(100))
        tensor(0., dtype=torch.float64)
    """
    logits = check_logits(logits)
    return map_windows(_certainty_of_rows, logits, window=window, stride=stride)


def _negentropy_of_rows(rows_RT: Tensor) -> Tensor:
    from bit_transformer.telemetry.kernels import block_entropies

    rows = np.ascontiguousarray(rows_RT.numpy())
    entropies = block_entropies(rows, block_order(rows.shape[1]))
    return 1 - torch.from_numpy(entropies).clamp(0, 1)


def _certainty_of_rows(logits_RT: Tensor) -> Tensor:
    return (1 - predicted_entropy(logits_RT).mean(-1, dtype=torch.float64)).clamp(0, 1)
