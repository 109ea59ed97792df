import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive import MessageCodec, coding
from bit_transformer.errors import ArchiveError, InputError
from tests.archive.simple_coder import random_bytes
from tests.strategies import byte_strings

LINE = b"2026-01-01 00:00:01 INFO session opened for user nobody, nobody, nobody at all\n"


@pytest.fixture(autouse=True)
def simple(simple_coder) -> None:
    """The simple coder, for every test here."""


@given(st.lists(byte_strings(max_size=400), max_size=5), st.sampled_from([0, 2, 4, 8]))
def test_messages_come_back(messages: list[bytes], check_bytes: int):
    codec = MessageCodec(check_bytes=check_bytes)
    compressed = codec.compress_all(messages)
    assert codec.decompress_all(compressed) == messages
    assert [codec.compress(message) for message in messages] == compressed
    assert [codec.decompress(one) for one in compressed] == messages
    for one, message in zip(compressed, messages, strict=True):
        assert len(one) <= len(message) + 4 + check_bytes


def test_a_message_carries_its_size_and_a_checksum_and_nothing_else():
    (payload,) = coding.encode_blocks([LINE * 20], coding.Level.DEFAULT)
    for check_bytes in (0, 2, 4, 8):
        codec = MessageCodec(check_bytes=check_bytes)
        assert len(codec.compress(LINE * 20)) == 2 + len(payload) + check_bytes


def test_without_a_checksum_sizes_that_cannot_be_are_still_refused():
    codec = MessageCodec(check_bytes=0)
    for impossible in (b"", b"\x80", codec.compress(random_bytes(40))[:-1], b"\x04" + bytes(9)):
        with pytest.raises(ArchiveError):
            codec.decompress(impossible)


def test_no_flipped_bit_and_no_cut_goes_unnoticed():
    codec = MessageCodec()
    for message in (LINE, LINE * 3, random_bytes(40), b"", b"x"):
        whole = codec.compress(message)
        for place in range(8 * len(whole)):
            damaged = bytearray(whole)
            damaged[place // 8] ^= 1 << place % 8
            with pytest.raises(ArchiveError):
                codec.decompress(damaged)
        for size in range(len(whole)):
            with pytest.raises(ArchiveError):
                codec.decompress(whole[:size])


@given(st.binary(max_size=40))
def test_bytes_that_are_no_message_are_refused(data: bytes):
    with pytest.raises(ArchiveError):
        MessageCodec(check_bytes=8).decompress(data)


def test_only_an_equal_codec_reads_a_message(model, other_model):
    message = MessageCodec(model=model).compress(LINE)
    assert MessageCodec(model=model, num_threads=3).decompress(message) == LINE
    for other in (
        MessageCodec(),
        MessageCodec(model=other_model),
        MessageCodec(model=model, level="best"),
        MessageCodec(model=model, check_bytes=8),
    ):
        with pytest.raises(ArchiveError):
            other.decompress(message)
    stored = MessageCodec(model=model).compress(random_bytes(20))
    with pytest.raises(ArchiveError, match=other_model.hash.hex()):
        MessageCodec(model=other_model).decompress(stored)


def test_messages_are_bounded_on_both_sides():
    codec = MessageCodec(max_bytes=100)
    with pytest.raises(InputError, match="has 101 bytes, and this codec takes at most 100"):
        codec.compress(bytes(101))
    with pytest.raises(ArchiveError, match="says 202 where at most 201"):
        codec.decompress(MessageCodec().compress(bytes(101)))


@pytest.mark.parametrize(
    "options", [{"check_bytes": 3}, {"max_bytes": 0}, {"max_bytes": 1 << 30}, {"level": "x"}]
)
def test_a_codec_that_cannot_be_is_refused(options: dict):
    with pytest.raises(InputError):
        MessageCodec(**options)
