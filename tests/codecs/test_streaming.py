import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from typing_extensions import override

from bit_transformer.codecs import (
    Codec,
    Decoded,
    FrameDecoder,
    compress_bits,
    decompress_prefix,
    frame_header,
)
from bit_transformer.errors import BitsError
from tests.codecs.sources import ALL_CODECS, OWN_COMPLETE, PROSE, array_of
from tests.strategies import bit_lists, bit_tensors

PROSE_BITS = torch.from_numpy(array_of(PROSE))
sources = st.one_of(bit_tensors(max_size=300), st.just(PROSE_BITS[:403]))


def fed(decoder: FrameDecoder, frame: Tensor, size: int) -> list[Tensor]:
    return [decoder.feed(part) for part in frame.split(size)]


@settings(max_examples=200)
@given(sources, st.sampled_from(["auto", *ALL_CODECS, "lz", "zstd"]), st.integers(1, 40))
def test_parts_of_any_size_give_the_whole_source(bits: Tensor, codec: str, size: int):
    frame = compress_bits(bits, codec)
    decoder = FrameDecoder()
    parts = fed(decoder, frame, size)
    assert torch.equal(torch.cat([*parts, decoder.finish()]), bits)
    assert decoder.is_done
    assert decoder.error is None
    assert decoder.num_decoded == decoder.num_source_bits == len(bits)
    assert decoder.num_extra_bits == 0


@settings(max_examples=200)
@given(
    sources,
    st.sampled_from([*ALL_CODECS, "lz"]),
    st.integers(1, 40),
    st.lists(st.integers(0, 10_000), max_size=3),
    st.data(),
)
def test_damaged_and_cut_frames_give_what_they_give_as_a_whole(
    bits: Tensor, codec: str, size: int, flips: list[int], data
):
    frame = compress_bits(bits, codec).clone()
    for flip in flips:
        frame[flip % len(frame)] ^= 1
    frame = frame[: data.draw(st.integers(0, len(frame)))]
    whole = decompress_prefix(frame, max_bits=1 << 16)
    decoder = FrameDecoder(max_bits=1 << 16)
    parts = fed(decoder, frame, size)
    assert torch.equal(torch.cat([*parts, decoder.finish()]), whole.bits)
    assert decoder.is_done == whole.is_complete
    assert decoder.num_source_bits == whole.num_source_bits
    if not whole.is_complete:
        assert decoder.error is not None
        assert whole.error is not None
        assert decoder.error.reason == whole.error.reason
        assert decoder.error.bit_position == whole.error.bit_position


@pytest.mark.parametrize("codec", OWN_COMPLETE)
def test_complete_codes_give_bits_before_the_frame_has_ended(codec: str):
    frame = compress_bits(PROSE_BITS, codec)
    decoder = FrameDecoder()
    half = decoder.feed(frame[: len(frame) // 2])
    assert len(half) > len(PROSE_BITS) // 3
    assert torch.equal(half, PROSE_BITS[: len(half)])


@given(bit_lists(min_size=1500, max_size=1500), st.sampled_from(OWN_COMPLETE))
def test_after_a_forced_header_any_bits_decode_until_the_source_is_full(
    bits: list[int], codec: str
):
    decoder = FrameDecoder()
    decoder.feed(frame_header(codec, 100))
    for bit in torch.tensor(bits, dtype=torch.uint8).split(1):
        decoder.feed(bit)
        assert decoder.error is None
        if decoder.is_done:
            break
    assert decoder.is_done
    assert decoder.num_decoded == 100


class Inverted(Codec):
    name = "inverted-in-parts"
    number = 267
    is_complete = True

    @override
    def encode(self, bits: np.ndarray) -> np.ndarray:
        return 1 - bits

    @override
    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        bits = 1 - payload[:num_bits]
        problem = None if len(bits) == num_bits else "it is cut"
        return Decoded(bits, len(bits), problem, None if problem is None else len(bits))


def test_complete_codes_without_a_decoder_in_parts_give_bits_before_the_end_too():
    codec = Inverted()
    decoder = codec.start_decoding(5)
    parts = [decoder.feed(codec.encode(np.array([bit], dtype=np.uint8))) for bit in (1, 0, 0, 1)]
    assert [part.tolist() for part in parts] == [[1], [0], [0], [1]]
    assert not decoder.is_done
    assert decoder.finish().tolist() == []
    assert (decoder.problem, decoder.problem_position) == ("it is cut", 4)


def test_bits_after_the_frame_are_counted_and_not_looked_at():
    frame = compress_bits(PROSE_BITS, "rle")
    decoder = FrameDecoder()
    first = decoder.feed(torch.cat([frame, frame[:10]]))
    assert torch.equal(first, PROSE_BITS)
    assert len(decoder.feed(frame[:7])) == 0
    assert decoder.num_extra_bits == 17
    assert decoder.error is None


def test_the_dtype_of_what_comes_out_is_that_of_what_is_fed():
    frame = compress_bits(PROSE_BITS.bool(), "stored")
    assert FrameDecoder().feed(frame).dtype == torch.bool


def test_an_end_within_the_header_is_an_error_and_a_pause_is_not():
    decoder = FrameDecoder()
    decoder.feed(torch.zeros(2, dtype=torch.uint8))
    assert decoder.error is None
    assert decoder.codec is None
    decoder.finish()
    assert decoder.error is not None
    assert decoder.error.bit_position == 2


def test_a_declared_length_above_the_limit_stops_the_decoder():
    decoder = FrameDecoder(max_bits=99)
    decoder.feed(frame_header("rle", 100))
    assert decoder.error is not None
    assert "max_bits=99" in str(decoder.error)
    assert len(decoder.feed(torch.ones(5, dtype=torch.uint8))) == 0


def test_only_bits_are_fed():
    with pytest.raises(BitsError):
        FrameDecoder().feed(torch.tensor([2], dtype=torch.uint8))
