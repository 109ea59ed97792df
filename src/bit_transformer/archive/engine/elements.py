"""The engine's steps on single numbers, compiled: normalise, round, look up.

The neighbour ``tiles`` multiplies matrices, ``attention`` reads the past. Every step is a whole
number or one correctly rounded operation on floats, in the order written, so that ``sequence``
gets the same numbers from other code.

Invariants: no kernel reads or writes outside its arrays; a float is brought into the range of an
integer before it becomes one.
"""

import numpy as np
from numba import njit

__all__ = [
    "HASH_MULTIPLIERS",
    "RESIDUAL_LIMIT",
    "add_products",
    "embed",
    "hashed_row",
    "log_odds",
    "normalise",
    "round_largest",
    "squared_relu",
]

RESIDUAL_LIMIT = (1 << 24) - 1
"""The residual stream is clipped to plus and minus this."""

HASH_MULTIPLIERS = (0x85EBCA6B, 0xC2B2AE35)
"""Those of the model's own hashed contexts."""

_WORD_BITS = 31
_WORD = (1 << _WORD_BITS) - 1
_MIDDLE = 128
_FLOAT_LIMIT = np.float32(RESIDUAL_LIMIT)
_BYTE_LIMIT = np.float32(127.0)


@njit(cache=True, nogil=True)
def hashed_row(history: np.int64, num_bits: int, rows_log2: int) -> np.int64:
    """The row of a table for the last ``num_bits`` bits of ``history``, an int64 word."""
    kept = np.int64(history)
    if num_bits < 64:
        kept &= (np.int64(1) << np.int64(num_bits)) - np.int64(1)
    if num_bits <= rows_log2:
        return kept
    mixed = np.int64(num_bits)
    shift = 0
    while shift < num_bits:
        mixed ^= (kept >> np.int64(shift)) & np.int64(_WORD)
        mixed = (mixed * np.int64(HASH_MULTIPLIERS[0])) & np.int64(_WORD)
        mixed ^= mixed >> np.int64(15)
        shift += _WORD_BITS
    mixed = (mixed * np.int64(HASH_MULTIPLIERS[1])) & np.int64(_WORD)
    return mixed >> np.int64(_WORD_BITS - rows_log2)


@njit(cache=True, nogil=True)
def embed(
    history_N: np.ndarray,
    tables: np.ndarray,
    context_bits: np.ndarray,
    rows_log2: int,
    channels_NK: np.ndarray,
) -> None:
    """Write the rows of all hashed contexts of each history, moved up by 128, as uint8."""
    width = tables.shape[2]
    for n in range(len(history_N)):
        for k in range(len(context_bits)):
            row = hashed_row(history_N[n], context_bits[k], rows_log2)
            for c in range(width):
                channels_NK[n, k * width + c] = np.uint8(np.int32(tables[k, row, c]) + _MIDDLE)


@njit(cache=True, nogil=True)
def add_products(
    sums_NO: np.ndarray,
    middle_O: np.ndarray,
    scale_O: np.ndarray,
    scale_N: np.ndarray,
    x_ND: np.ndarray,
) -> None:
    """Add products, scaled by row and by output, to a stream of int32.

    ``middle_O`` is what the products of the weights with 128 are, for activations moved up by it.
    """
    width = x_ND.shape[1]
    for n in range(len(x_ND)):
        row_scale = scale_N[n]
        for o in range(width):
            scale = np.float32(row_scale * scale_O[o])
            value = np.rint(np.float32(sums_NO[n, o] - middle_O[o]) * scale)
            value = min(max(value, -_FLOAT_LIMIT), _FLOAT_LIMIT)
            total = np.int32(x_ND[n, o] + np.int32(value))
            x_ND[n, o] = min(max(total, -RESIDUAL_LIMIT), RESIDUAL_LIMIT)


