"""Which windows of a split make up a step, as a pure function of the step.

An epoch cuts the split into windows that touch but do not overlap, starting at a random phase,
and visits each once in a pseudo-random order. Nothing is remembered from step to step, so
resuming at any step costs nothing, and no memory grows with the split. The global batch is the
same for any number of processes: each takes its contiguous share of it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bit_transformer.data.permutation import mix, permute
from bit_transformer.errors import ConfigError, DataError, InputError

__all__ = ["WindowSampler"]

_MAX_SEED = 2**64


@dataclass(frozen=True)
class WindowSampler:
    """The offsets of each step's windows within a split.

    Args:
        num_bytes: length of the split.
        window_bytes: length of a window.
        batch_size: windows of one step, over all processes.
        seed: chooses phases and orders.
        rank: which process this is.
        world_size: how many processes share a batch.
        num_windows: (not an argument) windows that one epoch visits.

    Raises:
        DataError: the split is shorter than one window.
        ConfigError: the batch does not divide among the processes.
        InputError: a number is out of range.

    Example:
        >>> sampler = WindowSampler(num_bytes=100, window_bytes=10, batch_size=3, seed=0)
        >>> sorted((sampler.offsets(0) - sampler.offsets(0).min()) % 10)
        [np.int64(0), np.int64(0), np.int64(0)]
    """

    num_bytes: int
    window_bytes: int
    batch_size: int
    seed: int
    rank: int = 0
    world_size: int = 1
    num_windows: int = field(init=False)

    def __post_init__(self) -> None:
        _check_at_least(1, window_bytes=self.window_bytes, batch_size=self.batch_size)
        _check_at_least(0, num_bytes=self.num_bytes)
        if not 0 <= self.seed < _MAX_SEED:
            raise InputError(f"seed is {self.seed}; it must be from 0 to {_MAX_SEED - 1}")
        if not 0 <= self.rank < self.world_size:
            raise InputError(f"rank {self.rank} is not among {self.world_size} processes")
        if self.batch_size % self.world_size:
            raise ConfigError(
                f"a batch of {self.batch_size} windows does not divide among "
                f"{self.world_size} processes; choose a multiple of {self.world_size}"
            )
        if self.num_bytes < self.window_bytes:
            raise DataError(
                f"the split has {self.num_bytes} bytes, and one context window needs "
                f"{self.window_bytes}; give more data or choose a shorter context"
            )
        # One window fewer than would fit leaves room for every phase of the cut.
        fitting = (self.num_bytes - self.window_bytes + 1) // self.window_bytes
        object.__setattr__(self, "num_windows", max(1, fitting))

    def offsets(self, step: int) -> NDArray[np.int64]:
        """Where this process's windows of ``step`` begin.

        Shapes: (batch_size / world_size,) int64.

        Raises:
            InputError: the step is negative.
        """
        _check_at_least(0, step=step)
        share = self.batch_size // self.world_size
        first = step * self.batch_size + self.rank * share
        epoch, position = divmod(first, self.num_windows)
        positions = np.arange(position, position + share, dtype=np.uint64)
        later_epochs, positions = np.divmod(positions, np.uint64(self.num_windows))
        keys = self._epoch_keys(later_epochs + np.uint64(epoch))
        windows = permute(positions, self.num_windows, keys)
        num_phases = self.num_bytes - self.num_windows * self.window_bytes + 1
        phases = mix(~keys) % np.uint64(num_phases)
        return (windows * np.uint64(self.window_bytes) + phases).astype(np.int64)

    def epochs(self, step: int) -> float:
        """How often the split has been gone through before ``step``."""
        return step * self.batch_size / self.num_windows

    def _epoch_keys(self, epochs: NDArray[np.uint64]) -> NDArray[np.uint64]:
        seed = mix(np.array([self.seed], np.uint64))
        return mix(seed ^ mix(epochs))


def _check_at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < least:
            raise InputError(f"{name} is {number}; it must be at least {least}")
