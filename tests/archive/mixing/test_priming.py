"""A lent model is the primed one, whatever was done with it before."""

import numpy as np
import pytest

from bit_transformer.archive.mixing import Level, decode_blocks, encode_blocks
from bit_transformer.archive.mixing.levels import level_settings
from bit_transformer.archive.mixing.priming import PrimedModels, odds_along, primed_models
from tests.archive.mixing.fake_engine import FakeEngine

PRIMER = b"".join(b"line %d says %d\n" % (i, i * i) for i in range(1200))
BLOCK = PRIMER[7000:7400] + b"something that it never said"


def same(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", ["remembering", "forgetting"])
def test_a_model_that_was_used_is_mended(kind: str) -> None:
    models = getattr(primed_models(level_settings(Level.FAST), 12, PRIMER, None), kind)
    fresh = models.lend()
    kept = tuple(array.copy() for array in fresh)
    fresh.buckets[:64] = 7
    fresh.journal[0] = 4
    fresh.journal[1:5] = [0, 16, 32, 48]
    fresh.weights[:] = 3
    models.take_back(fresh)
    again = models.lend()
    assert again is fresh
    assert same(again, kept)


def test_a_model_that_was_used_much_is_not_lent_again() -> None:
    models = PrimedModels(level_settings(Level.FAST), 10, PRIMER[:500], None).remembering
    used = models.lend()
    used.journal[0] = used.journal.size
    models.take_back(used)
    assert models.lend() is not used


def test_a_model_that_forgets_knows_how_to_mix_and_no_byte() -> None:
    primed = PrimedModels(level_settings(Level.FAST), 12, PRIMER, None)
    whole, without = primed.remembering.lend(), primed.forgetting.lend()
    of_bytes = {"buckets", "positions", "indirect"}
    for name, array in whole._asdict().items():
        other = getattr(without, name)
        assert array.any() or name not in of_bytes
        assert not other.any() if name in of_bytes else np.array_equal(array, other)
        assert not np.shares_memory(array, other)


@pytest.mark.parametrize("engine", [None, FakeEngine()])
def test_blocks_in_turn_are_coded_like_blocks_alone(engine: FakeEngine | None) -> None:
    blocks = [BLOCK, PRIMER[:3000], BLOCK, BLOCK[::-1]]
    in_turn = encode_blocks(blocks, Level.DEFAULT, engine, PRIMER, num_threads=1)
    assert in_turn[0] == in_turn[2]
    sizes = [len(block) for block in blocks]
    for i in (3, 1, 0):
        assert decode_blocks([in_turn[i]], [sizes[i]], Level.DEFAULT, engine, PRIMER) == [blocks[i]]


def test_the_pieces_for_the_engine_are_all_of_the_primer() -> None:
    without = PrimedModels(level_settings(Level.FAST), 10, PRIMER, None)
    with_engine = PrimedModels(level_settings(Level.FAST), 10, PRIMER, FakeEngine())
    assert without.history.tobytes() == PRIMER
    assert with_engine.history.tobytes() != PRIMER
    assert sorted(with_engine.history.tobytes()) == sorted(PRIMER)


def test_odds_along_a_path_are_those_of_its_nodes() -> None:
    engine = FakeEngine()
    lanes = np.frombuffer(bytearray(b"the dog, the fox"), dtype=np.uint8).reshape(2, 8)
    odds = engine.sequence(lanes)
    along = odds_along(engine, lanes)
    for lane in range(2):
        for step in range(8):
            node = 1
            for bit_index in range(8):
                assert along[step, lane, bit_index] == odds[lane, step, node]
                node = 2 * node + ((int(lanes[lane, step]) >> (7 - bit_index)) & 1)
