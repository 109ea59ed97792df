import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.codecs import get_codec
from tests.codecs.sources import awkward_sources
from tests.strategies import bit_lists

CODEC = get_codec("rle")
LONGEST = 65535


def written_by_hand(bits: list[int]) -> str:
    """The plain twin of the encoder."""
    text = "".join(map(str, bits[:1]))
    position = 0
    while position < len(bits):
        end = position
        while end < len(bits) and bits[end] == bits[position]:
            end += 1
        length, position = end - position, end
        while length > LONGEST:
            text += "0" * 16
            length -= LONGEST
        digits = f"{length:b}"
        text += "0" * (len(digits) - 1) + digits
    return text


def read_by_hand(payload: str, num_bits: int) -> tuple[list[int], int]:
    """The plain twin of the decoder: the bits, and how many payload bits they took."""
    if not payload or not num_bits:
        return [], 0
    bit, position = int(payload[0]), 1
    bits: list[int] = []
    while len(bits) < num_bits:
        zeros = len(payload[position : position + 16]) - len(
            payload[position : position + 16].lstrip("0")
        )
        size = 16 if zeros == 16 else 2 * zeros + 1
        if position + size > len(payload):
            break
        length = LONGEST if zeros == 16 else int(payload[position : position + size], 2)
        bits += [bit] * length
        bit = bit if zeros == 16 else 1 - bit
        position += size
    return bits[:num_bits], position


def array(text: str) -> np.ndarray:
    return np.array([int(c) for c in text], dtype=np.uint8)


@settings(max_examples=300)
@given(bit_lists(max_size=400))
def test_the_encoder_agrees_with_its_plain_twin(bits: list[int]):
    payload = CODEC.encode(np.array(bits, dtype=np.uint8))
    assert "".join(map(str, payload.tolist())) == written_by_hand(bits)


@settings(max_examples=300)
@given(bit_lists(max_size=400), st.integers(0, 3000))
def test_any_payload_decodes_as_its_plain_twin_says(payload: list[int], num_bits: int):
    decoded = CODEC.decode(np.array(payload, dtype=np.uint8), num_bits)
    bits, num_read = read_by_hand("".join(map(str, payload)), num_bits)
    assert decoded.bits.tolist() == bits
    assert decoded.num_read == num_read
    assert (decoded.problem is None) == (len(bits) == num_bits)


@pytest.mark.parametrize("source", awkward_sources(), ids=lambda s: f"{len(s)} bits")
def test_sources_of_every_kind_come_back(source: np.ndarray):
    payload = CODEC.encode(source)
    decoded = CODEC.decode(payload, len(source))
    assert np.array_equal(decoded.bits, source)
    assert decoded[1:] == (len(payload), None, None)
    assert len(payload) >= CODEC.min_payload_bits(len(source)) or not len(source)


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST, 200_000])
def test_runs_around_the_longest_length_are_written_as_the_twin_does(length: int):
    bits = [1, *[0] * length, 1]
    payload = CODEC.encode(np.array(bits, dtype=np.uint8))
    assert "".join(map(str, payload.tolist())) == written_by_hand(bits)
    assert CODEC.decode(payload, len(bits)).bits.tolist() == bits


def test_a_run_that_goes_beyond_the_source_ends_with_it():
    decoded = CODEC.decode(array("1" + "00111"), 3)
    assert decoded == CODEC.decode(array("1" + "00111"), 3)._replace(bits=decoded.bits)
    assert decoded.bits.tolist() == [1, 1, 1]
    assert decoded.problem is None


def test_a_cut_payload_gives_the_runs_that_are_complete_and_says_where_it_ends():
    decoded = CODEC.decode(array("0" + "1" + "011" + "00"), 9)
    assert decoded.bits.tolist() == [0, 1, 1, 1]
    assert decoded.num_read == 5
    assert decoded.problem == "the payload ends when 4 of 9 source bits are known"
    assert decoded.problem_position == 7


def test_no_payload_is_more_than_half_as_long_again_as_its_source():
    source = np.tile(np.array([0, 0, 1, 1], dtype=np.uint8), 5000)
    assert len(CODEC.encode(source)) == 1 + 3 * len(source) // 2
