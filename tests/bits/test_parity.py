import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.bits import add_parity, bytes_to_bits, check_parity, strip_parity
from bit_transformer.errors import BitsError
from tests.strategies import byte_strings


def test_the_ninth_bit_makes_the_number_of_ones_even():
    groups = add_parity(bytes_to_bits(b"\x00\x01\x03\xfe")).reshape(4, 9)
    assert groups[:, 8].tolist() == [0, 1, 0, 1]
    assert (groups.sum(1) % 2 == 0).all()


@given(byte_strings())
def test_coded_bits_are_clean_and_give_the_data_back(data: bytes):
    bits = bytes_to_bits(data)
    coded = add_parity(bits)
    report = check_parity(coded)
    assert report.is_clean
    assert torch.equal(report.data_bits, bits)
    assert torch.equal(strip_parity(coded), bits)


@given(byte_strings(min_size=1), st.data())
def test_flipped_bits_are_found_where_they_are(data: bytes, draw: st.DataObject):
    coded = add_parity(bytes_to_bits(data))
    wrong = draw.draw(st.sets(st.integers(0, len(data) - 1)))
    for byte in wrong:
        coded[9 * byte + draw.draw(st.integers(0, 8))] ^= 1
    report = check_parity(coded)
    assert report.error_positions.tolist() == sorted(wrong)
    assert report.num_errors == len(wrong)


def test_two_flips_in_one_group_go_unnoticed():
    coded = add_parity(bytes_to_bits(b"A"))
    coded[:2] ^= 1
    assert check_parity(coded).is_clean


def test_errors_in_a_batch_are_named_by_row_and_byte():
    coded = add_parity(bytes_to_bits(b"abcdef").reshape(2, 24))
    coded[1, 9 * 2 + 4] ^= 1
    report = check_parity(coded)
    assert report.error_positions.tolist() == [[1, 2]]
    assert report.data_bits.shape == (2, 24)


@pytest.mark.parametrize(
    ("function", "num_bits"), [(add_parity, 9), (check_parity, 8), (strip_parity, 10)]
)
def test_incomplete_groups_are_refused(function, num_bits: int):
    with pytest.raises(BitsError, match=f"{num_bits} bits are not whole groups"):
        function(torch.zeros(num_bits, dtype=torch.uint8))


@pytest.mark.parametrize("function", [add_parity, check_parity, strip_parity])
@pytest.mark.parametrize(
    "wrong",
    [torch.zeros(72), torch.full((72,), 2, dtype=torch.uint8), torch.zeros(1, 1, 72).bool()],
)
def test_only_bits_are_coded(function, wrong: Tensor):
    with pytest.raises(BitsError):
        function(wrong)
