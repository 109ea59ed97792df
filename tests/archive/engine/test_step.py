import numpy as np
import pytest

from bit_transformer.archive.engine import SequenceEngine, StepEngine
from bit_transformer.archive.engine.interface import LOG_ODDS_LIMIT
from bit_transformer.errors import InputError
from tests.archive.engine.engines import random_data, random_weights, small_shape


@pytest.fixture(scope="module")
def engine():
    return StepEngine(random_weights(np.random.default_rng(0), small_shape()))


def test_predictions_are_clipped_log_odds_with_nothing_in_column_zero(engine):
    predictions = engine.sequence(random_data(np.random.default_rng(1), 3, 50))
    assert predictions.dtype == np.int16
    assert predictions.shape == (3, 50, 256)
    assert (predictions[..., 0] == 0).all()
    assert np.abs(predictions.astype(int)).max() <= LOG_ODDS_LIMIT
    assert len(np.unique(predictions)) > 100


def test_a_byte_changes_no_prediction_up_to_its_own_and_some_after_it(engine):
    rng = np.random.default_rng(2)
    data = random_data(rng, 1, 30)
    for t in (0, 7, 29):
        other = data.copy()
        other[0, t] ^= 0x41
        old, new = engine.sequence(data), engine.sequence(other)
        assert np.array_equal(old[:, : t + 1], new[:, : t + 1])
        if t < 29:
            assert not np.array_equal(old[:, t + 1], new[:, t + 1])


def test_only_the_last_positions_of_every_block_are_seen():
    shape = small_shape(depth=3, window=6, context_hash_bits=(16,))
    engine = StepEngine(random_weights(np.random.default_rng(3), shape))
    rng = np.random.default_rng(4)
    one, two = rng.integers(0, 256, (2, 60)).astype(np.uint8)
    # Three blocks that see the start and five positions, each of which knows its byte and the one
    # before.
    reach = 3 * (5 - 1) + 2
    two[20:] = one[20:]
    predictions = engine.sequence(np.stack([one, two]))
    assert np.array_equal(predictions[0, 20 + reach :], predictions[1, 20 + reach :])
    assert not np.array_equal(predictions[0, 20 + reach - 1], predictions[1, 20 + reach - 1])


def test_a_state_goes_on_where_it_was_after_looking(engine):
    data = random_data(np.random.default_rng(5), 2, 10)
    state = engine.start(2)
    engine.extend(state, data)
    first = engine.predict(state)
    assert np.array_equal(first, engine.predict(state))
    first[:] = 0
    assert engine.predict(state).any()


def test_nothing_read_gives_nothing(engine):
    state = engine.start(2)
    assert engine.extend(state, np.zeros((2, 0), np.uint8)).shape == (2, 0, 256)
    assert engine.sequence(np.zeros((0, 5), np.uint8)).shape == (0, 5, 256)
    assert SequenceEngine(engine.weights).sequence(np.zeros((2, 0), np.uint8)).shape == (2, 0, 256)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros(2, np.int64), "uint8"),
        (np.zeros((2, 1), np.uint8), "one for each lane"),
        (np.zeros(3, np.uint8), "2 bytes"),
    ],
)
def test_feed_refuses_what_is_not_a_byte_for_each_lane(engine, wrong, message):
    with pytest.raises(InputError, match=message):
        engine.feed(engine.start(2), wrong)


@pytest.mark.parametrize("wrong", [np.zeros(2, np.uint8), np.zeros((2, 1), np.int8), b"abc"])
def test_sequences_refuse_what_is_not_lanes_of_bytes(engine, wrong):
    with pytest.raises(InputError, match="lanes of bytes"):
        engine.sequence(wrong)
    with pytest.raises(InputError, match="lanes of bytes"):
        SequenceEngine(engine.weights).sequence(wrong)


def test_other_numbers_of_lanes_are_refused(engine):
    with pytest.raises(InputError, match="at least one lane, not 0"):
        engine.start(0)
    with pytest.raises(InputError, match="2 lanes and the data 3"):
        engine.extend(engine.start(2), np.zeros((3, 4), np.uint8))
    with pytest.raises(InputError, match="num_threads is 0"):
        StepEngine(engine.weights, num_threads=0)
