"""A watched engine computes what the engine does, and tells how far it is."""

import numpy as np
import pytest

from bit_transformer.archive.engine import StepEngine
from bit_transformer.archive.mixing import Level, decode_blocks, encode_blocks
from bit_transformer.archive.watching import WatchedEngine
from tests.archive.engine.engines import random_weights, small_shape
from tests.archive.mixing.fake_engine import FakeEngine

BLOCKS = [b"The lazy dog jumps over the quick brown fox. " * 30, b"And the dog does not mind."]
ENGINES = [StepEngine(random_weights(np.random.default_rng(0), small_shape())), FakeEngine()]


@pytest.mark.parametrize("engine", ENGINES, ids=["compiled", "called"])
@pytest.mark.parametrize("num_threads", [1, 2])
def test_bytes_are_told_while_blocks_are_coded_and_decoded(
    engine: StepEngine | FakeEngine, num_threads: int
) -> None:
    sizes = [len(block) for block in BLOCKS]
    told: list[int] = []
    watched = WatchedEngine(engine, told.append)
    payloads = encode_blocks(BLOCKS, Level.DEFAULT, watched, num_threads=num_threads)
    assert payloads == encode_blocks(BLOCKS, Level.DEFAULT, engine)
    assert told[-1] == sum(sizes)
    told.clear()
    watched = WatchedEngine(engine, told.append)
    decoded = decode_blocks(payloads, sizes, Level.DEFAULT, watched, num_threads=num_threads)
    assert decoded == BLOCKS
    assert told == sorted(told)
    assert len(told) > len(BLOCKS)
    assert told[-1] == sum(sizes)
