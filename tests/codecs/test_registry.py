import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from typing_extensions import override

from bit_transformer.codecs import (
    Codec,
    Decoded,
    FrameDecoder,
    codec_names,
    compress_bits,
    decompress_bits,
    decompress_prefix,
    get_codec,
    register_codec,
    registry,
)
from bit_transformer.errors import CodecError, InputError


class Reversed(Codec):
    """A codec written on single bits, as a user would write one."""

    name = "reversed"
    number = 12

    @override
    def encode(self, bits: np.ndarray) -> np.ndarray:
        return bits[::-1]

    @override
    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        if len(payload) < num_bits:
            return Decoded(payload[:0], 0, "the end is missing", len(payload))
        return Decoded(payload[:num_bits][::-1], num_bits)


@pytest.fixture
def restored() -> Iterator[None]:
    """What is registered in a test is gone after it."""
    before = dict(registry._loaded)
    yield
    registry._loaded.clear()
    registry._loaded.update(before)


@pytest.mark.usefixtures("restored")
def test_a_registered_codec_is_one_like_the_others():
    register_codec(Reversed())
    assert codec_names()[-1] == "reversed"
    bits = torch.tensor([1, 1, 0, 1, 0, 0, 0, 0, 1], dtype=torch.uint8)
    frame = compress_bits(bits, "reversed")
    assert torch.equal(decompress_bits(frame), bits)
    decoder = FrameDecoder()
    assert [decoder.feed(part).numel() for part in frame.split(2)] == [0] * len(frame.split(2))
    assert torch.equal(decoder.finish(), bits)
    assert decoder.is_done
    partial = decompress_prefix(frame[:-1])
    assert partial.error is not None
    assert partial.error.reason == "the end is missing"
    assert partial.error.bit_position == len(frame) - 1


@pytest.mark.usefixtures("restored")
def test_the_frame_of_a_codec_that_is_not_registered_is_refused_by_its_number():
    frame = compress_bits(torch.ones(3, dtype=torch.uint8), Reversed())
    with pytest.raises(CodecError, match="no codec has the number 12; register it"):
        decompress_bits(frame)
    register_codec(Reversed())
    assert decompress_bits(frame).tolist() == [1, 1, 1]


@pytest.mark.usefixtures("restored")
def test_names_and_numbers_are_taken_once():
    register_codec(Reversed())
    with pytest.raises(InputError, match="a codec 'reversed' already"):
        register_codec(Reversed())
    other = Reversed()
    other.name = "other"
    with pytest.raises(InputError, match="'reversed' has the number 12 already"):
        register_codec(other)


@pytest.mark.parametrize("name", ["auto", "", "with space", "Upper", "a:b"])
def test_names_that_could_not_be_asked_for_are_refused(name: str):
    codec = Reversed()
    codec.name = name
    with pytest.raises(InputError, match="cannot name a codec"):
        register_codec(codec)


@pytest.mark.parametrize("number", [-1, 0, 11, 268])
def test_numbers_of_the_library_and_beyond_the_format_are_refused(number: int):
    codec = Reversed()
    codec.number = number
    with pytest.raises(InputError, match="choose one from 12 to 267"):
        register_codec(codec)


def test_only_codecs_are_registered():
    with pytest.raises(InputError, match="call the class first"):
        register_codec(Reversed)  # pyright: ignore[reportArgumentType]


def test_an_unknown_codec_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=r"no codec 'lzw'; choose from stored, huffman, rle"):
        get_codec("lzw")
    with pytest.raises(InputError, match="got int"):
        get_codec(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rle:english", "'rle' has no table"),
        ("rle:3", "'rle' has no level"),
        ("huffman:9", "'huffman' has no level"),
        ("huffman:klingon", "no shared table 'klingon'; choose from english"),
    ],
)
def test_settings_that_a_codec_does_not_have_are_refused(name: str, message: str):
    with pytest.raises(InputError, match=message):
        get_codec(name)


def test_a_codec_comes_back_as_it_is():
    codec = Reversed()
    assert get_codec(codec) is codec
    assert get_codec("rle") is get_codec("rle")


def test_each_number_belongs_to_one_codec_that_says_the_same():
    for name in ("stored", "rle", "huffman", "lz", "zstd", "deflate", "lzma"):
        codec = get_codec(name)
        assert codec.name == name
        assert registry.codec_by_number(codec.number) is codec


def test_asking_for_names_loads_neither_numba_nor_pytorch():
    program = (
        "import sys; from bit_transformer.codecs import codec_names; codec_names(); "
        "sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_arrays_are_compressed_without_pytorch():
    program = (
        "import sys, numpy; from bit_transformer.codecs import compress_array; "
        "compress_array(numpy.zeros(9, numpy.uint8), 'rle'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
