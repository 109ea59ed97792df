"""The two implementations, and every way of calling them, give the same integers."""

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.archive.engine import SequenceEngine, StepEngine
from tests.archive.engine.engines import (
    random_data,
    random_shape,
    random_weights,
    small_shape,
)

SEEDS = st.integers(0, 2**32 - 1)


def step_by_step(engine: StepEngine, data: np.ndarray) -> np.ndarray:
    state = engine.start(len(data))
    predictions = []
    for t in range(data.shape[1]):
        predictions.append(engine.predict(state))
        engine.feed(state, data[:, t])
    return np.stack(predictions, axis=1)


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, is_extreme=st.booleans())
def test_compiled_steps_and_pytorch_agree_on_random_models(seed, is_extreme):
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, random_shape(rng), is_extreme=is_extreme)
    data = random_data(rng, int(rng.integers(1, 6)), int(rng.integers(1, 100)))
    engine = StepEngine(weights)
    whole = engine.sequence(data)
    assert np.array_equal(whole, SequenceEngine(weights).sequence(data))
    assert np.array_equal(whole, step_by_step(engine, data))


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_cuts_of_a_lane_and_the_company_of_lanes_change_nothing(seed):
    rng = np.random.default_rng(seed)
    engine = StepEngine(random_weights(rng, random_shape(rng)))
    data = random_data(rng, int(rng.integers(1, 65)), 40)
    whole = engine.sequence(data)
    state, parts, first = engine.start(len(data)), [], 0
    while first < data.shape[1]:
        size = int(rng.integers(1, 15))
        parts.append(engine.extend(state, data[:, first : first + size]))
        first += size
    assert np.array_equal(whole, np.concatenate(parts, axis=1))
    some = rng.permutation(len(data))[: rng.integers(1, 4)]
    assert np.array_equal(whole[some], engine.sequence(data[some]))


@pytest.mark.parametrize("num_threads", [2, 3, 8])
def test_the_number_of_threads_changes_nothing(num_threads):
    rng = np.random.default_rng(5)
    weights = random_weights(rng, small_shape())
    data = random_data(rng, 13, 50)
    many = StepEngine(weights, num_threads=num_threads)
    assert np.array_equal(StepEngine(weights).sequence(data), many.sequence(data))
    assert np.array_equal(many.sequence(data), step_by_step(many, data))


def test_states_are_used_from_several_threads_at_once():
    rng = np.random.default_rng(6)
    engine = StepEngine(random_weights(rng, small_shape()))
    data = random_data(rng, 4, 60)
    expected, found = engine.sequence(data), {}

    def work(lane: int) -> None:
        found[lane] = step_by_step(engine, data[lane : lane + 1])

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[lane], expected[lane : lane + 1]) for lane in range(4))


def test_long_lanes_agree_over_many_rounds_of_the_window():
    rng = np.random.default_rng(7)
    weights = random_weights(rng, small_shape(window=16))
    data = random_data(rng, 2, 16 * 40 + 3)
    whole = StepEngine(weights).sequence(data)
    assert np.array_equal(whole, SequenceEngine(weights).sequence(data))


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_float32_that_is_computed_from_rounded_inputs_changes_nothing(precision):
    rng = np.random.default_rng(8)
    weights = random_weights(rng, small_shape(width=64, head_dim=32, hidden=96))
    data = random_data(rng, 3, 50)
    expected = StepEngine(weights).sequence(data)
    old = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        found = SequenceEngine(weights).sequence(data)
    finally:
        torch.set_float32_matmul_precision(old)
    assert np.array_equal(expected, found)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_integers():
    rng = np.random.default_rng(9)
    for _ in range(20):
        weights = random_weights(rng, random_shape(rng))
        data = random_data(rng, 5, 80)
        expected = StepEngine(weights).sequence(data)
        assert np.array_equal(expected, SequenceEngine(weights, device="cuda").sequence(data))
