"""The loops over single bits behind K, C and the context model, compiled.

The neighbours ``entropy``, ``complexity`` and ``context`` check arguments and give results
their meaning; this module only counts. Imported late, since numba takes a second to load.

Invariants: bits are ``uint8`` zeros and ones that the caller has checked; no kernel reads or
writes outside its arrays for any such input, and each takes time and memory linear in the number
of bits (``count_phrases`` by giving up early, see there).
"""

import numpy as np
from numba import njit

__all__ = ["block_entropies", "count_phrases", "count_phrases_in_automaton", "rest_of_the_file"]

_NONE = -1
_LINK, _LENGTH = 2, 3
_GAVE_UP = -1
_FREE_STEPS = 4096


@njit(cache=True)
def block_entropies(rows_RT: np.ndarray, order: int) -> np.ndarray:
    """Bits per bit that are left when the ``order`` bits before are known, one value a row.

    Empirical H(order + 1) - H(order) over overlapping blocks, with the correction of Miller and
    Madow for the values that few blocks cannot show. May leave [0, 1] by that correction.
    """
    num_rows, num_bits = rows_RT.shape
    num_values = 1 << (order + 1)
    mask = num_values - 1
    counts = np.zeros(num_values, dtype=np.int64)
    entropies = np.empty(num_rows, dtype=np.float64)
    for row in range(num_rows):
        counts[:] = 0
        block = 0
        for t in range(order):
            block = (block << 1) | rows_RT[row, t]
        for t in range(order, num_bits):
            block = ((block << 1) | rows_RT[row, t]) & mask
            counts[block] += 1
        entropies[row] = _entropy_of_the_last_bit(counts, num_bits - order)
    return entropies


