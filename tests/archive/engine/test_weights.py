from dataclasses import replace

import numpy as np
import pytest

from bit_transformer.archive.engine.weights import EngineWeights, max_row_sum
from bit_transformer.errors import ArchiveError
from tests.archive.engine.engines import random_weights, small_shape


@pytest.fixture(scope="module")
def weights() -> EngineWeights:
    return random_weights(np.random.default_rng(0), small_shape())


def test_sums_of_products_up_to_the_bound_are_whole_numbers_of_float32():
    assert 255 * max_row_sum() < 2**24
    assert 255 * (max_row_sum() + 1) >= 2**24


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mix_scale", lambda a: a * np.nan, "not finite"),
        ("mix_scale", lambda a: a * 0, "scales outside"),
        ("read_scale", lambda a: -a, "scales outside"),
        ("reduce_scale", lambda a: a * np.float32(2.0**50), "scales outside"),
        ("value_skip", lambda a: a + np.float32(2.0**21), "gains beyond"),
        ("embedding_skip", lambda a: a + np.float32(np.inf), "not finite"),
        ("start", lambda a: a + (1 << 23), "beyond 2"),
        ("tables", lambda a: np.full_like(a, -128), "-128"),
        ("pieces", lambda a: a.astype(np.int32), "should be int16"),
        ("nodes", lambda a: a[1:], "of shape"),
    ],
)
def test_numbers_that_would_not_be_exact_are_refused(weights, name, change, message):
    array = change(getattr(weights, name))
    array = array.astype(getattr(weights, name).dtype) if message != "should be int16" else array
    with pytest.raises(ArchiveError, match=message):
        replace(weights, **{name: array}).check()


def test_rows_whose_sums_could_leave_float32_are_refused():
    shape = small_shape(hidden=600)
    weights = random_weights(np.random.default_rng(1), shape)
    heavy = np.full_like(weights.reduce, 127)
    with pytest.raises(ArchiveError, match="add up to 76200"):
        replace(weights, reduce=heavy).check()


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 4},
        {"head_dim": 5},
        {"head_dim": 12},
        {"window": 0},
        {"depth": 65},
        {"query_one": 12},
        {"residual_one": 12},
        {"residual_one": 8192},
        {"activation_one": 128},
        {"context_hash_bits": (0,)},
        {"context_hash_bits": (8,) * 17},
        {"logit_cap": float("nan")},
        {"logit_cap": 1e-9},
    ],
)
def test_sizes_that_no_engine_has_are_refused(changes):
    with pytest.raises(ArchiveError, match="not a model that the exact engine can run"):
        small_shape(**changes).check()
