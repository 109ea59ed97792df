"""An engine that is no model: order-1 counts of a fixed text, the same in both forms."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bit_transformer.archive.mixing.tables import load_tables

__all__ = ["FakeEngine"]

_TEXT = b"The quick brown fox jumps over the lazy dog, and the dog does not mind it at all. " * 4


@dataclass
class _State:
    last: np.ndarray


class FakeEngine:
    """Predicts each bit by what followed the same byte in a fixed text."""

    def __init__(self) -> None:
        self.model_hash = b"\x07" * 32
        counts = np.ones((256, 256, 2), dtype=np.int64)
        for before, value in pairwise(_TEXT):
            node = 1
            for place in range(7, -1, -1):
                bit = (value >> place) & 1
                counts[before, node, bit] += 3
                node = 2 * node + bit
        probs = counts[:, :, 1] * 4096 // counts.sum(axis=2)
        self._odds = np.clip(load_tables().stretch[probs], -2047, 2047).astype(np.int16)

    def start(self, num_lanes: int) -> _State:
        return _State(np.zeros(num_lanes, dtype=np.uint8))

    def predict(self, state: _State) -> np.ndarray:
        return self._odds[state.last]

    def feed(self, state: _State, values: np.ndarray) -> None:
        state.last = values.copy()

    def lend(self, state: _State, num_steps: int) -> None:
        del state, num_steps

    def extend(self, state: _State, data: np.ndarray) -> np.ndarray:
        before = np.concatenate([state.last[:, None], data[:, :-1]], axis=1)
        self.feed(state, data[:, -1])
        return self._odds[before]

    def sequence(self, data: np.ndarray) -> np.ndarray:
        return self.extend(self.start(data.shape[0]), data)
