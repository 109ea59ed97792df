import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.data import WindowSampler
from bit_transformer.errors import BitTransformerError, ConfigError, DataError, InputError

GOLDEN = [[367, 107, 987, 447], [277, 37, 517, 567], [64, 794, 424, 814]]


def epoch(sampler: WindowSampler, number: int) -> np.ndarray:
    """The offsets of one epoch, in the order of the steps."""
    first = number * sampler.num_windows
    steps = range(first // sampler.batch_size, (first + sampler.num_windows) // sampler.batch_size)
    offsets = np.concatenate([sampler.offsets(step) for step in [*steps, steps.stop]])
    start = first - steps.start * sampler.batch_size
    return offsets[start : start + sampler.num_windows]


@given(
    num_bytes=st.integers(1, 3000),
    window_bytes=st.integers(1, 100),
    batch_size=st.integers(1, 40),
    seed=st.integers(0, 2**64 - 1),
    number=st.integers(0, 5),
)
def test_an_epoch_visits_touching_windows_once_each(
    num_bytes: int, window_bytes: int, batch_size: int, seed: int, number: int
):
    if num_bytes < window_bytes:
        num_bytes += window_bytes
    sampler = WindowSampler(num_bytes, window_bytes, batch_size, seed)
    offsets = np.sort(epoch(sampler, number))
    assert offsets[0] >= 0
    assert offsets[-1] + window_bytes <= num_bytes
    assert set(np.diff(offsets)) <= {window_bytes}
    assert num_bytes - len(offsets) * window_bytes < 2 * window_bytes


@given(
    share=st.integers(1, 8),
    world_size=st.integers(1, 6),
    step=st.integers(0, 10**9),
    seed=st.integers(0, 2**32),
)
def test_the_shares_of_all_processes_make_up_the_batch_in_order(
    share: int, world_size: int, step: int, seed: int
):
    batch_size = share * world_size
    whole = WindowSampler(10_000, 16, batch_size, seed).offsets(step)
    shares = [
        WindowSampler(10_000, 16, batch_size, seed, rank, world_size).offsets(step)
        for rank in range(world_size)
    ]
    assert np.concatenate(shares).tolist() == whole.tolist()
    assert whole.dtype == np.int64
    assert {len(part) for part in shares} == {share}


def test_a_step_is_the_same_however_it_is_reached():
    one, other = (WindowSampler(5000, 32, 4, seed=3) for _ in range(2))
    in_order = [one.offsets(step).tolist() for step in range(100)]
    backwards = [other.offsets(step).tolist() for step in reversed(range(100))]
    assert in_order == backwards[::-1]


def test_epochs_differ_in_phase_and_order():
    sampler = WindowSampler(10_000, 64, 8, seed=0)
    phases = [epoch(sampler, number).min() for number in range(20)]
    orders = [tuple(np.argsort(epoch(sampler, number))) for number in range(20)]
    assert len(set(phases)) > 10
    assert len(set(orders)) == 20


def test_every_byte_is_seen_sooner_or_later():
    sampler = WindowSampler(47, 16, 1, seed=0)
    seen = np.zeros(47, bool)
    for step in range(500):
        offset = int(sampler.offsets(step)[0])
        seen[offset : offset + 16] = True
    assert seen.all()


def test_seeds_give_different_batches():
    batches = {tuple(WindowSampler(10**6, 64, 8, seed).offsets(0)) for seed in range(200)}
    assert len(batches) == 200


def test_a_single_window_fills_a_batch_by_being_seen_again():
    sampler = WindowSampler(16, 16, 5, seed=0)
    assert sampler.num_windows == 1
    assert sampler.offsets(7).tolist() == [0] * 5


def test_a_corpus_of_a_petabyte_is_sampled_like_a_small_one():
    sampler = WindowSampler(10**15, 1024, 64, seed=1)
    offsets = sampler.offsets(10**9)
    assert len(set(offsets.tolist())) == 64
    assert offsets.min() >= 0
    assert offsets.max() <= 10**15 - 1024


def test_epochs_count_how_often_the_split_was_gone_through():
    sampler = WindowSampler(1039, 10, 4, seed=0)
    assert sampler.num_windows == 103
    assert sampler.epochs(206) == 8.0


def test_the_batches_are_the_same_on_every_machine():
    sampler = WindowSampler(1000, 10, 4, seed=42)
    assert [sampler.offsets(step).tolist() for step in (0, 1, 1000)] == GOLDEN


def test_a_split_shorter_than_a_window_is_refused_with_both_lengths():
    with pytest.raises(DataError, match="has 100 bytes, and one context window needs 256"):
        WindowSampler(100, 256, 4, seed=0)


def test_a_batch_that_does_not_divide_among_the_processes_is_refused():
    with pytest.raises(ConfigError, match="a batch of 6 windows does not divide among 4"):
        WindowSampler(1000, 10, 6, seed=0, world_size=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window_bytes": 0}, "window_bytes is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"num_bytes": -1}, "num_bytes is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"rank": 1}, "rank 1 is not among 1"),
        ({"rank": -1}, "rank -1"),
        ({"world_size": 0}, "among 0 processes"),
    ],
)
def test_numbers_out_of_range_are_refused(change: dict, message: str):
    arguments = {"num_bytes": 100, "window_bytes": 10, "batch_size": 2, "seed": 0} | change
    with pytest.raises(BitTransformerError, match=message):
        WindowSampler(**arguments)


def test_a_negative_step_is_refused():
    with pytest.raises(InputError, match="step is -1"):
        WindowSampler(100, 10, 2, seed=0).offsets(-1)
