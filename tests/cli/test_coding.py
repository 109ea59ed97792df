import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.bits import add_parity, bytes_to_bits, text_to_bits
from bit_transformer.cli.coding import Coding, Printer
from bit_transformer.errors import InputError
from tests.strategies import byte_strings, texts

PLAIN, PARITY = Coding(has_parity=False), Coding(has_parity=True)


def test_the_coding_is_read_from_the_metadata():
    assert Coding.of({"data": {"encoding": "parity"}}) == PARITY
    assert Coding.of({"data": {"encoding": "bytes"}}) == PLAIN
    assert Coding.of({}) == PLAIN


@given(byte_strings())
def test_what_is_encoded_decodes(data):
    bits = bytes_to_bits(data)
    for coding in (PLAIN, PARITY):
        coded = coding.encode(bits, "data")
        assert len(coded) == coding.num_bits(len(data))
        assert torch.equal(coding.decode(coded), bits)


def test_parity_needs_whole_bytes_and_drops_an_unfinished_one():
    with pytest.raises(InputError, match="the prompt has 3 bits"):
        PARITY.encode(torch.zeros(3, dtype=torch.uint8), "the prompt")
    coded = add_parity(text_to_bits("ab"))
    assert torch.equal(PARITY.decode(coded[:-1]), text_to_bits("a"))


@given(
    text=texts(),
    sizes=st.lists(st.integers(1, 20), min_size=1),
    coding=st.sampled_from([PLAIN, PARITY]),
)
def test_a_printer_shows_the_same_text_however_it_is_fed(text, sizes, coding):
    bits = coding.encode(text_to_bits(text), "text")
    printer, shown, first = Printer("text", coding, text_to_bits("")), [], 0
    while first < len(bits):
        size = sizes[first % len(sizes)]
        shown.append(printer.feed(bits[first : first + size]))
        first += size
    shown.append(printer.finish())
    assert "".join(shown) == printer.text == text


def test_hexadecimal_pads_an_unfinished_byte():
    printer = Printer("hex", PLAIN, text_to_bits(""))
    assert printer.feed(torch.tensor([1, 1, 1, 1, 0, 0, 0, 0, 1], dtype=torch.uint8)) == "f0"
    assert printer.finish() == "80"


def test_the_prompt_is_spelled_like_the_sample():
    prompt = text_to_bits("é")
    assert Printer("text", PLAIN, prompt).echo() == "é"
    assert Printer("hex", PLAIN, prompt).echo() == "c3a9"
    assert Printer("bits", PLAIN, prompt).echo() == "1100001110101001"