@njit(cache=True)
def _entropy_of_the_last_bit(counts: np.ndarray, num_blocks: int) -> float:
    total = 0.0
    num_undecided = 0
    for context in range(len(counts) // 2):
        zeros = counts[2 * context]
        ones = counts[2 * context + 1]
        if zeros > 0 and ones > 0:
            both = float(zeros + ones)
            total += both * np.log2(both) - zeros * np.log2(zeros) - ones * np.log2(ones)
            num_undecided += 1
    return (total + num_undecided / (2.0 * np.log(2.0))) / num_blocks


@njit(cache=True)
def _window(words: np.ndarray, position: int) -> np.uint64:
    """The 64 bits from ``position`` on; ``words`` has one word more than the bits need."""
    word = position >> 6
    shift = np.uint64(position & 63)
    if shift == 0:
        return words[word]
    return (words[word] << shift) | (words[word + 1] >> (np.uint64(64) - shift))


@njit(cache=True)
def _common_length(words: np.ndarray, first: int, second: int, limit: int) -> int:
    """How many bits from ``first`` and from ``second`` on agree, up to ``limit``."""
    length = 0
    while length < limit:
        difference = _window(words, first + length) ^ _window(words, second + length)
        if difference != 0:
            # The exponent of a float64 is off by one where 53 bits round up; compare halves.
            high = np.int64(difference >> np.uint64(32))
            if high == 0:
                length += 32
                high = np.int64(difference & np.uint64(0xFFFFFFFF))
            step = 16
            while step:
                if high < (np.int64(1) << (32 - step)):
                    high <<= step
                    length += step
                step >>= 1
            return min(length, limit)
        length += 64
    return limit


@njit(cache=True)
def count_phrases(bits: np.ndarray, words: np.ndarray, key_bits: int) -> tuple[int, bool]:
    """The number of phrases of the LZ76 parsing, and whether the last one is cut by the end.

    Positions are chained by their first ``key_bits`` bits, and a phrase looks through one chain:
    quick where bits look random. Where chains get long, so that there is more than one
    comparison for two bits, the count is given up: -1.
    """
    num_bits = len(bits)
    first_leaf = 1 << key_bits
    is_seen = np.zeros(2 * first_leaf, dtype=np.uint8)
    is_seen[1] = 1
    newest = np.full(first_leaf, _NONE, dtype=np.int32)
    older = np.empty(num_bits, dtype=np.int32)
    num_phrases, start, num_steps, is_open = 0, 0, 0, False
    key = 0
    for t in range(key_bits):
        key = (key << 1) | (bits[t] if t < num_bits else 0)
    while start < num_bits:
        left = num_bits - start
        length = 0
        candidate = newest[key] if left >= key_bits else _NONE
        if candidate != _NONE:
            while candidate != _NONE:
                common = _common_length(words, candidate, start, left)
                length = max(length, common)
                candidate = older[candidate]
                num_steps += 1 + (common >> 6)
            num_steps -= length >> 6  # paid for by the bits that it passes over
            if num_steps > _FREE_STEPS + (start >> 1):
                return _GAVE_UP, False
        else:
            length = min(key_bits, left)
            node = (first_leaf | key) >> (key_bits - length)
            while is_seen[node] == 0:
                node >>= 1
                length -= 1
        num_phrases += 1
        is_open = length == left
        end = min(start + length + 1, num_bits)
        for position in range(start, end):
            node = first_leaf | key
            following = position + key_bits
            if following < num_bits:
                key = ((key << 1) | bits[following]) & (first_leaf - 1)
            else:
                key = (key << 1) & (first_leaf - 1)
            if following <= num_bits:
                older[position] = newest[node - first_leaf]
                newest[node - first_leaf] = position
            else:
                node >>= following - num_bits
            while is_seen[node] == 0:
                is_seen[node] = 1
                node >>= 1
        start = end
    return num_phrases, is_open


@njit(cache=True)
def count_phrases_in_automaton(bits: np.ndarray) -> tuple[int, bool]:
    """The same as :func:`count_phrases`, in linear time whatever the bits are.

    The suffix automaton of the bits read so far grows with each bit; a phrase ends at the first
    bit that leads out of the automaton of all bits before it.
    """
    num_bits = len(bits)
    # A row is a state: where 0 and 1 lead, the suffix link, the length. One row, one cache line.
    states = np.empty((2 * num_bits + 2, 4), dtype=np.int32)
    states[0, 0], states[0, 1], states[0, _LINK], states[0, _LENGTH] = _NONE, _NONE, _NONE, 0
    num_states, last, match, num_phrases = 1, 0, 0, 0
    for t in range(num_bits):
        bit = bits[t]
        match = states[match, bit]
        if match == _NONE:
            num_phrases += 1
            match = 0
        new = num_states
        num_states += 1
        states[new, 0], states[new, 1] = _NONE, _NONE
        states[new, _LENGTH] = t + 1
        state = last
        while state != _NONE and states[state, bit] == _NONE:
            states[state, bit] = new
            state = states[state, _LINK]
        if state == _NONE:
            states[new, _LINK] = 0
        else:
            target = states[state, bit]
            length = states[state, _LENGTH] + 1
            if states[target, _LENGTH] != length:
                copy = num_states
                num_states += 1
                states[copy, 0], states[copy, 1] = states[target, 0], states[target, 1]
                states[copy, _LINK], states[copy, _LENGTH] = states[target, _LINK], length
                while state != _NONE and states[state, bit] == target:
                    states[state, bit] = copy
                    state = states[state, _LINK]
                states[target, _LINK] = copy
                target = copy
            states[new, _LINK] = target
        last = new
    # A phrase is open when bits have been matched since the last one ended.
    return num_phrases + (match != 0), match != 0


@njit(cache=True)
def _context(history: np.uint64, order: int, node: int, mask: np.uint64) -> np.int64:
    """The slot of the last ``order`` bytes and of the bits of this byte so far."""
    seen = history & ((np.uint64(1) << np.uint64(8 * order)) - np.uint64(1))
    mixed = (seen * np.uint64(256) + np.uint64(node)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return np.int64((mixed * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(20) & mask)


@njit(cache=True)
def _add_counts(
    bits: np.ndarray, slots: np.ndarray, counts: np.ndarray, first: int, last: int, step: int
) -> None:
    for t in range(first, last):
        for order in range(slots.shape[1]):
            counts[order, slots[t - first, order], bits[t]] += step


@njit(cache=True)
def _fill_slots(
    bits: np.ndarray, first: int, last: int, history: np.uint64, mask: np.uint64, slots: np.ndarray
) -> np.uint64:
    node = 1
    for t in range(first, last):
        for order in range(slots.shape[1]):
            slots[t - first, order] = _context(history, order, node, mask)
        node = (node << 1) | bits[t]
        if node > 255:
            history = (history << np.uint64(8)) | np.uint64(node & 255)
            node = 1
    return history


@njit(cache=True)
def rest_of_the_file(
    bits: np.ndarray, window_bits: int, num_orders: int, slot_bits: int
) -> np.ndarray:
    """Each bit's chance to be one, by counts over all windows but its own; (T,) float64.

    The counts of a window are taken away, its bits predicted, and the counts put back.
    ``window_bits`` is a multiple of eight.
    """
    num_bits = len(bits)
    mask = np.uint64((1 << slot_bits) - 1)
    counts = np.zeros((num_orders, 1 << slot_bits, 2), dtype=np.int32)
    slots = np.empty((window_bits, num_orders), dtype=np.int64)
    chances = np.empty(num_bits, dtype=np.float64)
    history = np.uint64(0)
    for first in range(0, num_bits, window_bits):
        last = min(first + window_bits, num_bits)
        history = _fill_slots(bits, first, last, history, mask, slots)
        _add_counts(bits, slots, counts, first, last, 1)
    history = np.uint64(0)
    for first in range(0, num_bits, window_bits):
        last = min(first + window_bits, num_bits)
        history = _fill_slots(bits, first, last, history, mask, slots)
        _add_counts(bits, slots, counts, first, last, -1)
        for t in range(first, last):
            chance = 0.5
            for order in range(num_orders):
                zeros = counts[order, slots[t - first, order], 0]
                ones = counts[order, slots[t - first, order], 1]
                chance = (ones + chance) / (zeros + ones + 1.0)
            chances[t] = chance
        _add_counts(bits, slots, counts, first, last, 1)
    return chances
