"""What goes into the mixers for one bit: the predictions of contexts, matches and the engine.

``maps`` keeps the probabilities; here they are looked up, before a byte and before its second
half, turned into log-odds before each bit, and moved towards the bit afterwards.

Invariants: a context that has not seen its like predicts nothing (all its inputs are zero).
"""

from bit_transformer.archive.mixing.contexts import hash2
from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.layout import (
    INPUTS_PER_CONTEXT,
    MAP_LIMIT,
    MATCH_MAPS,
    NODE_LIMIT,
    RUN_MAPS,
    STATE_MAPS,
)
from bit_transformer.archive.mixing.maps import find_bucket, note_byte, train_entry, train_node
from bit_transformer.archive.mixing.tables import Array

__all__ = [
    "begin_half",
    "context_inputs",
    "learn_contexts",
    "match_inputs",
    "note_bytes",
]

_KEYS, _HEADS, _SLOTS = range(3)
_MAPS_PER_CONTEXT = RUN_MAPS + 16
_LONGEST_RUN = 15


@kernel
def begin_half(
    buckets: Array, hashes: Array, chosen: Array, places: Array, journal: Array, node: int
) -> None:
    """Find each context's bucket for four bits, after the node that the byte has come to.

    All places are read once before the first is examined, so that the memory's delays overlap.
    """
    mask = (buckets.shape[0] >> 4) - 1
    touched = 0
    for i in range(chosen.shape[0]):
        key = hashes[chosen[i]]
        if node > 1:
            key = hash2(key, node)
        places[_KEYS, i] = key
        touched ^= buckets[((key >> 7) & mask) << 4]
    places[_SLOTS, 0] = touched
    for i in range(chosen.shape[0]):
        key = places[_KEYS, i]
        slot = find_bucket(buckets, (key >> 7) & mask, key & 0xFFFF)
        places[_SLOTS, i] = slot
        if journal[0] + 1 < journal.shape[0]:
            journal[0] += 1
            journal[journal[0]] = slot
        else:
            journal[0] = journal.shape[0]
        if node == 1:
            places[_HEADS, i] = slot


@kernel
def context_inputs(
    buckets: Array,
    maps: Array,
    places: Array,
    stretch: Array,
    inputs: Array,
    node: int,
    bit_index: int,
    linear_shift: int,
) -> int:
    """Fill in each context's inputs; how many contexts knew anything comes back."""
    offset = _offset(node, bit_index)
    num_seen = 0
    for i in range(places.shape[1]):
        at = i * INPUTS_PER_CONTEXT
        first_map = STATE_MAPS + i * _MAPS_PER_CONTEXT
        cell = buckets[places[_SLOTS, i] + offset] + 0
        state = cell & 255
        if state == 0:
            inputs[at] = 0
            inputs[at + 1] = 0
            inputs[at + 2] = 0
        else:
            num_seen += 1
            prob = maps[first_map + state] >> 20
            inputs[at] = stretch[prob]
            inputs[at + 1] = (prob - 2048) >> linear_shift
            inputs[at + 2] = stretch[(cell >> 20) ^ 0x800]
        head = buckets[places[_HEADS, i]] + 0
        run = head & 255
        inputs[at + 3] = 0
        if run > 0 and (((head >> 8) & 255) | 256) >> (8 - bit_index) == node:
            odds = stretch[maps[first_map + RUN_MAPS + min(run, _LONGEST_RUN)] >> 20]
            inputs[at + 3] = odds if (head >> (15 - bit_index)) & 1 else -odds
    return num_seen


@kernel
def learn_contexts(
    buckets: Array,
    maps: Array,
    places: Array,
    next_state: Array,
    rates: Array,
    pace: Array,
    node: int,
    bit_index: int,
    bit: int,
) -> None:
    """Move what each context predicted towards the bit."""
    offset = _offset(node, bit_index)
    for i in range(places.shape[1]):
        first_map = STATE_MAPS + i * _MAPS_PER_CONTEXT
        cell = places[_SLOTS, i] + offset
        train_entry(maps, first_map + (buckets[cell] & 255), bit, rates, pace[MAP_LIMIT])
        train_node(buckets, cell, bit, next_state, rates, pace[NODE_LIMIT])
        head = buckets[places[_HEADS, i]] + 0
        run = head & 255
        if run > 0 and (((head >> 8) & 255) | 256) >> (8 - bit_index) == node:
            is_right = 1 if (head >> (15 - bit_index)) & 1 == bit else 0
            row = first_map + RUN_MAPS + min(run, _LONGEST_RUN)
            train_entry(maps, row, is_right, rates, pace[MAP_LIMIT])


@kernel
def note_bytes(buckets: Array, places: Array, value: int) -> None:
    """Remember in each context's bucket which byte came."""
    for i in range(places.shape[1]):
        note_byte(buckets, places[_HEADS, i], value)


@kernel
def match_inputs(
    maps: Array,
    stretch: Array,
    inputs: Array,
    at: int,
    which: int,
    length: int,
    misses: int,
    expected: int,
    node: int,
    bit_index: int,
) -> int:
    """Fill in a match's two inputs; the row of its map comes back, or -1 where it is silent."""
    inputs[at] = 0
    inputs[at + 1] = 0
    if expected < 0 or (expected | 256) >> (8 - bit_index) != node:
        return -1
    bucket = length if length < 8 else min(8 + (length - 8) // 4, 15)
    row = MATCH_MAPS + (((which << 4) | bucket) << 4 | (misses & 15))
    odds = stretch[maps[row] >> 20]
    spread = min(length, 32) * 16
    if (expected >> (7 - bit_index)) & 1:
        inputs[at] = odds
        inputs[at + 1] = spread
    else:
        inputs[at] = -odds
        inputs[at + 1] = -spread
    return row


@kernel
def _offset(node: int, bit_index: int) -> int:
    """Which of a bucket's fifteen nodes the byte has come to."""
    if bit_index < 4:
        return node
    first = 1 << (bit_index - 4)
    return (node & (first - 1)) | first
