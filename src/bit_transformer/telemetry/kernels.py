"""The loops over single bits behind K and the context model, compiled.

The neighbours ``entropy`` and ``context`` check arguments and give results their meaning; this
module only counts. Imported late, since numba takes a second to load.

Invariants: bits are ``uint8`` zeros and ones that the caller has checked; no kernel reads or
writes outside its arrays for any such input, and each takes time and memory linear in the number
of bits.
"""

import numpy as np
from numba import njit

__all__ = ["block_entropies", "rest_of_the_file"]


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
