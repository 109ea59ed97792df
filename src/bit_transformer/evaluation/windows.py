"""Which stretches of data the model reads, and which bytes of each are scored."""

from collections.abc import Iterator
from dataclasses import dataclass

from bit_transformer.errors import InputError

__all__ = ["Window", "plan_windows"]


@dataclass(frozen=True)
class Window:
    """The bytes from ``first`` up to ``last``, of which those from ``scored_from`` on count."""

    first: int
    last: int
    scored_from: int

    def __len__(self) -> int:
        return self.last - self.first


def plan_windows(
    num_bytes: int, context_bytes: int, stride_bytes: int, piece_bytes: int | None = None
) -> Iterator[Window]:
    """Windows that together score every byte once, each with the data before it as context.

    The first window scores all it reads, its first byte from no context. Each later one reads
    ``context_bytes`` and scores the last ``stride_bytes`` of them, so every byte it scores has at
    least ``context_bytes - stride_bytes`` before it. All windows have the same length, unless the
    data is shorter than one.

    Args:
        piece_bytes: cut the data into pieces of this length, and treat each as if it were alone.

    Raises:
        InputError: a length is not positive, or the stride exceeds the context.

    Example:
        >>> [(w.first, w.scored_from, w.last) for w in plan_windows(10, 4, 3)]
        [(0, 0, 4), (3, 4, 7), (6, 7, 10)]
    """
    if context_bytes < 1:
        raise InputError(f"context_bytes must be at least 1, got {context_bytes}")
    if not 1 <= stride_bytes <= context_bytes:
        raise InputError(
            f"stride_bytes must lie between 1 and context_bytes ({context_bytes}), got "
            f"{stride_bytes}; a longer stride would leave bytes out"
        )
    if piece_bytes is not None and piece_bytes < 1:
        raise InputError(f"piece_bytes must be at least 1, got {piece_bytes}")
    size = piece_bytes or max(num_bytes, 1)
    return (
        window
        for first in range(0, num_bytes, size)
        for window in _windows(first, min(first + size, num_bytes), context_bytes, stride_bytes)
    )


def _windows(first: int, end: int, context_bytes: int, stride_bytes: int) -> Iterator[Window]:
    """The windows of the bytes from ``first`` up to ``end``."""
    scored = first
    while scored < end:
        last = min(scored + (context_bytes if scored == first else stride_bytes), end)
        yield Window(max(first, last - context_bytes), last, scored)
        scored = last
