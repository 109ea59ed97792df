"""A pseudo-random order of n things that needs no table of n entries.

A Feistel network permutes the numbers below ``a * b`` for any a and b: a number is split into
(left, right) with left < a and right < b, and in turn each half is shifted, modulo its size, by a
hash of the other. Every such step can be undone, so the whole is a bijection, whatever the hash.
With a and b near the square root of n, ``a * b`` exceeds n by less than a; a number that lands
there is sent through again until it lands below n ("cycle walking"), which again is a bijection.

Everything is 64-bit integer arithmetic: the same order on every machine.

Source: J. Black and P. Rogaway, "Ciphers with arbitrary finite domains" (2002), methods 2 and 3,
with the additive variant of method 3; the hash is the finaliser of splitmix64 (G. Steele, D. Lea
and C. Flood, 2014). We want a shuffle, not secrecy, so it has few rounds.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bit_transformer.errors import InputError

__all__ = ["MAX_ITEMS", "mix", "permute"]

MAX_ITEMS = 2**62
"""The largest n; sums of two numbers below it cannot overflow."""

_NUM_ROUNDS = 6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A 64-bit hash of each value; equal values have equal hashes, others look unrelated."""
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FACTOR_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _FACTOR_2
    return mixed ^ (mixed >> np.uint64(31))


def permute(
    items: NDArray[np.uint64], num_items: int, keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Where each item goes under the permutation of ``range(num_items)`` that its key chooses.

    Shapes: items and keys (N,) uint64; the result likewise.

    Raises:
        InputError: ``num_items`` is not in 1..MAX_ITEMS, or an item is not below it.

    Example:
        >>> order = permute(np.arange(5, dtype=np.uint64), 5, np.zeros(5, np.uint64))
        >>> sorted(order.tolist())
        [0, 1, 2, 3, 4]
    """
    if not 1 <= num_items <= MAX_ITEMS:
        raise InputError(f"num_items is {num_items}; it must be from 1 to {MAX_ITEMS}")
    if items.size and int(items.max()) >= num_items:
        raise InputError(f"item {int(items.max())} is not below num_items, {num_items}")
    images = _shuffle_once(items, num_items, keys)
    outside = np.flatnonzero(images >= num_items)
    while outside.size:
        images[outside] = _shuffle_once(images[outside], num_items, keys[outside])
        outside = outside[images[outside] >= num_items]
    return images


def _shuffle_once(
    items: NDArray[np.uint64], num_items: int, keys: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """The Feistel network on the rectangle of numbers that holds ``range(num_items)``."""
    num_left = math.isqrt(num_items - 1) + 1
    num_right = -(-num_items // num_left)
    left, right = np.divmod(items, np.uint64(num_right))
    for number in range(_NUM_ROUNDS):
        round_keys = mix(keys + np.uint64(number))
        left = (left + mix(right ^ round_keys) % num_left) % num_left
        right = (right + mix(left ^ ~round_keys) % num_right) % num_right
    return left * np.uint64(num_right) + right
