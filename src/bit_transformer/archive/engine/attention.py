"""Attention over the last positions of a lane, compiled, in whole numbers.

Each block keeps, for every lane and head, the keys and values of the last ``window`` positions in
slots: position p in slot p modulo the window. A query stands at a place from 0 to window - 1, its
slot. Keys after it are of the round before, so they are turned as at ``place - window``: a key is
kept turned both ways, and when a round ends, the second way moves to the front. Angles therefore
never grow, however long a lane is.

The start is always seen: trained models lean on it, and lose a tenth where it goes out of sight.
Once it would, it stands where the oldest position would be, as far away as any was in training.

Keys lie in the order of ``tiles`` with slots as outputs, values with slots as inputs.

Invariants: no kernel reads or writes outside its arrays, whatever they hold.
"""

import numpy as np
from numba import njit

from bit_transformer.archive.engine.tiles import multiply

__all__ = ["attend", "begin_round"]

_MIDDLE = 128
_TURN_ONE = np.float64(512.0)
_VALUE_SHIFT = 6
_FLOAT_LIMIT = np.float32(1 << 22)
_WEIGHT_LIMIT = np.float32(32767.0)
_EXP_ONE = np.float32(32768.0)


@njit(cache=True, nogil=True)
def begin_round(
    keys: np.ndarray, later_keys: np.ndarray, key_sums: np.ndarray, later_sums: np.ndarray
) -> None:
    """Put the keys as a query of the next round sees them in the place of those of this round."""
    keys[:] = later_keys
    key_sums[:] = later_sums


@njit(cache=True, nogil=True)
def _normalise(sums: np.ndarray, middles: np.ndarray, scales: np.ndarray, raw: np.ndarray) -> None:
    """Write a head's query or key with a root mean square of 512, int32."""
    size = len(sums)
    total = np.int64(0)
    for c in range(size):
        value = np.rint(np.float32(sums[c] - middles[c]) * scales[c])
        value = min(max(value, -_FLOAT_LIMIT), _FLOAT_LIMIT)
        raw[c] = np.int32(value)
        total += np.int64(raw[c]) * np.int64(raw[c])
    one = _TURN_ONE * np.sqrt(np.float64(size))
    factor = np.float32(one / np.sqrt(np.float64(max(total, np.int64(1)))))
    for c in range(size):
        raw[c] = np.int32(np.rint(np.float32(raw[c]) * factor))


@njit(cache=True, nogil=True)
def _turn(
    raw: np.ndarray, cosines: np.ndarray, sines: np.ndarray, shift: int, out: np.ndarray
) -> None:
    """Write a normalised query or key as a place turns it, int32 between -127 and 127."""
    half = len(raw) // 2
    round_up = np.int32(1) << np.int32(shift - 1)
    for c in range(half):
        left, right = raw[c], raw[half + c]
        first = np.int32(left * cosines[c] - right * sines[c] + round_up) >> np.int32(shift)
        second = np.int32(right * cosines[c] + left * sines[c] + round_up) >> np.int32(shift)
        out[c] = min(max(first, -127), 127)
        out[half + c] = min(max(second, -127), 127)


