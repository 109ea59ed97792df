"""Which stretches of a string are measured apart, and the row of values that results.

Windows all have the same length, since K and C of strings of different lengths are not quite
comparable. Invariant: every bit is in at least one window.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bit_transformer.errors import InputError

__all__ = ["Trace", "map_windows", "window_starts"]

_CHUNK_BITS = 1 << 24
"""Bits of overlapping windows that are laid out in memory at a time."""


@dataclass(frozen=True)
class Trace:
    """How a value runs along a string.

    Shapes:
        values: (N,), float64, one value for each window.

    Args:
        name: of the value, as in readings: ``k``, ``c``, ``model_k``, ``s``.
        starts: the first bit of each window.
        window_bits: the length of every window.
    """

    name: str
    starts: tuple[int, ...]
    window_bits: int
    values: Tensor

    @property
    def mean(self) -> float:
        """The mean over windows."""
        return float(self.values.mean())

    @property
    def lowest(self) -> tuple[float, int]:
        """The least value, and the first bit of its window."""
        at = int(self.values.argmin())
        return float(self.values[at]), self.starts[at]

    @property
    def highest(self) -> tuple[float, int]:
        """The greatest value, and the first bit of its window."""
        at = int(self.values.argmax())
        return float(self.values[at]), self.starts[at]


def window_starts(num_bits: int, window: int, stride: int | None = None) -> list[int]:
    """The first bits of the windows over a string.

    One window every ``stride`` bits (a window's length if unset), and one more that ends with
    the string where bits are left over. A string shorter than a window is a window by itself.

    Raises:
        InputError: there are no bits, a length is not positive, or the stride exceeds the window.

    Example:
        >>> window_starts(10, 4)
        [0, 4, 6]
    """
    stride = window if stride is None else stride
    if window < 1 or not 1 <= stride <= window:
        raise InputError(
            f"window={window} and stride={stride} do not fit: a window has at least 1 bit, and a "
            "stride lies between 1 and the window, so that no bit is left out"
        )
    if num_bits < 1:
        raise InputError("there are no bits to measure; give at least one")
    last = max(num_bits - window, 0)
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]


def map_windows(
    measure: Callable[..., Tensor], *rows: Tensor, window: int | None, stride: int | None
) -> Tensor:
    """What ``measure`` says of each row, or of each window of each row.

    Shapes:
        rows: (T,) or (B, T), all alike; ``measure`` gets (R, W) of each, and gives (R,).
        returns: () or (B,); with windows (N,) or (B, N).

    Raises:
        InputError: see :func:`window_starts`.
    """
    leading, num_bits = rows[0].shape[:-1], rows[0].shape[-1]
    length = num_bits if window is None else min(window, num_bits)
    starts = window_starts(num_bits, max(num_bits, 1) if window is None else window, stride)
    flat = [row.reshape(-1, num_bits) for row in rows]
    if window is None:
        return measure(*flat).view(leading)
    num_rows = max(len(flat[0]), 1)
    per_chunk = max(1, _CHUNK_BITS // (length * num_rows))
    parts = [
        _measure_chunk(measure, flat, starts[first : first + per_chunk], length)
        for first in range(0, len(starts), per_chunk)
    ]
    return torch.cat(parts, dim=1).view(*leading, len(starts))


def _measure_chunk(
    measure: Callable[..., Tensor], rows: list[Tensor], starts: list[int], length: int
) -> Tensor:
    offsets = torch.arange(length, device=rows[0].device)
    index = torch.tensor(starts, device=rows[0].device)[:, None] + offsets
    values = measure(*(row[:, index].flatten(0, 1) for row in rows))
    return values.view(len(rows[0]), len(starts))
