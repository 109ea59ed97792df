import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.data.permutation import MAX_ITEMS, mix, permute
from bit_transformer.errors import InputError

GOLDEN_ORDER = [5, 1, 7, 8, 6, 2, 9, 3, 0, 4]
GOLDEN_MIX = [16294208416658607535, 10451216379200822465, 16490336266968443936]

keys = st.integers(0, 2**64 - 1)


def order(num_items: int, key: int) -> list[int]:
    items = np.arange(num_items, dtype=np.uint64)
    return permute(items, num_items, np.full(num_items, key, np.uint64)).tolist()


@given(st.integers(1, 3000), keys)
def test_every_item_goes_to_a_place_of_its_own(num_items: int, key: int):
    assert sorted(order(num_items, key)) == list(range(num_items))


@pytest.mark.parametrize("num_items", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 1023, 1024, 1025, 65537])
def test_sizes_around_powers_and_squares_are_permuted_whole(num_items: int):
    assert sorted(order(num_items, 7)) == list(range(num_items))


@given(st.integers(10**6, MAX_ITEMS), keys, st.integers(0, 10**6 - 501))
def test_no_two_of_many_items_meet_in_a_huge_range(num_items: int, key: int, first: int):
    items = np.arange(first, first + 500, dtype=np.uint64)
    images = permute(items, num_items, np.full(500, key, np.uint64))
    assert len(set(images.tolist())) == 500
    assert int(images.max()) < num_items


def test_the_last_items_of_the_largest_range_do_not_overflow():
    items = np.arange(MAX_ITEMS - 100, MAX_ITEMS, dtype=np.uint64)
    images = permute(items, MAX_ITEMS, np.zeros(100, np.uint64))
    assert len(set(images.tolist())) == 100
    assert int(images.max()) < MAX_ITEMS


def test_each_item_follows_its_own_key():
    items = np.arange(50, dtype=np.uint64)
    mixed_keys = np.array([3, 4] * 25, np.uint64)
    both = permute(items, 50, mixed_keys).tolist()
    assert both == [order(50, 3 + i % 2)[i] for i in range(50)]


def test_different_keys_give_different_orders():
    assert len({tuple(order(20, key)) for key in range(1000)}) == 1000


def test_an_item_is_as_likely_in_every_place():
    num_items, num_keys = 7, 7000
    items = np.full(num_keys, 3, np.uint64)
    images = permute(items, num_items, np.arange(num_keys, dtype=np.uint64))
    counts = np.bincount(images.astype(np.int64), minlength=num_items)
    # 1000 expected in each place, with a standard deviation of about 29; keys are fixed.
    assert np.abs(counts - 1000).max() < 120


def test_neighbours_do_not_stay_neighbours():
    places = np.array(order(10_000, 1))
    assert np.mean(np.abs(np.diff(places)) == 1) < 0.002


def test_the_order_is_the_same_on_every_machine():
    assert order(10, 0) == GOLDEN_ORDER
    assert mix(np.array([0, 1, 2**64 - 1], np.uint64)).tolist() == GOLDEN_MIX


def test_the_hash_is_the_one_of_splitmix64():
    # The first output of splitmix64 seeded with 1234567, from its authors' reference program.
    assert mix(np.array([1234567], np.uint64)).tolist() == [6457827717110365317]


@pytest.mark.parametrize("num_items", [0, -1, MAX_ITEMS + 1])
def test_a_range_that_is_empty_or_too_large_is_refused(num_items: int):
    with pytest.raises(InputError, match=f"num_items is {num_items}"):
        permute(np.zeros(0, np.uint64), num_items, np.zeros(0, np.uint64))


def test_an_item_outside_the_range_is_refused():
    with pytest.raises(InputError, match="item 5 is not below num_items, 5"):
        permute(np.array([5], np.uint64), 5, np.zeros(1, np.uint64))
