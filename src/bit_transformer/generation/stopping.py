"""When a generation ends before its full length: at a pattern, or where a function says so."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from bit_transformer.bits import bytes_to_bits, check_bits
from bit_transformer.errors import InputError

__all__ = ["Stop", "StopCondition", "stop_conditions"]

Stop = bytes | str | Tensor | Callable[[Tensor], bool]
"""Bytes or text end a generation behind their first occurrence in it, at a byte border of prompt
and output together; a bit tensor, at any bit. A function is asked after each patch, with the
generated bits so far (T,), and ends it by returning true."""


class StopCondition:
    """One pattern, looked for in a growing output without searching any part of it twice."""

    def __init__(self, pattern: np.ndarray, *, at_byte_borders: bool) -> None:
        self.pattern = pattern
        self.at_byte_borders = at_byte_borders

    def end(self, output: np.ndarray, num_old: int, phase: int) -> int | None:
        """How many bits of ``output`` remain when it is cut behind the pattern, if it occurs.

        Args:
            output: the generated bits (T,).
            num_old: how many of them were searched before.
            phase: the bits of the prompt's last, unfinished byte.
        """
        size = len(self.pattern)
        first = max(0, num_old - size + 1)
        if self.at_byte_borders:
            first += -(first + phase) % 8
        step = 8 if self.at_byte_borders else 1
        for start in range(first, len(output) - size + 1, step):
            if np.array_equal(output[start : start + size], self.pattern):
                return start + size
        return None


def stop_conditions(
    stop: Stop | Sequence[Stop] | None,
) -> tuple[list[StopCondition], list[Callable[[Tensor], bool]]]:
    """The patterns and the functions that ``stop`` names.

    Raises:
        InputError: a pattern is empty, or is none of the kinds of :data:`Stop`.
    """
    if stop is None:
        return [], []
    is_one = isinstance(stop, bytes | str | Tensor) or callable(stop)
    given: Sequence[Stop] = [stop] if is_one else stop  # type: ignore[assignment, list-item]
    patterns: list[StopCondition] = []
    functions: list[Callable[[Tensor], bool]] = []
    for one in given:
        if isinstance(one, bytes | str | Tensor):
            patterns.append(_pattern(one))
        elif callable(one):
            functions.append(one)
        else:
            raise InputError(
                f"stop must be bytes, text, a bit tensor or a function, got {type(one).__name__}"
            )
    return patterns, functions


def _pattern(pattern: bytes | str | Tensor) -> StopCondition:
    if len(pattern) == 0:
        raise InputError("an empty stop pattern would end every generation at once; leave it out")
    if isinstance(pattern, Tensor):
        bits = check_bits(pattern, name="stop", dims=1)
        return StopCondition(bits.cpu().numpy(), at_byte_borders=False)
    data = pattern.encode() if isinstance(pattern, str) else pattern
    return StopCondition(bytes_to_bits(data).numpy(), at_byte_borders=True)
