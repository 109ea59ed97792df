"""The engine that reads its lanes byte by byte, or chunk by chunk: what a coder drives.

It runs the compiled trunk; the neighbour ``sequence`` gets the same integers for whole lanes out
of PyTorch. Lanes are shared out among threads, which cannot change any integer, since no lane
knows of another.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bit_transformer.archive.engine.interface import NUM_NODES
from bit_transformer.archive.engine.trunk import (
    LentTrunk,
    Memory,
    constants_of,
    empty_memory,
    pack_weights,
    predict,
    run,
)
from bit_transformer.archive.engine.weights import EngineWeights
from bit_transformer.errors import InputError

__all__ = ["StepEngine", "StepState", "check_data"]

_CHUNK_ROWS = 512
"""Rows that go through the trunk at once: enough to read the weights seldom, few enough to stay
in the processor's cache."""


@dataclass
class StepState:
    """Some lanes in lockstep: their memory, and how many positions they have been through."""

    memory: Memory
    num_positions: int = 0


class StepEngine:
    """An :class:`~bit_transformer.archive.engine.interface.Engine` in compiled code.

    Args:
        weights: checked weights.
        num_threads: among which the lanes of one state are shared out. Different states may be
            used from different threads at the same time in any case.

    Example:
        >>> StepEngine(weights).sequence(data)  # doctest: +SKIP
    """

    def __init__(self, weights: EngineWeights, *, num_threads: int = 1) -> None:
        if num_threads < 1:
            raise InputError(f"num_threads is {num_threads}; an engine needs at least one")
        self.weights = weights
        self.num_threads = num_threads
        self._constants = constants_of(weights)
        self._packed = pack_weights(weights)
        self._threads = ThreadPoolExecutor(num_threads) if num_threads > 1 else None

    @property
    def model_hash(self) -> bytes:
        """The SHA-256 of everything that decides this engine's integers."""
        return self.weights.model_hash

    def start(self, num_lanes: int) -> StepState:
        """The state of ``num_lanes`` lanes that have read nothing.

        Units: about 0.6 MB a lane with the recipe ``archive``.

        Raises:
            InputError: there is not at least one lane.
        """
        if num_lanes < 1:
            raise InputError(f"an engine needs at least one lane, not {num_lanes}")
        state = StepState(empty_memory(self.weights, num_lanes))
        self._run(state, np.zeros((num_lanes, 1), np.uint8), is_start=True)
        return state

    def predict(self, state: StepState) -> np.ndarray:
        """The log-odds that the bit at each node of the next byte is 1, for every lane.

        Shapes: (num_lanes, 256) int16, a new array; column 0 is zero.
        Units: natural logarithm times 256, clipped to plus and minus 2047.
        """
        return predict(state.memory.final, self._packed, self._constants)

    def feed(self, state: StepState, values: np.ndarray) -> None:
        """Read the byte that came in each lane, ``values`` (num_lanes,) uint8.

        Raises:
            InputError: the values are of another type or number.
        """
        num_lanes = len(state.memory.history)
        if values.dtype != np.uint8 or values.shape != (num_lanes,):
            raise InputError(
                f"feed takes {num_lanes} bytes as uint8, one for each lane, not {values.dtype} of "
                f"shape {values.shape}"
            )
        self._run(state, np.ascontiguousarray(values)[:, None])

    def lend(self, state: StepState, num_steps: int) -> LentTrunk:
        """The trunk and the lanes' memory, for a loop that takes them ``num_steps`` further."""
        position = state.num_positions
        state.num_positions += num_steps
        return LentTrunk(self._packed, self._constants, state.memory, position)

    def extend(self, state: StepState, data: np.ndarray) -> np.ndarray:
        """Read T bytes in each lane; the predictions before each of them, (num_lanes, T, 256).

        Raises:
            InputError: the data are of another type or shape.
        """
        num_lanes = len(state.memory.history)
        check_data(data)
        if len(data) != num_lanes:
            raise InputError(
                f"the state has {num_lanes} lanes and the data {len(data)}; give every lane bytes"
            )
        length = data.shape[1]
        out = np.empty((num_lanes, length, NUM_NODES), np.int16)
        chunk = max(1, _CHUNK_ROWS // num_lanes)
        for first in range(0, length, chunk):
            part = np.ascontiguousarray(data[:, first : first + chunk])
            size = part.shape[1]
            out[:, first] = self.predict(state)
            finals = self._run(state, part)
            later = predict(finals, self._packed, self._constants).reshape(num_lanes, size, -1)
            out[:, first + 1 : first + size] = later[:, :-1]
        return out

    def sequence(self, data: np.ndarray) -> np.ndarray:
        """The predictions before each byte of whole lanes, (num_lanes, T, 256) int16.

        Raises:
            InputError: the data are of another type or shape.
        """
        check_data(data)
        if len(data) == 0:
            return np.empty((*data.shape, NUM_NODES), np.int16)
        return self.extend(self.start(len(data)), data)

    def _run(self, state: StepState, data: np.ndarray, *, is_start: bool = False) -> np.ndarray:
        """Take the lanes further; the final states of all new positions, (L * T, I) uint8."""
        num_lanes, length = data.shape
        position = state.num_positions
        state.num_positions += length
        if self._threads is None or num_lanes == 1:
            return run(data, is_start, position, self._packed, self._constants, state.memory)
        parts = min(self.num_threads, num_lanes)
        bounds = [num_lanes * part // parts for part in range(parts + 1)]
        jobs = [
            self._threads.submit(
                run, data[first:last], is_start, position, self._packed, self._constants,
                state.memory.of_lanes(first, last),
            )
            for first, last in pairwise(bounds)
        ]  # fmt: skip
        return np.concatenate([job.result() for job in jobs])


def check_data(data: np.ndarray) -> None:
    """Refuse what is not lanes of bytes.

    Raises:
        InputError: the data are not uint8 with two dimensions.
    """
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        kind = f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else type(data)
        raise InputError(f"an engine reads lanes of bytes, uint8 (num_lanes, T), not {kind}")
