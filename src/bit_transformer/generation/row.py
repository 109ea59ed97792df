"""One prompt, and what is generated after it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from bit_transformer.generation.stopping import StopCondition

__all__ = ["Row"]

_DRAWS = 256
"""How many random numbers a row draws at once; part of what a seed means."""


class Row:
    """The bits of one sequence: its prompt, then what was generated, then zeros up to its end.

    Each row owns its random numbers, so that no other row of a batch can change its result.
    """

    def __init__(
        self,
        prompt: Tensor,
        num_bits: int,
        seed: int,
        patterns: Sequence[StopCondition],
        functions: Sequence[Callable[[Tensor], bool]],
    ) -> None:
        self.num_prompt = len(prompt)
        self.num_known = len(prompt)
        self.num_bits = num_bits
        self.bits = np.zeros(len(prompt) + num_bits, dtype=np.uint8)
        self.bits[: len(prompt)] = prompt.cpu().numpy()
        self.is_finished = num_bits == 0
        self._patterns = patterns
        self._functions = functions
        self._generator = torch.Generator().manual_seed(seed)
        self._draws = torch.empty(0, dtype=torch.float64)
        self._num_drawn = 0

    def uniform(self) -> float:
        """The next random number of this row, in [0, 1)."""
        index = self._num_drawn % _DRAWS
        if index == 0:
            self._draws = torch.rand(_DRAWS, generator=self._generator, dtype=torch.float64)
        self._num_drawn += 1
        return float(self._draws[index])

    def generated(self) -> Tensor:
        """The bits generated so far, (T,) uint8, sharing this row's memory."""
        return torch.from_numpy(self.bits[self.num_prompt : self.num_known])

    def between(self, first: int, last: int) -> np.ndarray:
        """The bits from ``first`` up to ``last``, (last − first,) uint8, unknown ones as zero."""
        bits = self.bits[first:last]
        return np.pad(bits, (0, last - first - len(bits)))

    def append(self, bits: np.ndarray) -> Tensor:
        """Take up newly generated bits; what is kept of them, (T,) uint8.

        Fewer are kept where the row reaches its full length or a stop condition.
        """
        if self.is_finished:
            return torch.empty(0, dtype=torch.uint8)
        num_old = self.num_known - self.num_prompt
        num_new = min(len(bits), self.num_bits - num_old)
        self.bits[self.num_known : self.num_known + num_new] = bits[:num_new]
        self.num_known += num_new
        self._stop(num_old)
        return self.generated()[num_old:].clone()

    def _stop(self, num_old: int) -> None:
        output = self.bits[self.num_prompt : self.num_known]
        phase = self.num_prompt % 8
        ends = [pattern.end(output, num_old, phase) for pattern in self._patterns]
        found = [end for end in ends if end is not None]
        if found:
            self._forget_after(min(found))
        is_ended = any(function(self.generated().clone()) for function in self._functions)
        num_generated = self.num_known - self.num_prompt
        self.is_finished = bool(found) or is_ended or num_generated == self.num_bits

    def _forget_after(self, num_generated: int) -> None:
        self.num_known = self.num_prompt + num_generated
        self.bits[self.num_known :] = 0
