"""Logistic mixing: a weighted sum of log-odds, its weights learned bit by bit.

Inputs are log-odds × 256 in int32, weights have 16 fractional bits. One *set* of weights is in
use per selecting context; sets are mixed again by a second, small mixer.

Invariants: sums are exact in int64; results lie within ±MAX_ODDS.

Source: M. Mahoney, "Adaptive weighing of context models for lossless data compression" (2005).
"""

import numpy as np

from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.tables import MAX_ODDS, Array

__all__ = ["copy_weights", "mix", "train_weights"]

_ROUND = 1 << 23


@kernel
def mix(inputs: Array, weights: Array, row: int) -> int:
    """The weighted sum of the inputs, as log-odds."""
    total = 0
    for i in range(inputs.shape[0]):
        total += inputs[i] * weights[row, i]
    total >>= 16
    return min(max(total, -MAX_ODDS), MAX_ODDS)


@kernel
def train_weights(inputs: Array, weights: Array, row: int, error: int, rate: int) -> None:
    """Move each weight by input × error × rate; ``error`` is bit − probability, × 65536."""
    step = error * rate
    for i in range(inputs.shape[0]):
        change = (inputs[i] * step + _ROUND) >> 24
        weights[row, i] = np.int32(weights[row, i] + change)


@kernel
def copy_weights(weights: Array, source: int, target: int) -> None:
    """Let a row begin with what another has learned."""
    for i in range(weights.shape[1]):
        weights[target, i] = weights[source, i]
