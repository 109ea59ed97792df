"""What an exact engine is: a trained model whose predictions are integers, the same everywhere.

An engine reads bytes in lanes that know nothing of each other, and says before each byte how it
will walk the tree of its bits. A byte is eight decisions, most significant bit first: start at
``node = 1``, then ``node = 2 * node + bit``; nodes 1 to 255 are the inner nodes.

Invariants of every implementation: a prediction depends only on the model and on the bytes that
were fed to that lane, never on the other lanes, on their number, on threads or on the machine;
``extend`` and ``sequence`` return exactly what ``start``, ``predict`` and ``feed`` would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from bit_transformer.archive.engine.trunk import LentTrunk

__all__ = ["LOG_ODDS_LIMIT", "LOG_ODDS_ONE", "NUM_NODES", "Engine", "EngineState"]

NUM_NODES = 256
"""Columns of a prediction: one for each node of a byte's tree, and column 0, which is zero."""

LOG_ODDS_ONE = 256
"""What one nat of log-odds is in a prediction."""

LOG_ODDS_LIMIT = 2047
"""Predictions are clipped to plus and minus this: eight nats."""

EngineState = Any
"""What an engine remembers of its lanes; only the engine that made it can read it."""


class Engine(Protocol):
    """A model that predicts bytes in integers."""

    @property
    def model_hash(self) -> bytes:
        """The SHA-256 of everything that decides this engine's integers."""
        ...

    def start(self, num_lanes: int) -> EngineState:
        """The state of ``num_lanes`` lanes that have read nothing.

        Raises:
            InputError: there is not at least one lane.
        """
        ...

    def predict(self, state: EngineState) -> np.ndarray:
        """The log-odds that the bit at each node of the next byte is 1, for every lane.

        Shapes: (num_lanes, 256) int16, a new array; column 0 is zero.
        Units: natural logarithm times 256, clipped to plus and minus 2047.
        """
        ...

    def feed(self, state: EngineState, values: np.ndarray) -> None:
        """Read the byte that came in each lane.

        Shapes: ``values`` (num_lanes,) uint8.

        Raises:
            InputError: the values are of another type or number.
        """
        ...

    def lend(self, state: EngineState, num_steps: int) -> LentTrunk | None:
        """What a compiled loop needs to take the lanes ``num_steps`` bytes further by itself.

        Such a loop does the work of so many ``predict`` and ``feed``, without the interpreter in
        between, and must be done before the state is used again. None where the engine is not
        compiled: then there is ``predict`` and ``feed``.
        """
        ...

    def extend(self, state: EngineState, data: np.ndarray) -> np.ndarray:
        """Read T bytes in each lane at once; the predictions that stood before each of them.

        What an encoder calls, chunk by chunk: the same as T times ``predict`` and ``feed``, and
        several times quicker.

        Shapes: ``data`` (num_lanes, T) uint8; the result (num_lanes, T, 256) int16.

        Raises:
            InputError: the data are of another type or shape.
        """
        ...

    def sequence(self, data: np.ndarray) -> np.ndarray:
        """The predictions before each byte of whole lanes, from their first byte on.

        Shapes: ``data`` (num_lanes, T) uint8; the result (num_lanes, T, 256) int16.

        Raises:
            InputError: the data are of another type or shape.
        """
        ...