@njit(cache=True, nogil=True)
def _put_key(
    key: np.ndarray, slot: int, keys: np.ndarray, key_sums: np.ndarray, steps: int
) -> None:
    """Write one key into its slot, a column of tiles; ``key_sums`` gets 128 times its sum."""
    start = (slot // 32) * 32 * steps * 4 + (slot % 32) * 4
    total = np.int32(0)
    for c in range(len(key)):
        keys[start + (c // 4) * 128 + c % 4] = np.int8(key[c])
        total += np.int32(key[c])
    key_sums[slot] = total * _MIDDLE


@njit(cache=True, nogil=True)
def _value(
    sums: np.ndarray,
    middles: np.ndarray,
    scales: np.ndarray,
    embedded: np.ndarray,
    gains: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write one head's value, int32 between -127 and 127."""
    for c in range(len(sums)):
        value = np.rint(np.float32(sums[c] - middles[c]) * scales[c])
        skip = np.rint(np.float32(embedded[c]) * gains[c])
        value = min(max(value, -_FLOAT_LIMIT), _FLOAT_LIMIT)
        skip = min(max(skip, -_FLOAT_LIMIT), _FLOAT_LIMIT)
        whole = np.int32(np.int32(value) + np.int32(skip) + 32) >> np.int32(_VALUE_SHIFT)
        out[c] = min(max(whole, -127), 127)


@njit(cache=True, nogil=True)
def _put_value(value: np.ndarray, slot: int, values: np.ndarray, capacity: int) -> None:
    """Write one value into its slot, a row of tiles."""
    for c in range(len(value)):
        at = (c // 32) * 32 * capacity + (slot // 4) * 128 + (c % 32) * 4 + slot % 4
        values[at] = np.int8(value[c])


@njit(cache=True, nogil=True)
def _weigh(
    scores: np.ndarray, count: int, scale: np.float32, exps: np.ndarray, weights: np.ndarray
) -> None:
    """Write what each of the first ``count`` slots weighs, as high and low bytes; the rest is 0."""
    largest = scores[0]
    for j in range(1, count):
        largest = max(largest, scores[j])
    last = np.float32(len(exps) - 1)
    total = np.int32(0)
    for j in range(count):
        below = np.rint(np.float32(largest - scores[j]) * np.float32(scale))
        scores[j] = exps[np.uint32(min(below, last))]
        total += scores[j]
    factor = np.float32(_EXP_ONE / np.float32(total))
    for j in range(count):
        weight = np.int32(min(np.rint(np.float32(scores[j]) * factor), _WEIGHT_LIMIT))
        weights[0, j] = np.uint8(weight >> np.int32(8))
        weights[1, j] = np.uint8(weight & np.int32(255))
    for j in range(count, weights.shape[1]):
        weights[0, j] = 0
        weights[1, j] = 0


@njit(cache=True)
def _scratch(
    size: int, inputs: int, capacity: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Room for a query, its scores, its weights in two parts, and what they read in two parts."""
    query = np.full((1, inputs), np.uint8(_MIDDLE))
    scores = np.empty((1, capacity), np.int32)
    weights = np.zeros((2, capacity), np.uint8)
    read = np.empty((2, (size + 31) // 32 * 32), np.int32)
    return query, scores, weights, read


@njit(cache=True)
def _score(
    turned: np.ndarray,
    keys: np.ndarray,
    key_sums: np.ndarray,
    count: int,
    query: np.ndarray,
    scores: np.ndarray,
) -> None:
    """Write the products of a query with the first ``count`` keys."""
    for c in range(len(turned)):
        query[0, c] = np.uint8(turned[c] + _MIDDLE)
    multiply(query, keys, scores)
    for j in range(count):
        scores[0, j] -= key_sums[j]


@njit(cache=True)
def _gather(weights: np.ndarray, values: np.ndarray, read: np.ndarray, out: np.ndarray) -> None:
    """Write the weighted sum of the values, whose weights are in parts of 256 and of one."""
    multiply(weights, values, read)
    for c in range(len(out)):
        out[c] = read[0, c] * 256 + read[1, c]


@njit(cache=True, nogil=True)
def attend(
    sums_TO: np.ndarray,
    middle_O: np.ndarray,
    scale_O: np.ndarray,
    embedded_TD: np.ndarray,
    gains_D: np.ndarray,
    position: int,
    window: int,
    shift: int,
    score_scale: np.float32,
    cosines: np.ndarray,
    sines: np.ndarray,
    exps: np.ndarray,
    keys_HX: np.ndarray,
    later_HX: np.ndarray,
    key_sums_HW: np.ndarray,
    later_sums_HW: np.ndarray,
    values_HX: np.ndarray,
    start_keys_HC: np.ndarray,
    start_values_HC: np.ndarray,
    read_TD: np.ndarray,
) -> None:
    """Take T positions of one lane in, one after the other, and write what each reads.

    Shapes: ``sums_TO`` the products of the projection to queries, keys and values, (T, >= 3D)
    int32; ``read_TD`` (T, D) int32.
    """
    num_heads, capacity = key_sums_HW.shape
    width = read_TD.shape[1]
    size = width // num_heads
    inputs = (size + 3) // 4 * 4
    raw, turned = np.empty(size, np.int32), np.empty(size, np.int32)
    scratch = _scratch(size, inputs, capacity)
    for t in range(len(read_TD)):
        place = position + t
        slot = place % window
        is_past = place >= window
        if slot == 0 and is_past:
            begin_round(keys_HX, later_HX, key_sums_HW, later_sums_HW)
        count = min(place + 1, window)
        for head in range(num_heads):
            first = head * size
            q = slice(first, first + size)
            k = slice(width + first, width + first + size)
            v = slice(2 * width + first, 2 * width + first + size)
            keys, key_sums = keys_HX[head], key_sums_HW[head]
            _normalise(sums_TO[t, k], middle_O[k], scale_O[k], raw)
            if place == 0:
                start_keys_HC[head] = raw
            _turn(raw, cosines[slot], sines[slot], shift, turned)
            _put_key(turned, slot, later_HX[head], later_sums_HW[head], inputs // 4)
            _turn(raw, cosines[slot + window], sines[slot + window], shift, turned)
            _put_key(turned, slot, keys, key_sums, inputs // 4)
            _value(sums_TO[t, v], middle_O[v], scale_O[v], embedded_TD[t, q], gains_D[q], raw)
            if place == 0:
                start_values_HC[head] = raw
            _put_value(raw, slot, values_HX[head], capacity)
            if is_past and window > 1:
                # The start takes the slot of the oldest position, which the next one overwrites.
                oldest = (slot + 1) % window
                _turn(start_keys_HC[head], cosines[slot + 1], sines[slot + 1], shift, turned)
                _put_key(turned, oldest, keys, key_sums, inputs // 4)
                _put_value(start_values_HC[head], oldest, values_HX[head], capacity)
            _normalise(sums_TO[t, q], middle_O[q], scale_O[q], raw)
            _turn(raw, cosines[slot + window], sines[slot + window], shift, turned)
            scores, weights = scratch[1], scratch[2]
            _score(turned, keys, key_sums, count, scratch[0], scores)
            _weigh(scores[0], count, score_scale, exps, weights)
            _gather(weights, values_HX[head], scratch[3], read_TD[t, q])
