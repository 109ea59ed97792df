import hashlib
from fractions import Fraction
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.data.splitting import Part, Sized, choose_split

fractions = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.25, 0.4])


def sized(sizes: list[int]) -> list[Sized]:
    return [Sized(hashlib.sha256(str(i).encode()).hexdigest(), n) for i, n in enumerate(sizes)]


def split_sizes(parts: list[list[Part]]) -> dict[str, int]:
    totals = {"train": 0, "valid": 0, "test": 0}
    for part in chain.from_iterable(parts):
        totals[part.split] += part.num_bytes
    return totals


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=200), fractions, fractions)
def test_every_byte_of_every_file_gets_exactly_one_side(
    sizes: list[int], valid: float, test: float
):
    method, parts = choose_split(sized(sizes), valid, test)
    for size, file_parts in zip(sizes, parts, strict=True):
        ends = [0]
        for part in file_parts:
            assert part.start == ends[-1]
            assert part.num_bytes > 0
            ends.append(part.start + part.num_bytes)
        assert ends[-1] == size
        assert method == "cut files" or len(file_parts) == 1


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=200), fractions, fractions)
def test_each_split_comes_near_its_share(sizes: list[int], valid: float, test: float):
    method, parts = choose_split(sized(sizes), valid, test)
    totals = split_sizes(parts)
    for name, share in (("valid", valid), ("test", test)):
        asked = share * sum(sizes)
        if method == "whole files":
            assert 0.75 * asked - 1 <= totals[name] <= 1.25 * asked + 1
        else:
            assert abs(totals[name] - asked) <= len(sizes)


def test_many_files_are_assigned_whole():
    method, parts = choose_split(sized([1000] * 500), 0.05, 0.05)
    assert method == "whole files"
    assert split_sizes(parts) == {"train": 450_000, "valid": 25_000, "test": 25_000}


def test_few_files_are_cut_with_training_first_and_the_test_last():
    method, parts = choose_split(sized([1000, 10]), 0.1, 0.2)
    assert method == "cut files"
    assert parts == [
        [Part("train", 0, 700), Part("valid", 700, 100), Part("test", 800, 200)],
        [Part("train", 0, 7), Part("valid", 7, 1), Part("test", 8, 2)],
    ]


def test_decimal_shares_are_meant_exactly():
    size = 1_115_394
    _, parts = choose_split(sized([size]), 0.1, 0.0)
    assert parts == [[Part("train", 0, 1_003_854), Part("valid", 1_003_854, 111_540)]]
    assert parts[0][0].num_bytes == int(Fraction(9, 10) * size)


def test_one_huge_file_beside_many_small_ones_is_cut():
    method, _ = choose_split(sized([10**8] + [20_000] * 1000), 0.05, 0.05)
    assert method == "cut files"


def test_a_large_file_among_many_goes_to_training():
    method, parts = choose_split(sized([500_000] + [10_000] * 500), 0.05, 0.05)
    assert method == "whole files"
    assert parts[0] == [Part("train", 0, 500_000)]


def test_the_sides_do_not_depend_on_the_order_of_the_files():
    files = sized(list(range(1000, 1500)))
    forwards = dict(zip(files, choose_split(files, 0.05, 0.05)[1], strict=True))
    backwards = dict(zip(files[::-1], choose_split(files[::-1], 0.05, 0.05)[1], strict=True))
    assert forwards == backwards


def test_nearly_all_files_keep_their_side_when_others_are_added():
    files = sized([1000] * 1000)
    before = choose_split(files[:900], 0.05, 0.05)[1]
    after = choose_split(files, 0.05, 0.05)[1]
    num_moved = sum(old != new for old, new in zip(before, after, strict=False))
    assert num_moved <= 20


def test_nothing_is_held_out_where_nothing_is_asked_for():
    assert choose_split(sized([5, 6]), 0.0, 0.0) == (
        "whole files",
        [[Part("train", 0, 5)], [Part("train", 0, 6)]],
    )
