"""An engine that tells how many bytes it has read, for progress within a block.

A block takes minutes where a trained model predicts, and nearly all of that passes in the engine.
What it computes is not touched. Blocks may be worked on by several threads.
"""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from bit_transformer.archive.engine.interface import Engine, EngineState

if TYPE_CHECKING:
    from bit_transformer.archive.engine.trunk import LentTrunk

__all__ = ["WatchedEngine"]


class WatchedEngine:
    """Does what another engine does, and calls ``tell`` with the bytes read since it began.

    A byte in each lane counts as many bytes as there are lanes.
    """

    def __init__(self, engine: Engine, tell: Callable[[int], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._num_read = 0
        self._one_at_a_time = Lock()

    @property
    def model_hash(self) -> bytes:
        """The engine's."""
        return self._engine.model_hash

    def start(self, num_lanes: int) -> EngineState:
        """The engine's own state."""
        return self._engine.start(num_lanes)

    def predict(self, state: EngineState) -> np.ndarray:
        """What the engine predicts."""
        return self._engine.predict(state)

    def feed(self, state: EngineState, values: np.ndarray) -> None:
        """Have the engine read a byte in each lane."""
        self._engine.feed(state, values)
        self._count(values.size)

    def lend(self, state: EngineState, num_steps: int) -> "LentTrunk | None":
        """What the engine lends; what will be read with it counts as read."""
        lent = self._engine.lend(state, num_steps)
        if lent is not None:
            self._count(num_steps * len(lent.memory.history))
        return lent

    def extend(self, state: EngineState, data: np.ndarray) -> np.ndarray:
        """Have the engine read and predict along."""
        odds = self._engine.extend(state, data)
        self._count(data.size)
        return odds

    def sequence(self, data: np.ndarray) -> np.ndarray:
        """What the engine predicts along whole lanes."""
        odds = self._engine.sequence(data)
        self._count(data.size)
        return odds

    def __getattr__(self, name: str) -> Any:
        """Whatever else the engine has."""
        return getattr(self._engine, name)

    def _count(self, num_bytes: int) -> None:
        with self._one_at_a_time:
            self._num_read += num_bytes
            self._tell(self._num_read)
