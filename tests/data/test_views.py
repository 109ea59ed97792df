import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.data.views import COMPRESSED, DIRECT, RAW, VIEW_NAMES, ViewMixture
from bit_transformer.errors import ConfigError, InputError
from bit_transformer.model.views import VIEWS

GOLDEN = [[2, 2, 2, 1], [2, 0, 1, 2], [0, 1, 0, 2]]


def test_the_views_are_those_of_the_model_in_its_order():
    assert VIEW_NAMES == VIEWS
    assert [VIEW_NAMES[place] for place in (RAW, COMPRESSED, DIRECT)] == list(VIEWS)


def test_the_choice_is_the_same_on_every_machine():
    mixture = ViewMixture(0.4, 0.3, seed=5)
    assert [mixture.choose(step, 0, 4).views.tolist() for step in (0, 1, 10**9)] == GOLDEN


@given(
    step=st.integers(0, 10**12),
    seed=st.integers(0, 2**64 - 1),
    share=st.integers(1, 5),
    world_size=st.integers(1, 4),
)
def test_the_choice_does_not_depend_on_the_number_of_processes(step, seed, share, world_size):
    mixture = ViewMixture(0.4, 0.3, codecs=("rle", "huffman", "lz"), seed=seed)
    whole = mixture.choose(step, 0, share * world_size)
    parts = [mixture.choose(step, rank * share, share) for rank in range(world_size)]
    assert np.array_equal(np.concatenate([part.views for part in parts]), whole.views)
    assert np.array_equal(np.concatenate([part.codecs for part in parts]), whole.codecs)


def test_each_view_and_each_codec_has_its_share():
    mixture = ViewMixture(0.5, 0.2, codecs=("rle", "lz"), codec_weights=(3, 1), seed=1)
    views, codecs = mixture.choose(7, 0, 40_000)
    shares = np.bincount(views, minlength=3) / len(views)
    # four standard deviations of a share of 40,000 draws are at most 0.01
    assert shares == pytest.approx([0.3, 0.5, 0.2], abs=0.01)
    assert np.bincount(codecs) / len(codecs) == pytest.approx([0.75, 0.25], abs=0.01)
    assert np.bincount(codecs[views == DIRECT]) / (views == DIRECT).sum() == pytest.approx(
        [0.75, 0.25], abs=0.02
    )


@pytest.mark.parametrize(("compress", "direct", "expected"), [(0, 0, 0), (1, 0, 1), (0, 1, 2)])
def test_a_certain_view_is_always_chosen(compress, direct, expected):
    mixture = ViewMixture(compress, direct)
    assert set(mixture.choose(3, 0, 1000).views.tolist()) == {expected}
    assert mixture.is_off == (expected == 0)


def test_a_more_probable_view_takes_rows_and_gives_none_back():
    some = ViewMixture(0, 0.3, seed=2).choose(0, 0, 1000).views
    more = ViewMixture(0, 0.6, seed=2).choose(0, 0, 1000).views
    assert np.all(more[some == DIRECT] == DIRECT)


@pytest.mark.parametrize(
    ("spent_share", "expected"), [(0.0, 0.0), (0.1, 0.25), (0.2, 0.5), (0.9, 0.5)]
)
def test_a_ramp_raises_a_probability_from_zero(spent_share, expected):
    for view, mixture in (
        (COMPRESSED, ViewMixture(compress_prob=0.5, compress_ramp=0.2)),
        (DIRECT, ViewMixture(direct_prob=0.5, direct_ramp=0.2)),
    ):
        views = mixture.choose(0, 0, 20_000, spent_share).views
        assert np.mean(views == view) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"compress_prob": 1.2}, r"compress_prob is 1\.2; a probability is from 0 to 1"),
        ({"direct_prob": -0.1}, r"direct_prob is -0\.1"),
        ({"compress_prob": float("nan")}, "compress_prob is nan"),
        ({"compress_prob": 0.5, "direct_prob": 0.8}, r"lower compress_prob to 0\.2"),
        ({"codecs": ()}, "names no codec"),
        ({"codecs": ("rle", "")}, "names no codec"),
        ({"codecs": ("rle",), "codec_weights": (1, 2)}, "2 codec_weights for 1 codecs"),
        ({"codecs": ("rle",), "codec_weights": (0.0,)}, "must be above 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        ViewMixture(**changes)


@pytest.mark.parametrize("numbers", [(-1, 0, 1), (0, -1, 1), (0, 0, -1)])
def test_negative_numbers_are_refused(numbers):
    with pytest.raises(InputError, match="must not be negative"):
        ViewMixture(0.5).choose(*numbers)


def test_no_rows_have_no_views():
    assert ViewMixture(0.5).choose(0, 0, 0).views.shape == (0,)
