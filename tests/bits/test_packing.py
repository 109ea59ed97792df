import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.bits import (
    bits_to_bytes,
    bytes_to_bits,
    check_bits,
    pack_bits,
    unpack_bits,
)
from bit_transformer.bits.packing import _CACHED_BITS, _pack_with_shifts, _unpack_with_shifts
from bit_transformer.errors import BitsError, InputError
from tests.strategies import bit_tensors, byte_strings


def packed_by_hand(bits: list[int]) -> list[int]:
    """The plain twin: most significant bit first, zeros at the end."""
    padded = bits + [0] * (-len(bits) % 8)
    octets = [padded[i : i + 8] for i in range(0, len(padded), 8)]
    return [int("".join(map(str, octet)), 2) for octet in octets]


def test_the_most_significant_bit_comes_first():
    assert bytes_to_bits(b"\x80\x01").tolist() == [1] + [0] * 14 + [1]


@given(byte_strings())
def test_bytes_come_back_from_their_bits(data: bytes):
    bits = bytes_to_bits(data)
    assert bits.dtype == torch.uint8
    assert bits.shape == (8 * len(data),)
    assert bits_to_bytes(bits) == data


@given(byte_strings())
def test_every_kind_of_byte_string_gives_the_same_bits(data: bytes):
    expected = bytes_to_bits(data)
    array = np.frombuffer(data, dtype=np.uint8)
    for same in (bytearray(data), memoryview(data), array):
        assert torch.equal(bytes_to_bits(same), expected)


def test_a_view_with_gaps_is_read_in_its_own_order():
    assert torch.equal(bytes_to_bits(memoryview(b"abcd")[::-2]), bytes_to_bits(b"db"))


@given(bit_tensors())
def test_packing_agrees_with_packing_by_hand(bits: Tensor):
    assert pack_bits(bits).tolist() == packed_by_hand(bits.tolist())


@given(bit_tensors())
def test_any_number_of_bits_comes_back_from_packed_bytes(bits: Tensor):
    assert torch.equal(unpack_bits(pack_bits(bits), len(bits)), bits)


@given(bit_tensors(min_size=1))
def test_bool_packs_like_uint8(bits: Tensor):
    assert torch.equal(pack_bits(bits.bool()), pack_bits(bits))


@given(st.integers(0, 3), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_each_row_of_a_batch_is_packed_on_its_own(num_rows: int, num_bits: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_rows, num_bits), dtype=torch.uint8, generator=generator)
    packed = pack_bits(bits)
    assert packed.shape == (num_rows, -(-num_bits // 8))
    for row, packed_row in zip(bits, packed, strict=True):
        assert torch.equal(packed_row, pack_bits(row))
    assert torch.equal(unpack_bits(packed, num_bits), bits)


@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_shifts_agree_with_numpy(num_rows: int, num_bits: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (num_rows, num_bits), dtype=torch.uint8, generator=generator)
    packed = pack_bits(bits)
    assert torch.equal(_pack_with_shifts(bits), packed)
    assert torch.equal(_unpack_with_shifts(packed), unpack_bits(packed))


def test_bits_that_are_not_contiguous_are_packed_in_order():
    bits = torch.tensor([[1, 0], [1, 1], [0, 1]], dtype=torch.uint8)
    assert torch.equal(pack_bits(bits.T), pack_bits(bits.T.contiguous()))
    assert torch.equal(pack_bits(bits[:, 0]), pack_bits(bits[:, 0].contiguous()))


def test_more_bits_than_one_part_holds_are_packed_whole():
    bits = torch.ones(2 * _CACHED_BITS + 13, dtype=torch.uint8)
    bits[::3] = 0
    assert pack_bits(bits).tolist() == np.packbits(bits.numpy()).tolist()


@pytest.mark.parametrize("position", [0, 7, _CACHED_BITS, _CACHED_BITS + 5])
def test_a_value_that_is_no_bit_is_named_with_its_position(position: int):
    bits = torch.zeros(_CACHED_BITS + 6, dtype=torch.uint8)
    bits[position] = 7
    with pytest.raises(BitsError, match=f"has 7 at position {position};"):
        pack_bits(bits)
    with pytest.raises(BitsError, match=f"has 7 at position {position};"):
        check_bits(bits)


def test_a_wrong_value_in_a_batch_is_named_by_row_and_bit():
    bits = torch.zeros(2, 16, dtype=torch.uint8)
    bits[1, 3] = 255
    with pytest.raises(BitsError, match=r"has 255 at position \(1, 3\)"):
        pack_bits(bits)


def test_checked_bits_share_the_memory_of_what_was_given():
    for dtype in (torch.uint8, torch.bool):
        bits = torch.tensor([0, 1], dtype=dtype)
        checked = check_bits(bits, dims=1)
        assert checked.dtype == torch.uint8
        assert checked.data_ptr() == bits.data_ptr()


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ([0, 1], "torch.tensor"),
        (b"\x01", "bytes_to_bits"),
        (None, "NoneType"),
        (torch.zeros(3), "logits > 0"),
        (torch.zeros(3, dtype=torch.int64), r"prompt\.to\(torch\.uint8\)"),
        (torch.zeros(3, dtype=torch.int8), "got torch.int8"),
    ],
)
def test_what_is_not_a_bit_tensor_is_refused_with_the_way_to_make_one(wrong: object, advice: str):
    with pytest.raises(BitsError, match=advice):
        check_bits(wrong, name="prompt")  # pyright: ignore[reportArgumentType]


def test_other_dimensions_than_asked_for_are_refused():
    bits = torch.zeros(2, 3, 4, dtype=torch.uint8)
    with pytest.raises(BitsError, match=r"shape \(T,\) or \(B, T\), got \(2, 3, 4\)"):
        check_bits(bits, dims=(1, 2))
    with pytest.raises(BitsError, match=r"shape \(T,\), got"):
        check_bits(bits, dims=1)
    with pytest.raises(BitsError, match="no dimension"):
        pack_bits(torch.tensor(1, dtype=torch.uint8))


def test_bits_that_are_not_whole_bytes_are_refused_unless_padded():
    bits = torch.ones(11, dtype=torch.uint8)
    with pytest.raises(BitsError, match="11 bits are not whole bytes; pass pad=True"):
        bits_to_bytes(bits)
    assert bits_to_bytes(bits, pad=True) == b"\xff\xe0"


@pytest.mark.parametrize("num_bits", [-1, 17])
def test_more_bits_than_there_are_cannot_be_unpacked(num_bits: int):
    with pytest.raises(InputError, match="choose 0 to 16"):
        unpack_bits(torch.zeros(2, dtype=torch.uint8), num_bits)


@pytest.mark.parametrize("wrong", [[1], torch.zeros(2), torch.tensor(3, dtype=torch.uint8)])
def test_only_packed_bytes_are_unpacked(wrong: object):
    with pytest.raises(BitsError, match="packed bits must be"):
        unpack_bits(wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("wrong", ["text", 3, None, np.zeros(3), np.zeros((2, 2), np.uint8)])
def test_only_bytes_become_bits(wrong: object):
    with pytest.raises(InputError):
        bytes_to_bits(wrong)  # pyright: ignore[reportArgumentType]
