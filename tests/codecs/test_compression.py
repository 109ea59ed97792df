import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.codecs import (
    AUTO_CODECS,
    compress_array,
    compress_bits,
    decompress_array,
    decompress_bits,
    decompress_prefix,
    frame_header,
    frame_info,
    get_codec,
)
from bit_transformer.codecs.header import write_header
from bit_transformer.errors import BitsError, CodecError, InputError
from tests.codecs.sources import ALL_CODECS, PROSE, array_of, awkward_sources
from tests.strategies import bit_lists, bit_tensors

PROSE_BITS = torch.from_numpy(array_of(PROSE))


def damaged(frame: Tensor, flips: list[int]) -> Tensor:
    frame = frame.clone()
    for flip in flips:
        frame[flip % len(frame)] ^= 1
    return frame


@settings(max_examples=300)
@given(bit_tensors(max_size=400), st.sampled_from(["auto", *ALL_CODECS]), st.booleans())
def test_bits_come_back_in_the_dtype_they_had(bits: Tensor, codec: str, is_bool: bool):
    bits = bits.bool() if is_bool else bits
    frame = compress_bits(bits, codec)
    assert frame.dtype == bits.dtype
    restored = decompress_bits(frame)
    assert restored.dtype == bits.dtype
    assert torch.equal(restored, bits)


@given(bit_tensors(max_size=400), st.sampled_from(["auto", *ALL_CODECS]))
def test_packed_frames_are_the_same_bits_in_bytes(bits: Tensor, codec: str):
    frame = compress_bits(bits, codec)
    packed = compress_bits(bits, codec, packed=True)
    assert packed.numpy().tobytes() == np.packbits(frame.numpy()).tobytes()
    assert torch.equal(decompress_bits(packed, packed=True), bits)


@pytest.mark.parametrize("codec", ["auto", *ALL_CODECS])
def test_sources_of_every_kind_come_back(codec: str):
    for source in awkward_sources():
        frame = compress_array(source, codec)
        assert np.array_equal(decompress_array(frame), source)
        assert len(frame) == len(compress_bits(torch.from_numpy(source), codec))


@given(bit_tensors(max_size=400))
def test_auto_is_the_smallest_of_what_it_tries_and_never_above_stored(bits: Tensor):
    size = len(compress_bits(bits))
    assert size == min(len(compress_bits(bits, codec)) for codec in AUTO_CODECS)
    assert size <= len(bits) + len(write_header(0, len(bits)))


def test_auto_tries_less_on_long_sources_and_still_shrinks_them():
    bits = PROSE_BITS.repeat(200)
    assert len(compress_bits(bits)) < 0.02 * len(bits)


@given(st.sampled_from(ALL_CODECS))
def test_an_empty_source_is_a_header_alone(codec: str):
    bits = torch.zeros(0, dtype=torch.uint8)
    frame = compress_bits(bits, codec)
    assert torch.equal(frame, frame_header(codec, 0))
    assert len(decompress_bits(frame)) == 0
    assert len(compress_bits(bits)) == 4


@settings(max_examples=200)
@given(
    st.one_of(bit_tensors(max_size=300), st.just(PROSE_BITS[:600])),
    st.sampled_from(["auto", *ALL_CODECS]),
    st.data(),
)
def test_a_frame_cut_anywhere_gives_a_prefix_and_the_place(bits: Tensor, codec: str, data):
    frame = compress_bits(bits, codec)
    size = data.draw(st.integers(0, len(frame) - 1))
    partial = decompress_prefix(frame[:size])
    assert torch.equal(partial.bits, bits[: len(partial.bits)])
    assert partial.error is not None
    assert partial.error.bit_position is not None
    assert partial.error.bit_position <= size
    assert partial.num_read <= size
    if partial.num_source_bits is None:
        assert partial.error.codec is None
    else:
        assert partial.num_source_bits == len(bits)
        assert partial.error.codec == partial.codec
    with pytest.raises(CodecError) as caught:
        decompress_bits(frame[:size])
    assert caught.value.codec == partial.error.codec


@settings(max_examples=300)
@given(
    st.one_of(bit_tensors(max_size=300), st.just(PROSE_BITS)),
    st.sampled_from(["auto", *ALL_CODECS]),
    st.lists(st.integers(0, 10_000), min_size=1, max_size=4),
)
def test_a_damaged_frame_gives_bits_or_a_codec_error(bits: Tensor, codec: str, flips: list[int]):
    frame = damaged(compress_bits(bits, codec), flips)
    partial = decompress_prefix(frame, max_bits=1 << 20)
    if partial.error is None:
        assert torch.equal(decompress_bits(frame, max_bits=1 << 20), partial.bits)
        assert partial.is_complete
    else:
        with pytest.raises(CodecError):
            decompress_bits(frame, max_bits=1 << 20)
    assert partial.is_complete == (len(partial.bits) == partial.num_source_bits)


@settings(max_examples=300)
@given(bit_lists(max_size=600))
def test_any_bits_at_all_give_bits_or_a_codec_error(bits: list[int]):
    partial = decompress_prefix(torch.tensor(bits, dtype=torch.uint8), max_bits=1 << 16)
    assert len(partial.bits) <= 1 << 16
    assert partial.error is not None or partial.is_complete


def test_an_error_names_codec_position_reason_and_fix():
    frame = compress_bits(PROSE_BITS, "huffman:english")
    with pytest.raises(CodecError) as caught:
        decompress_bits(frame[:-9])
    error = caught.value
    assert error.codec == "huffman"
    assert error.bit_position == len(frame) - 9
    for part in ("huffman", str(error.bit_position), error.reason, error.fix):
        assert part in str(error)


