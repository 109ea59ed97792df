"""C: how much new a string keeps bringing, by the phrases that Lempel and Ziv cut it into.

K counts blocks of a few bits, wherever they are; C sees repetitions at any distance and of any
length. Both are near 0 for 0101…; only C is low for a random string that is written twice.
"""

import math

import numpy as np
import torch
from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.errors import InputError
from bit_transformer.telemetry.windows import map_windows

__all__ = ["MAX_PARSED_BITS", "coin_phrases", "lz76_phrases", "lz_complexity"]

MAX_PARSED_BITS = 1 << 25
"""The longest string that is parsed as a whole; that may take 1 GB of memory."""

_SHORT_MEANS = (
    1.0, 2.0, 2.5, 2.75, 3.125, 3.375, 3.625, 3.8906, 4.125, 4.3516, 4.5703, 4.7881,
)  # fmt: skip
"""Mean number of phrases of all strings of 1, 2, 3, … bits, by enumeration."""

_LEAST_POWER = 4
_COIN_RATIOS = (
    1.3929, 1.3092, 1.2254, 1.1626, 1.1167, 1.0838, 1.0621, 1.0469, 1.0370, 1.0298, 1.0251,
    1.0212, 1.0186, 1.0163, 1.0147, 1.0132, 1.0121, 1.0110, 1.0103, 1.0094, 1.0088,
)  # fmt: skip
"""Mean of c(n) log2(n) / n over random strings of 2^4 to 2^24 bits, by the benchmark of C."""


def lz_complexity(bits: Tensor, *, window: int | None = None, stride: int | None = None) -> Tensor:
    """C: the number of LZ76 phrases of a string, as a share of what a fair coin's string has.

    C = min(1, c(T) / coin(T)), with c from :func:`lz76_phrases` and coin(T) from
    :func:`coin_phrases`. Zeros have 2 phrases, so C goes to 0 with their number; a random string
    is at 1, give or take 2 % for 1,000 bits and 0.2 % for 4 KB. The usual normalisation,
    c log2(T) / T, has the same limit, but is above 1 for random strings of any length one meets
    (1.39 for 16 bits, 1.025 for 4 KB); here windows of different lengths can be compared.

    Shapes:
        bits: (T,) or (B, T), ``uint8`` or ``bool``.
        returns: () or (B,), float64 on the CPU; with ``window`` (N,) or (B, N).

    Args:
        window: measure each window of that many bits apart, as if there were no others.
        stride: from one window to the next, a window's length if unset.

    Raises:
        BitsError: not a bit tensor.
        InputError: there are no bits, too many without a window, or the windows do not fit.

    Source: Lempel and Ziv, On the Complexity of Finite Sequences, IEEE Trans. Inf. Theory 22,
    1976 (the phrases); the denominator is measured, theirs is asymptotic.

    Example:
        >>> lz_complexity(torch.zeros(1000, dtype=torch.uint8)) < 0.02
        tensor(True)
    """
    bits = check_bits(bits, dims=(1, 2)).cpu()
    return map_windows(_complexity_of_rows, bits, window=window, stride=stride)


def lz76_phrases(bits: Tensor) -> int:
    """The number of phrases of the exhaustive history of Lempel and Ziv (1976), in linear time.

    Each phrase is the shortest string that has not occurred before, overlaps allowed; the last
    one counts also if the string ends before it is new. No bits have no phrases.

    Raises:
        BitsError: not a bit tensor of one dimension.
        InputError: there are more bits than :data:`MAX_PARSED_BITS`.

    Example:
        >>> bits = [int(bit) for bit in "0001101001000101"]  # 0 001 10 100 1000 101
        >>> lz76_phrases(torch.tensor(bits, dtype=torch.uint8))
        6
    """
    bits = check_bits(bits, dims=1).cpu()
    return int(_phrases_of_rows(bits[None])[0]) if len(bits) else 0


def coin_phrases(num_bits: int) -> float:
    """The mean number of phrases in that many flips of a fair coin.

    Exact for up to a dozen bits, then measured at powers of two with the ratio to
    n / log2(n) interpolated between them, and kept at the last one's beyond.
    """
    if num_bits <= len(_SHORT_MEANS):
        return _SHORT_MEANS[num_bits - 1]
    powers = range(_LEAST_POWER, _LEAST_POWER + len(_COIN_RATIOS))
    ratio = float(np.interp(math.log2(num_bits), powers, _COIN_RATIOS))
    return ratio * num_bits / math.log2(num_bits)


def _complexity_of_rows(rows_RT: Tensor) -> Tensor:
    phrases = torch.from_numpy(_phrases_of_rows(rows_RT)).double()
    return (phrases / coin_phrases(rows_RT.shape[1])).clamp(max=1)


def _phrases_of_rows(rows_RT: Tensor) -> np.ndarray:
    num_bits = rows_RT.shape[1]
    if num_bits > MAX_PARSED_BITS:
        raise InputError(
            f"{num_bits:,} bits are too many to parse as a whole (up to {MAX_PARSED_BITS:,}); "
            "give a window"
        )
    from bit_transformer.telemetry import phrase_kernels

    counts = np.empty(len(rows_RT), dtype=np.int64)
    key_bits = max(1, num_bits.bit_length() - 5)  # some eight samples have a key in a coin's string
    for number, bits in enumerate(np.ascontiguousarray(rows_RT.numpy())):
        phrases, _ = phrase_kernels.count_phrases(
            _words(bits),
            num_bits,
            key_bits,
            2 * key_bits,
            phrase_kernels.PLAIN_BITS,
            phrase_kernels.SHORT_PATIENCE,
            phrase_kernels.LONG_PATIENCE,
        )
        if phrases < 0:
            phrases, _ = phrase_kernels.count_phrases_in_automaton(bits)
        counts[number] = phrases
    return counts


def _words(bits: np.ndarray) -> np.ndarray:
    """The bits as 64-bit words, the first bit the highest, with zeros to one word past the end."""
    packed = np.zeros((len(bits) // 64 + 2) * 8, dtype=np.uint8)
    packed[: -(-len(bits) // 8)] = np.packbits(bits)
    return packed.view(">u8").astype(np.uint64)
