import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.codecs.header import MAX_HEADER_BITS, read_header, write_header
from bit_transformer.errors import CodecError
from tests.strategies import bit_lists

numbers = st.one_of(st.integers(0, 11), st.integers(12, 267))
lengths = st.one_of(st.integers(0, 300), st.integers(0, (1 << 62) - 2))


def bits_of(text: str) -> np.ndarray:
    return np.array([int(c) for c in text if c in "01"], dtype=np.uint8)


@given(numbers, lengths, bit_lists())
def test_a_header_comes_back_whatever_follows_it(number: int, length: int, rest: list[int]):
    header = write_header(number, length)
    found = read_header(np.concatenate([header, np.array(rest, dtype=np.uint8)]))
    assert found == (number, length, len(header))


@given(numbers, lengths)
def test_a_header_that_is_cut_is_not_taken_for_another(number: int, length: int):
    header = write_header(number, length)
    assert len(header) <= MAX_HEADER_BITS
    for size in range(len(header)):
        assert read_header(header[:size]) is None


@given(bit_lists(max_size=150))
def test_any_bits_are_a_header_or_cut_or_refused(bits: list[int]):
    try:
        found = read_header(np.array(bits, dtype=np.uint8))
    except CodecError:
        return
    if found is not None:
        assert (
            write_header(found.codec_number, found.num_source_bits).tolist()
            == (bits[: found.num_bits])
        )


@pytest.mark.parametrize(
    ("number", "length", "text"),
    [
        (0, 0, "00 0 1"),
        (1, 8, "01 0 0100"),
        (2, 24, "100 0 01100"),
        (3, 1, "101 1 0100"),
        (4, 13, "110000 1 00100110"),
        (11, 512, "110111 0 00111 000001"),
        (12, 0, "1110 00000000 0 1"),
        (267, 0, "1110 11111111 0 1"),
    ],
)
def test_headers_are_the_bits_of_the_specification(number: int, length: int, text: str):
    expected = bits_of(text)
    assert write_header(number, length).tolist() == expected.tolist()


def test_the_header_of_a_short_frame_takes_a_few_bits():
    assert len(write_header(1, 8 * 15)) == 12
    assert len(write_header(2, 8 * 125)) == 15


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1111", "another version"),
        ("00 0 0000001", "more than 62 digits"),
        ("00 0 000001 11111", "more than 62 digits"),
        ("00 1 00100001", "as if it were not whole bytes"),
    ],
)
def test_headers_that_no_writer_makes_are_refused(text: str, reason: str):
    with pytest.raises(CodecError, match=reason) as caught:
        read_header(bits_of(text + "0" * 80))
    assert caught.value.codec is None
    assert caught.value.bit_position is not None
