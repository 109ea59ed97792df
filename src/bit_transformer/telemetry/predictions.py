"""What a prediction expects of a bit, and what the bit then cost: in bits.

The neighbours ``entropy`` and ``agreement`` average these over strings. Predictions are
logits, the log-odds that a bit is 1; :func:`logits_of` makes them from probabilities.
"""

import torch
from torch import Tensor
from torch.nn import functional

from bit_transformer.bits import check_bits
from bit_transformer.errors import InputError

__all__ = ["check_logits", "check_pair", "cross_entropy", "logits_of", "predicted_entropy"]

_LN2 = 0.6931471805599453
_SUM_TOLERANCE = 1e-3


def predicted_entropy(logits: Tensor) -> Tensor:
    """How many bits a model expects each bit to cost, in [0, 1].

    Shapes: any; float32.

    Raises:
        InputError: the logits are not finite floating-point numbers.
    """
    size = check_logits(logits).abs()
    return (functional.softplus(-size) + size * torch.sigmoid(-size)) / _LN2


def cross_entropy(logits: Tensor, bits: Tensor) -> Tensor:
    """How many bits each bit did cost, at least 0.

    Shapes: ``logits`` and ``bits`` (T,) or (B, T), alike; returns the same shape, float32.

    Raises:
        InputError: the logits are not finite floating-point numbers, or the shapes differ.
        BitsError: ``bits`` is not a tensor of zeros and ones.
    """
    logits, bits = check_pair(logits, bits)
    return functional.softplus((1 - 2 * bits.float()) * logits) / _LN2


def logits_of(probabilities: Tensor, *, pairs: bool = False) -> Tensor:
    """The log-odds of a one, from probabilities; 0 and 1 become the nearest finite log-odds.

    Shapes:
        probabilities: any shape, of a one; with ``pairs`` (..., 2), of a zero and of a one.
        returns: the same shape, or (...) of pairs; float32.

    Raises:
        InputError: a probability is outside [0, 1], or a pair does not sum to 1.

    Example:
        >>> logits_of(torch.tensor([0.5, 0.75]))
        tensor([0.0000, 1.0986])
    """
    if not isinstance(probabilities, Tensor) or not probabilities.is_floating_point():
        raise InputError(f"probabilities must be a floating-point tensor, got {probabilities!r}")
    if pairs and (probabilities.ndim == 0 or probabilities.shape[-1] != 2):
        raise InputError(
            f"pairs must have shape (..., 2), got {tuple(probabilities.shape)}; "
            "leave out pairs=True for probabilities of a one"
        )
    values = probabilities.double()
    is_wrong = ~((values >= 0) & (values <= 1))
    if is_wrong.any():
        where, value = _first(is_wrong, values)
        raise InputError(
            f"probabilities lie in [0, 1], but there is {value:g} at position {where}; "
            "pass logits where they are meant"
        )
    if pairs:
        sums = values.sum(-1)
        is_wrong = (sums - 1).abs() > _SUM_TOLERANCE
        if is_wrong.any():
            where, value = _first(is_wrong, sums)
            raise InputError(
                f"the probabilities of 0 and 1 at position {where} sum to {value:g}, not to 1; "
                "divide them by their sum, or use a softmax"
            )
        values = values[..., 1] / sums
    return torch.logit(values, eps=torch.finfo(torch.float32).tiny).float().clamp(-80, 80)


def check_logits(logits: Tensor) -> Tensor:
    """The logits as float32.

    Raises:
        InputError: they are not finite floating-point numbers.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        seen = f"a {logits.dtype} tensor" if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(
            f"logits must be a floating-point tensor of log-odds, got {seen}; "
            "make them from probabilities with logits_of"
        )
    logits = logits.float()
    is_wrong = ~torch.isfinite(logits)
    if is_wrong.any():
        where, value = _first(is_wrong, logits)
        raise InputError(
            f"logits must be finite, but there is {value} at position {where}; "
            "the model's weights are damaged, or its training diverged"
        )
    return logits


def check_pair(logits: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
    """The logits as float32 and the bits that they predict as ``uint8``.

    Raises:
        InputError: the logits are not finite floating-point numbers, or the shapes differ.
        BitsError: ``bits`` is not a tensor of zeros and ones, (T,) or (B, T).
    """
    bits = check_bits(bits, dims=(1, 2))
    logits = check_logits(logits)
    if logits.shape != bits.shape:
        raise InputError(
            f"logits of shape {tuple(logits.shape)} do not fit bits of shape "
            f"{tuple(bits.shape)}; there must be one logit for each bit"
        )
    return logits, bits


def _first(is_wrong: Tensor, values: Tensor) -> tuple[object, float]:
    where = is_wrong.nonzero()[0].tolist()
    value = float(values[tuple(where)])
    return (where[0] if len(where) == 1 else tuple(where)), value
