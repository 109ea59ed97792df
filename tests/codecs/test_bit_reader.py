import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.codecs.bit_reader import BitReader, EndOfBitsError


@given(st.lists(st.integers(0, 2**12 - 1), max_size=20), st.integers(0, 9))
def test_numbers_come_back_one_after_the_other(numbers, num_before):
    bits = [1] * num_before + [int(digit) for n in numbers for digit in f"{n:012b}"]
    reader = BitReader(bits, num_before)
    assert [reader.read(12) for _ in numbers] == numbers
    assert reader.is_at_end


def test_a_number_that_is_cut_is_not_read_at_all():
    reader = BitReader([1, 0, 1])
    with pytest.raises(EndOfBitsError):
        reader.read(4)
    assert reader.position == 0
    assert reader.read(3) == 0b101


@pytest.mark.parametrize(("most", "count", "position"), [(9, 3, 4), (3, 3, 3), (2, 2, 2)])
def test_zeros_are_counted_up_to_the_most_and_the_one_behind_is_skipped(most, count, position):
    reader = BitReader([0, 0, 0, 1, 1])
    assert reader.zeros(most) == count
    assert reader.position == position
