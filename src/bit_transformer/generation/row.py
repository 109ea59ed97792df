"""One prompt, and what is generated after it."""

import numpy as np
import torch
from torch import Tensor

from bit_transformer.generation.frames import FrameReader, PromptConstraint
from bit_transformer.generation.output import BitBuffer, Output

__all__ = ["Row"]

_DRAWS = 256
"""How many random numbers a row draws at once; part of what a seed means."""


class Row:
    """The bits of one sequence as the model reads them, and the output that comes of them.

    Each row owns its random numbers, so that no other row of a batch can change its result.

    What the newest bits of a frame hold is ``newest_data``, whatever the output is.

    Args:
        prompt: the bits (T,) that the model is given.
        max_bits: how many bits the model may add at most.
        reader: what finds the data in the frame that the model writes, if it writes one.
        gives_data: whether the output is that data, and not the model's bits.
        constraint: what the model's next bits have to agree with.
    """

    def __init__(
        self,
        prompt: np.ndarray,
        max_bits: int,
        seed: int,
        output: Output,
        *,
        reader: FrameReader | None = None,
        gives_data: bool = False,
        constraint: PromptConstraint | None = None,
    ) -> None:
        self.num_prompt = len(prompt)
        self.max_bits = max_bits
        self.output = output
        self.reader = reader
        self.constraint = constraint
        self.newest_data = np.zeros(0, dtype=np.uint8)
        self._gives_data = gives_data
        self._stream = BitBuffer(prompt)
        self._logits: list[np.ndarray] = []
        self._is_at_end = max_bits == 0 or (reader is not None and reader.is_ended)
        self._generator = torch.Generator().manual_seed(seed)
        self._draws = torch.empty(0, dtype=torch.float64)
        self._num_drawn = 0

    @property
    def num_known(self) -> int:
        """Bits of the sequence that are there: the prompt's, then the model's."""
        return len(self._stream)

    @property
    def is_finished(self) -> bool:
        """Whether the model adds no more."""
        return self._is_at_end or self.output.is_finished

    @property
    def expected_bits(self) -> int:
        """About how many bits the model will add."""
        num_bits = self.output.num_bits
        return self.max_bits if num_bits is None else min(num_bits, self.max_bits)

    def uniform(self) -> float:
        """The next random number of this row, in [0, 1)."""
        index = self._num_drawn % _DRAWS
        if index == 0:
            self._draws = torch.rand(_DRAWS, generator=self._generator, dtype=torch.float64)
        self._num_drawn += 1
        return float(self._draws[index])

    def generated(self) -> Tensor:
        """The output so far, (T,) uint8, sharing this row's memory."""
        return self.output.bits()

    def between(self, first: int, last: int) -> np.ndarray:
        """The bits from ``first`` up to ``last``, (last − first,) uint8, unknown ones as zero."""
        bits = self._stream.bits[first:last]
        return np.pad(bits, (0, last - first - len(bits)))

    def written(self, first: int) -> tuple[Tensor, Tensor]:
        """The model's own bits from its bit ``first`` on, (t,) uint8, and their logits, (t,)."""
        bits = torch.from_numpy(self._stream.bits[self.num_prompt + first :].copy())
        self._logits = [np.concatenate([np.zeros(0, dtype=np.float32), *self._logits])]
        return bits, torch.from_numpy(self._logits[0][first:])

    def append(self, bits: np.ndarray, logits: np.ndarray) -> Tensor:
        """Take up new bits and the logits of them; what the output gains, (t,) uint8."""
        if self.is_finished:
            return torch.empty(0, dtype=torch.uint8)
        num_old = self.num_known
        bits = bits[: self.max_bits - (num_old - self.num_prompt)]
        if self.reader is None:
            self._stream.extend(bits)
            gain = self.output.take(bits)
        else:
            gain = self._append_to_frame(bits, self.reader)
        self._logits.append(logits[: self.num_known - num_old])
        self._is_at_end = self.num_known - self.num_prompt == self.max_bits or (
            self.reader is not None and self.reader.is_ended
        )
        return gain

    def finish(self) -> Tensor:
        """The data that came out only at the end of the model's frame, as (t,) uint8.

        Raises:
            CodecError: the frame is damaged or cut, and the reader is strict.
        """
        if self.reader is None or not self._gives_data:
            return torch.empty(0, dtype=torch.uint8)
        gain = torch.empty(0, dtype=torch.uint8)
        if not self.output.is_finished:
            gain = self.output.take(self.reader.finish())
        if not self.output.is_finished:
            self.reader.check()
        return gain

    def _append_to_frame(self, bits: np.ndarray, reader: FrameReader) -> Tensor:
        self.newest_data, num_read = reader.read(bits)
        bits = bits[:num_read]
        self._stream.extend(bits)
        if self.constraint is not None:
            self.constraint.follow(bits)
            if self.constraint.is_met:
                self.constraint = None
        return self.output.take(self.newest_data if self._gives_data else bits)
