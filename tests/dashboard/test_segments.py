"""What the view of a bit stream says, against the codecs that wrote the bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.codecs.codec import Packed, pack
from bit_transformer.codecs.frame import frame_codec, open_header, read_frame, write_frame
from bit_transformer.codecs.registry import codec_names, get_codec
from bit_transformer.dashboard.worker.inspecting import segments_of
from bit_transformer.dashboard.worker.segments import Segment
from bit_transformer.errors import CodecError

CODECS = [*codec_names(), "huffman:english", "huffman:bytes"]
SOURCES = st.one_of(
    st.binary(max_size=60).map(lambda data: np.unpackbits(np.frombuffer(data, dtype=np.uint8))),
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 90)), max_size=12).map(
        lambda runs: np.concatenate(
            [np.zeros(0, np.uint8), *(np.full(size, bit, np.uint8) for bit, size in runs)]
        )
    ),
    st.lists(st.sampled_from([b"ab", b"hello ", b"\0\0\0\0", b"x"]), max_size=30).map(
        lambda words: np.unpackbits(np.frombuffer(b"".join(words), dtype=np.uint8))
    ),
)


def explained(frame: Packed, last_bit: int = 1 << 20) -> list[Segment]:
    header = open_header(frame, max_bits=1 << 30)
    content = read_frame(frame, is_padded=True, wants_prefix=True)
    return segments_of(frame, header, content.num_read, last_bit)


def covers(segments: list[Segment], num_bits: int) -> bool:
    ends = [one.start + one.num_bits for one in segments]
    starts = [one.start for one in segments]
    return starts == [0, *ends[:-1]] and ends[-1] == num_bits


@given(SOURCES, st.sampled_from(CODECS))
def test_every_bit_of_a_frame_has_a_meaning_and_none_is_left_unread(source: np.ndarray, name: str):
    frame = write_frame(pack(source), get_codec(name))
    segments = explained(frame)
    assert covers(segments, frame.num_bits)
    assert "unread" not in {one.kind for one in segments}
    assert [one.kind for one in segments[:3]] == ["header"] * 3


@given(SOURCES.filter(len))
def test_the_runs_of_rle_are_those_of_the_source(source: np.ndarray):
    segments = explained(write_frame(pack(source), "rle"))
    lengths = [int(one.label.split()[0].replace(",", "")) for one in segments if one.kind == "run"]
    borders = np.flatnonzero(np.diff(source)) + 1
    assert lengths == np.diff(np.array([0, *borders.tolist(), len(source)])).tolist()


@given(
    st.binary(min_size=1, max_size=80), st.sampled_from(["huffman", "huffman:english", "stored"])
)
def test_the_words_of_byte_codes_are_the_bytes_of_the_source(data: bytes, name: str):
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    segments = explained(write_frame(pack(bits), get_codec(name)))
    shown = [one.label[-5:-1] for one in segments if one.kind in ("code", "literal")]
    assert shown == [f"{value:#04x}" for value in data]


@given(st.lists(st.sampled_from([b"abc", b"hello world ", b"q"]), min_size=1, max_size=40))
def test_literals_and_matches_of_lz_add_up_to_the_source(words: list[bytes]):
    data = b"".join(words)
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    size = 0
    for one in explained(write_frame(pack(bits), "lz")):
        if one.kind == "literal":
            assert one.label[-5:-1] == f"{data[size]:#04x}"
            size += 1
        elif one.kind == "match":
            length, _, _, distance = one.label.replace(",", "").split()[:4]
            first = data[size : size + int(length)]
            assert first == (data[:size] + first)[size - int(distance) :][: int(length)]
            size += int(length)
    assert size == len(data)


@given(SOURCES, st.sampled_from(CODECS), st.data())
def test_damaged_frames_are_explained_as_far_as_they_go(source: np.ndarray, name: str, data):
    frame = write_frame(pack(source), get_codec(name))
    bits = np.unpackbits(frame.data, count=frame.num_bits)
    for place in data.draw(st.lists(st.integers(0, len(bits) - 1), max_size=4)):
        bits[place] ^= 1
    bits = bits[: data.draw(st.integers(1, len(bits)))]
    damaged = pack(bits)
    try:
        header = open_header(damaged, max_bits=1 << 20)
        frame_codec(header)
    except CodecError:
        return
    segments = explained(damaged)
    assert covers(segments, damaged.num_bits)


def test_padding_and_what_does_not_belong_are_told_apart():
    frame = write_frame(pack(np.array([1, 0, 1], dtype=np.uint8)), "stored")
    padded = Packed(frame.data, 8 * len(frame.data))
    last = explained(padded)[-1]
    assert last.kind == "padding"
    longer = Packed(np.append(frame.data, np.uint8(7)), padded.num_bits + 8)
    assert explained(longer)[-1].kind == "unread"


def test_a_view_of_the_beginning_stops_soon_after_it():
    bits = np.random.default_rng(0).integers(0, 2, 80_000).astype(np.uint8)
    segments = explained(write_frame(pack(bits), "stored"), last_bit=100)
    assert 100 <= segments[-1].start + segments[-1].num_bits < 120


@pytest.mark.parametrize("name", ["zstd", "deflate", "lzma", "brotli", "lz4"])
def test_a_library_s_code_is_one_stretch(name: str):
    bits = np.unpackbits(np.frombuffer(b"hello hello hello", dtype=np.uint8))
    segments = explained(write_frame(pack(bits), get_codec(name)))
    assert [one.kind for one in segments] == ["header"] * 3 + ["code"]
