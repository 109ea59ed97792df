import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import GenerationError, InputError
from bit_transformer.generation import Sampling
from bit_transformer.generation.sampling import choose


def _draws(probs: list[float], sampling: Sampling, num: int = 4001) -> list[float]:
    """The shares with which values are drawn, over evenly spread random numbers."""
    log_probs = torch.tensor(probs).log().expand(num, -1)
    uniforms = torch.linspace(0, 1, num + 1, dtype=torch.float64)[:-1]
    values = choose(log_probs, uniforms, sampling)
    return (torch.bincount(values, minlength=len(probs)) / num).tolist()


def test_draws_follow_the_probabilities():
    assert _draws([0.5, 0.2, 0.3], Sampling()) == pytest.approx([0.5, 0.2, 0.3], abs=1e-3)


def test_temperature_sharpens_and_flattens():
    expected = torch.softmax(torch.tensor([0.5, 0.2, 0.3]).log() / 0.5, 0).tolist()
    assert _draws([0.5, 0.2, 0.3], Sampling(temperature=0.5)) == pytest.approx(expected, abs=1e-3)
    flat = _draws([0.5, 0.2, 0.3], Sampling(temperature=1e9))
    assert flat == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_a_tiny_temperature_is_nearly_greedy_and_not_a_fault():
    assert _draws([0.5, 0.2, 0.3], Sampling(temperature=1e-30)) == [1, 0, 0]


def test_temperature_zero_and_top_1_take_the_most_probable_value():
    for sampling in (Sampling(temperature=0), Sampling(top_k=1)):
        assert sampling.is_greedy
        assert _draws([0.2, 0.5, 0.3], sampling) == [0, 1, 0]


def test_top_k_keeps_the_k_most_probable_values():
    expected = [0, 0.5 / 0.8, 0.3 / 0.8]
    assert _draws([0.2, 0.5, 0.3], Sampling(top_k=2)) == pytest.approx(expected, abs=1e-3)
    assert _draws([0.2, 0.5, 0.3], Sampling(top_k=99)) == pytest.approx([0.2, 0.5, 0.3], abs=1e-3)


def test_top_p_keeps_the_smallest_set_that_reaches_p():
    probs = [0.1, 0.5, 0.4]
    assert _draws(probs, Sampling(top_p=0.45)) == [0, 1, 0]
    expected = [0, 5 / 9, 4 / 9]
    assert _draws(probs, Sampling(top_p=0.55)) == pytest.approx(expected, abs=1e-3)
    assert _draws(probs, Sampling(top_p=1.0)) == pytest.approx(probs, abs=1e-3)


def test_top_p_applies_to_what_top_k_has_kept():
    # Of 0.5 and 0.4, renormalised, the first alone has 0.556 of the probability.
    probs = [0.1, 0.5, 0.4]
    assert _draws(probs, Sampling(top_k=2, top_p=0.55)) == [0, 1, 0]


@given(
    scores=st.lists(st.floats(-30, 0), min_size=2, max_size=16),
    uniform=st.floats(0, 1, exclude_max=True),
    temperature=st.floats(1e-3, 10),
    top_k=st.none() | st.integers(1, 20),
    top_p=st.none() | st.floats(0, 1, exclude_min=True),
    data=st.data(),
)
def test_only_allowed_values_are_ever_drawn(scores, uniform, temperature, top_k, top_p, data):
    allowed = data.draw(
        st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)).filter(any)
    )
    log_probs = torch.tensor([scores]).log_softmax(-1)
    value = choose(
        log_probs,
        torch.tensor([uniform], dtype=torch.float64),
        Sampling(temperature, top_k, top_p),
        torch.tensor([allowed]),
    )
    assert allowed[int(value)]


def test_the_largest_random_number_draws_no_impossible_value():
    log_probs = torch.tensor([[0.5, 0.5, 0.0]]).log()
    largest = torch.tensor([1 - 2**-53], dtype=torch.float64)
    assert int(choose(log_probs, largest, Sampling())) == 1


def test_predictions_that_are_no_numbers_are_refused():
    with pytest.raises(GenerationError, match="not finite"):
        choose(torch.full((1, 4), math.nan), torch.zeros(1).double(), Sampling())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature must be .* got -0.1"),
        ({"temperature": math.inf}, "temperature must be .* got inf"),
        ({"temperature": math.nan}, "temperature must be .* got nan"),
        ({"top_k": 0}, "top_k must be .* got 0"),
        ({"top_k": 1.5}, r"top_k must be .* got 1\.5"),
        ({"top_p": 0.0}, r"top_p must lie .* got 0\.0"),
        ({"top_p": 1.1}, r"top_p must lie .* got 1\.1"),
        ({"top_p": math.nan}, "top_p must lie .* got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Sampling(**settings)
