"""Adaptive probabilities: single ones, buckets of them found by hash, and maps of maps.

Three kinds, each updated towards the bit that came:

- a *map entry*, int32: 22 bits of probability, 10 bits of how often it was used, which sets how
  fast it still moves;
- a *node*, uint32: 16 bits of probability (xor 32768, so that zero means even odds), 8 bits of
  how often it was used, 8 bits of history state. Fifteen nodes, the bits of half a byte, and a
  head with check, last byte and run make a *bucket* of 64 bytes, one line of cache;
- a *refinement*: 25 map entries, points along the log-odds axis, interpolated.

Invariants: no index is computed from anything but values that were masked or bounded here or by
the caller; a probability is never 0 or 1.
"""

import numpy as np

from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.tables import Array

__all__ = [
    "BUCKET",
    "EVEN_ENTRY",
    "MAP_USES",
    "NUM_POINTS",
    "POINT_SPACING",
    "find_bucket",
    "note_byte",
    "refine",
    "refine_train",
    "train_entry",
    "train_node",
]

BUCKET = 16
EVEN_ENTRY = 1 << 31
NUM_POINTS = 25
POINT_SPACING = 256
MAP_USES = 1023
"""The part of a map entry that says how often it was used."""
_POINT_LIMIT = 255


@kernel
def train_entry(maps: Array, index: int, bit: int, rates: Array, limit: int) -> None:
    """Move a map entry towards the bit, by 1 ÷ (uses + 1.5) until ``limit`` uses."""
    entry = maps[index]
    uses = entry & 1023
    prob = entry >> 10
    prob += (((bit << 22) - bit - prob) * rates[uses]) >> 16
    if uses < limit:
        uses += 1
    maps[index] = np.uint32((prob << 10) | uses)


@kernel
def train_node(
    buckets: Array,
    index: int,
    bit: int,
    next_state: Array,
    rates: Array,
    limit: int,
) -> None:
    """Move a node's probability towards the bit and append the bit to its history."""
    node = buckets[index]
    uses = (node >> 8) & 255
    prob = (node >> 16) ^ 0x8000
    prob += (((bit << 16) - bit - prob) * rates[uses]) >> 16
    if uses < limit:
        uses += 1
    state = next_state[2 * (node & 255) + bit]
    buckets[index] = np.uint32(((prob ^ 0x8000) << 16) | (uses << 8) | state)


@kernel
def find_bucket(buckets: Array, place: int, check: int) -> int:
    """Index of the head of the bucket with this check, made new if there is none.

    ``place`` is any number below the number of buckets, ``check`` has 16 bits. Of two places
    the one that was used less is given up.
    """
    first = place * BUCKET
    if buckets[first] >> 16 == check:
        return first
    second = (place ^ 1) * BUCKET
    if buckets[second] >> 16 == check:
        return second
    found = first
    if (buckets[first + 1] >> 8) & 255 > (buckets[second + 1] >> 8) & 255:
        found = second
    buckets[found] = np.uint32(check << 16)
    for offset in range(1, BUCKET):
        buckets[found + offset] = 0
    return found


@kernel
def note_byte(buckets: Array, head: int, value: int) -> None:
    """Remember in a bucket's head which byte came here last and how often running."""
    word = buckets[head]
    run = word & 255
    if (word >> 8) & 255 == value and run > 0:
        run = min(run + 1, 255)
    else:
        run = 1
    buckets[head] = np.uint32((word & 0xFFFF0000) | (value << 8) | run)


@kernel
def refine(points: Array, row: int, odds: int) -> int:
    """The 16-bit probability that bits had when the log-odds were these, in this row."""
    along = odds + 3072
    index = row * NUM_POINTS + along // POINT_SPACING
    weight = along % POINT_SPACING
    low = (points[index] >> 10) * (POINT_SPACING - weight)
    return (low + (points[index + 1] >> 10) * weight) // (POINT_SPACING << 6)


@kernel
def refine_train(points: Array, row: int, odds: int, bit: int, rates: Array, shift: int) -> None:
    """Move the point nearest to the log-odds towards the bit, by 2 to the -``shift`` if not 0."""
    along = odds + 3072
    index = row * NUM_POINTS + along // POINT_SPACING
    weight = along % POINT_SPACING
    nearest = index + (weight >= POINT_SPACING // 2)
    if shift == 0:
        train_entry(points, nearest, bit, rates, _POINT_LIMIT)
        return
    prob = points[nearest] >> 10
    prob += ((bit << 22) - bit - prob) >> shift
    points[nearest] = np.uint32(prob << 10)
