"""What a row gives back: bits up to its full length, or up to a stop condition.

Of a row that writes data, these are the bits the model made; of one that writes a frame, they can
be the bits that the frame holds.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from bit_transformer.generation.stopping import StopCondition

__all__ = ["BitBuffer", "Output"]

_FIRST_BITS = 256


class BitBuffer:
    """Bits that grow at their end, in memory that grows with them."""

    def __init__(self, bits: np.ndarray) -> None:
        self._memory = np.zeros(max(len(bits), _FIRST_BITS), dtype=np.uint8)
        self._memory[: len(bits)] = bits
        self._size = len(bits)

    def __len__(self) -> int:
        return self._size

    @property
    def bits(self) -> np.ndarray:
        """All bits, (T,) uint8, sharing this memory."""
        return self._memory[: self._size]

    def extend(self, bits: np.ndarray) -> None:
        """Append bits."""
        size = self._size + len(bits)
        if size > len(self._memory):
            memory = np.zeros(2 * size, dtype=np.uint8)
            memory[: self._size] = self.bits
            self._memory = memory
        self._memory[self._size : size] = bits
        self._size = size

    def cut(self, size: int) -> None:
        """Keep the first ``size`` bits."""
        self._size = min(size, self._size)


class Output:
    """The bits of one row for its caller, and when they are enough.

    Args:
        num_bits: the full length, or None where something else ends the row.
        phase: the bits of the unfinished byte that the output goes on from.
    """

    def __init__(
        self,
        num_bits: int | None,
        phase: int,
        patterns: Sequence[StopCondition],
        functions: Sequence[Callable[[Tensor], bool]],
    ) -> None:
        self.num_bits = num_bits
        self.phase = phase
        self.is_finished = num_bits == 0
        self._buffer = BitBuffer(np.zeros(0, dtype=np.uint8))
        self._patterns = patterns
        self._functions = functions

    def bits(self) -> Tensor:
        """All bits so far, (T,) uint8, sharing this output's memory."""
        return torch.from_numpy(self._buffer.bits)

    def take(self, bits: np.ndarray) -> Tensor:
        """Take up new bits; what is kept of them, (t,) uint8.

        Fewer are kept where the full length or a stop condition is reached.
        """
        if self.is_finished or not len(bits):
            return torch.empty(0, dtype=torch.uint8)
        num_old = len(self._buffer)
        if self.num_bits is not None:
            bits = bits[: self.num_bits - num_old]
        self._buffer.extend(bits)
        self._stop(num_old)
        return self.bits()[num_old:].clone()

    def _stop(self, num_old: int) -> None:
        bits = self._buffer.bits
        ends = [pattern.end(bits, num_old, self.phase) for pattern in self._patterns]
        found = [end for end in ends if end is not None]
        if found:
            self._buffer.cut(min(found))
        is_ended = any(function(self.bits().clone()) for function in self._functions)
        is_full = len(self._buffer) == self.num_bits
        self.is_finished = bool(found) or is_ended or is_full
