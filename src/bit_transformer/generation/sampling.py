"""How one value is drawn from the model's distribution over a piece of a patch.

A *piece* is the part of a patch that the bit head predicts at once; a patch of up to ten bits is
one piece. Temperature, top-k and top-p reshape the distribution over whole pieces: cutting the
unlikely half of every single bit would leave only the greedy choice.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bit_transformer.errors import GenerationError, InputError

__all__ = ["Sampling", "bit_logits", "choose"]


@dataclass(frozen=True)
class Sampling:
    """What reshapes each piece's distribution before a value is drawn from it.

    Args:
        temperature: divides the log-probabilities; 0 takes the most probable value.
        top_k: keeps the k most probable values.
        top_p: keeps the most probable values that together reach this probability; applied to
            what ``top_k`` has kept.

    Raises:
        InputError: a setting is out of range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise InputError(
                f"temperature must be a finite number of at least 0, got {self.temperature}; "
                "0 always takes the most probable value, 1 samples as the model predicts"
            )
        if self.top_k is not None and (self.top_k != int(self.top_k) or self.top_k < 1):
            raise InputError(
                f"top_k must be a whole number of at least 1, got {self.top_k}; "
                "leave it unset to keep every value"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(
                f"top_p must lie above 0 and at most at 1, got {self.top_p}; "
                "1 or unset keeps every value"
            )

    @property
    def is_greedy(self) -> bool:
        """Whether chance plays no part."""
        return self.temperature == 0 or self.top_k == 1


def choose(
    log_probs: Tensor, uniforms: Tensor, sampling: Sampling, allowed: Tensor | None = None
) -> Tensor:
    """The value drawn for each row.

    The draw inverts the cumulative distribution over the values in their natural order, so that
    a rounding error in one probability moves the borders by as little, and not the values.

    Shapes: ``log_probs`` (B, V) natural logarithms; ``uniforms`` (B,) float64 in [0, 1);
    ``allowed`` (B, V) bool, at least one true per row. Returns (B,) int64.

    Raises:
        GenerationError: the model predicts something that is not a number.
    """
    scores = log_probs.double()
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    best, greedy = scores.max(-1)
    if not torch.isfinite(best).all():
        raise GenerationError(
            "the model's predictions are not finite numbers, so nothing can be drawn from them; "
            "its weights are damaged, or its training diverged"
        )
    if sampling.is_greedy:
        return greedy
    probs = torch.softmax((scores - best[:, None]) / sampling.temperature, -1)
    probs = _without_tail(probs, sampling)
    cumulative = probs.cumsum(-1)
    # Kept below the total, so that rounding can never select a value beyond the last possible one.
    targets = uniforms.clamp(max=1 - 2**-40)[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, targets, right=True)[:, 0]


def bit_logits(log_probs: Tensor, values: Tensor) -> Tensor:
    """The log-odds of each bit of these values, given the bits before it in the same value.

    Shapes: ``log_probs`` (B, 2^s); ``values`` (B,) int64. Returns (B, s) float32.
    """
    size = log_probs.shape[-1].bit_length() - 1
    totals = log_probs.float()
    logits = []
    for depth in reversed(range(size)):
        branches = totals.unflatten(-1, (-1, 2))
        taken = (values >> (size - depth))[:, None, None].expand(-1, 1, 2)
        zero, one = branches.gather(1, taken)[:, 0].unbind(-1)
        logits.append(one - zero)
        totals = branches.logsumexp(-1)
    return torch.stack(logits[::-1], dim=-1)


def _without_tail(probs: Tensor, sampling: Sampling) -> Tensor:
    """The probabilities (B, V) with everything outside top-k and top-p set to zero."""
    keeps_all_k = sampling.top_k is None or sampling.top_k >= probs.shape[-1]
    if keeps_all_k and sampling.top_p in (None, 1):
        return probs
    ordered, order = probs.sort(dim=-1, descending=True, stable=True)
    if sampling.top_k is not None:
        ordered[:, sampling.top_k :] = 0
    if sampling.top_p is not None:
        before = ordered.cumsum(-1) - ordered
        ordered[before >= sampling.top_p * ordered.sum(-1, keepdim=True)] = 0
    return torch.zeros_like(probs).scatter(-1, order, ordered)