@njit(cache=True, nogil=True)
def normalise(
    x_ND: np.ndarray, skipped_ND: np.ndarray, gain: np.float32, one: float, rows_NI: np.ndarray
) -> None:
    """Write ``x + gain * skipped`` with a root mean square of ``one``, in 8 bits moved up by 128.

    ``one`` is a float64 that has the root of the width in it already; ``gain`` is a float32.
    """
    width = x_ND.shape[1]
    mixed = np.empty(width, np.int32)
    for n in range(len(x_ND)):
        total = np.int64(0)
        for c in range(width):
            skipped = np.rint(np.float32(skipped_ND[n, c]) * np.float32(gain))
            skipped = min(max(skipped, -_FLOAT_LIMIT), _FLOAT_LIMIT)
            value = np.int32(x_ND[n, c] + np.int32(skipped))
            value = min(max(value, -RESIDUAL_LIMIT), RESIDUAL_LIMIT)
            mixed[c] = value
            total += np.int64(value) * np.int64(value)
        scale = np.float32(one / np.sqrt(np.float64(max(total, np.int64(1)))))
        for c in range(width):
            value = np.rint(np.float32(mixed[c]) * scale)
            value = min(max(value, -_BYTE_LIMIT), _BYTE_LIMIT)
            rows_NI[n, c] = np.uint8(np.int32(value) + _MIDDLE)


@njit(cache=True, nogil=True)
def round_largest(sums_ND: np.ndarray, rows_NI: np.ndarray, scale_N: np.ndarray) -> None:
    """Write each row of int32 in 8 bits moved up by 128, the largest as 127; ``scale_N`` is it."""
    width = sums_ND.shape[1]
    for n in range(len(sums_ND)):
        largest = np.int32(1)
        for c in range(width):
            largest = max(largest, np.int32(abs(sums_ND[n, c])))
        scale_N[n] = np.float32(largest)
        factor = np.float32(_BYTE_LIMIT / np.float32(largest))
        for c in range(width):
            value = np.rint(np.float32(sums_ND[n, c]) * factor)
            value = min(max(value, -_BYTE_LIMIT), _BYTE_LIMIT)
            rows_NI[n, c] = np.uint8(np.int32(value) + _MIDDLE)


@njit(cache=True, nogil=True)
def squared_relu(
    sums_NF: np.ndarray,
    middle_F: np.ndarray,
    scale_F: np.ndarray,
    rows_NI: np.ndarray,
    scale_N: np.ndarray,
) -> None:
    """Write the squares of what is above zero, the largest as 255; ``scale_N`` is it."""
    hidden = len(scale_F)
    squares = np.empty(hidden, np.float32)
    patterns = squares.view(np.int32)
    top = np.empty(1, np.int32)
    for n in range(len(scale_N)):
        for f in range(hidden):
            above = np.float32(max(sums_NF[n, f] - middle_F[f], 0)) * scale_F[f]
            squares[f] = np.float32(above * above)
        # Floats from zero on are in the order of their patterns, whose largest is found in vectors.
        most = np.int32(0)
        for f in range(hidden):
            most = max(most, patterns[f])
        top[0] = most
        largest = top.view(np.float32)[0]
        scale_N[n] = largest
        factor = np.float32(0.0)
        if largest > np.float32(0.0):
            factor = np.float32(np.float32(255.0) / largest)
        for f in range(hidden):
            value = min(np.rint(squares[f] * factor), np.float32(255.0))
            rows_NI[n, f] = np.uint8(np.int32(value))


@njit(cache=True, nogil=True)
def log_odds(
    sums_NO: np.ndarray,
    middle_O: np.ndarray,
    scale_O: np.ndarray,
    caps: np.ndarray,
    limit: int,
    out_NO: np.ndarray,
) -> None:
    """Write the capped and clipped log-odds of every node, int16; node 0 has none."""
    last = len(caps) - 1
    for n in range(len(out_NO)):
        for o in range(1, out_NO.shape[1]):
            value = np.rint(np.float32(sums_NO[n, o] - middle_O[o]) * scale_O[o])
            value = min(max(value, np.float32(-last)), np.float32(last))
            whole = np.int32(value)
            capped = min(caps[abs(whole)], limit)
            out_NO[n, o] = np.int16(-capped if whole < 0 else capped)
        out_NO[n, 0] = 0
