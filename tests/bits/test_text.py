from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.bits import Utf8Stream, bits_to_text, bytes_to_bits, text_to_bits
from bit_transformer.errors import BitsError, InputError
from tests.strategies import byte_strings, texts


@given(texts())
def test_text_comes_back_from_its_bits(text: str):
    assert bits_to_text(text_to_bits(text)) == text


def test_half_a_surrogate_pair_is_refused_with_its_position():
    with pytest.raises(InputError, match="position 2"):
        text_to_bits("ab\ud800")


def test_bytes_are_no_text():
    with pytest.raises(InputError, match="bytes_to_bits"):
        text_to_bits(b"ab")  # pyright: ignore[reportArgumentType]


def test_bits_that_are_not_utf8_are_refused_or_marked():
    bits = bytes_to_bits(b"a\xffb")
    with pytest.raises(BitsError, match="byte 0xff at position 1"):
        bits_to_text(bits)
    assert bits_to_text(bits, errors="replace") == "a\ufffdb"


@given(st.one_of(byte_strings(), texts().map(str.encode)), st.data())
def test_a_stream_yields_the_same_text_however_it_is_cut(data: bytes, draw: st.DataObject):
    bits = bytes_to_bits(data)
    cuts = draw.draw(st.lists(st.integers(0, len(bits)), max_size=8))
    edges = [0, *sorted(cuts), len(bits)]
    stream = Utf8Stream()
    parts = [stream.feed(bits[a:b]) for a, b in pairwise(edges)]
    assert "".join(parts) + stream.finish() == data.decode(errors="replace")


@given(texts())
def test_a_stream_of_single_bits_never_shows_a_part_of_a_character(text: str):
    stream = Utf8Stream()
    parts = [stream.feed(bit.reshape(1)) for bit in text_to_bits(text)]
    assert [part for part in parts if part] == list(text)
    assert stream.finish() == ""


def test_a_stream_that_ends_within_a_character_marks_it_and_begins_afresh():
    stream = Utf8Stream()
    assert stream.feed(text_to_bits("é")[:11]) == ""
    assert stream.num_pending_bits == 3
    assert stream.finish() == "\ufffd"
    assert stream.num_pending_bits == 0
    assert stream.feed(text_to_bits("ok")) == "ok"


def test_a_stream_takes_only_one_row_of_bits():
    with pytest.raises(BitsError, match="shape"):
        Utf8Stream().feed(torch.zeros(1, 8, dtype=torch.uint8))