@pytest.mark.parametrize("codec", ALL_CODECS)
def test_bits_after_the_frame_are_an_error_whose_source_is_complete(codec: str):
    frame = compress_bits(PROSE_BITS, codec)
    longer = torch.cat([frame, frame[:3]])
    with pytest.raises(CodecError, match=r"the frame ends here, and 3 more bits follow"):
        decompress_bits(longer)
    partial = decompress_prefix(longer)
    assert partial.is_complete
    assert partial.num_read == len(frame)
    assert torch.equal(partial.bits, PROSE_BITS)
    assert partial.error is not None
    assert partial.error.bit_position == len(frame)


def test_what_fills_the_last_byte_of_a_packed_frame_must_be_zeros():
    packed = compress_bits(torch.ones(3, dtype=torch.uint8), "stored", packed=True)
    assert decompress_bits(packed, packed=True).tolist() == [1, 1, 1]
    packed[-1] |= 1
    with pytest.raises(CodecError, match="more bits follow"):
        decompress_bits(packed, packed=True)
    packed[-1] ^= 1
    with pytest.raises(CodecError, match="more bits follow"):
        decompress_bits(torch.cat([packed, packed[:0].new_zeros(1)]), packed=True)


@pytest.mark.parametrize("codec", ["stored", "rle", "huffman", "lz", "zstd", "deflate", "lzma"])
def test_a_hostile_length_is_refused_before_memory_is_taken(codec: str):
    number = get_codec(codec).number
    tail = torch.tensor([0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 1] * 40, dtype=torch.uint8)
    tracemalloc.start()
    try:
        for num_bits in (1 << 29, 1 << 30, (1 << 30) + 8, 1 << 40, (1 << 61) + 1):
            frame = torch.cat([torch.from_numpy(write_header(number, num_bits)), tail])
            with pytest.raises(CodecError):
                decompress_bits(frame)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_the_limit_is_the_callers():
    frame = compress_bits(torch.zeros(1000, dtype=torch.uint8))
    with pytest.raises(CodecError, match="declares 1000 source bits, more than max_bits=999"):
        decompress_bits(frame, max_bits=999)
    assert len(decompress_bits(frame, max_bits=1000)) == 1000
    partial = decompress_prefix(frame, max_bits=999)
    assert (len(partial.bits), partial.is_complete) == (0, False)
    with pytest.raises(CodecError, match="max_bits=10"):
        frame_info(frame, max_bits=10)


def test_no_bits_are_no_frame():
    with pytest.raises(CodecError, match="the bits end after 0, within the header"):
        decompress_bits(torch.zeros(0, dtype=torch.uint8))
    with pytest.raises(CodecError, match="within the header"):
        decompress_bits(torch.zeros(0, dtype=torch.uint8), packed=True)


def test_another_version_of_the_format_is_refused():
    with pytest.raises(CodecError, match="another version than 1"):
        decompress_bits(torch.ones(40, dtype=torch.uint8))


@pytest.mark.parametrize(
    "wrong",
    [
        [0, 1],
        torch.zeros(3),
        torch.zeros(3, dtype=torch.int64),
        torch.zeros(2, 3, dtype=torch.uint8),
        torch.tensor([0, 1, 2], dtype=torch.uint8),
        torch.tensor(1, dtype=torch.uint8),
    ],
    ids=str,
)
def test_what_is_not_a_bit_tensor_is_refused_in_both_directions(wrong):
    for function in (compress_bits, decompress_bits, decompress_prefix, frame_info):
        with pytest.raises(BitsError):
            function(wrong)


def test_a_packed_frame_must_be_bytes():
    with pytest.raises(BitsError, match="a packed frame is a uint8 tensor"):
        decompress_bits(torch.zeros(8, dtype=torch.bool), packed=True)


def test_settings_without_a_codec_that_has_them_are_refused():
    with pytest.raises(InputError, match="codec='auto' chooses the settings"):
        compress_bits(PROSE_BITS, level=3)
    with pytest.raises(InputError, match="'rle' has no dictionary"):
        compress_bits(PROSE_BITS, "rle", dictionary=b"abc")


def test_settings_may_stand_in_the_name_or_beside_it():
    by_name = compress_bits(PROSE_BITS, "huffman:english")
    assert torch.equal(by_name, compress_bits(PROSE_BITS, "huffman", table="english"))


def test_information_about_a_frame_adds_up():
    frame = compress_bits(PROSE_BITS, "huffman:english")
    info = frame_info(frame)
    assert (info.codec, info.num_source_bits) == ("huffman", len(PROSE_BITS))
    assert info.header_bits + info.num_payload_bits == len(frame)
    assert info.compressed_fraction == len(frame) / len(PROSE_BITS)
    assert math.isclose(info.compressed_fraction * info.compression_ratio, 1)
    empty = frame_info(compress_bits(PROSE_BITS[:0]))
    assert (empty.compressed_fraction, empty.compression_ratio) == (math.inf, 0.0)


@given(bit_tensors(min_size=1), st.sampled_from(ALL_CODECS))
def test_every_frame_begins_with_its_forced_header(bits: Tensor, codec: str):
    header = frame_header(codec, len(bits))
    assert torch.equal(compress_bits(bits, codec)[: len(header)], header)


def test_a_forced_header_needs_a_codec_and_a_length():
    with pytest.raises(InputError, match="codec='auto' has no header"):
        frame_header("auto", 8)
    with pytest.raises(InputError, match="num_source_bits=-1"):
        frame_header("rle", -1)


def test_a_tensor_that_is_not_contiguous_is_compressed_in_order():
    bits = torch.stack([PROSE_BITS, 1 - PROSE_BITS], dim=1)[:, 0]
    assert torch.equal(compress_bits(bits, "rle"), compress_bits(PROSE_BITS, "rle"))
