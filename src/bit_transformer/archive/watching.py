"""An engine that tells how many bytes it has read, for progress within a block.

A block takes minutes where a trained model predicts, and nearly all of that passes in the engine.
What it computes is not touched.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from bit_transformer.archive.engine.interface import Engine, EngineState

__all__ = ["WatchedEngine"]


class WatchedEngine:
    """Does what another engine does, and calls ``tell`` with the bytes read since it began.

    A byte in each lane counts as many bytes as there are lanes.
    """

    def __init__(self, engine: Engine, tell: Callable[[int], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._num_read = 0

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
        self._count(values)

    def extend(self, state: EngineState, data: np.ndarray) -> np.ndarray:
        """Have the engine read and predict along."""
        odds = self._engine.extend(state, data)
        self._count(data)
        return odds

    def sequence(self, data: np.ndarray) -> np.ndarray:
        """What the engine predicts along whole lanes."""
        odds = self._engine.sequence(data)
        self._count(data)
        return odds

    def __getattr__(self, name: str) -> Any:
        """Whatever else the engine has."""
        return getattr(self._engine, name)

    def _count(self, data: np.ndarray) -> None:
        self._num_read += data.size
        self._tell(self._num_read)
