import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.codecs import get_codec
from bit_transformer.codecs.huffman_kernels import MAX_TABLE_BITS, optimal_lengths, write_table
from bit_transformer.codecs.huffman_tables import SHARED_TABLES
from tests.codecs.sources import PROSE, array_of, awkward_sources
from tests.strategies import bit_lists, byte_strings

CODECS = ("huffman", "huffman:english", "huffman:python", "huffman:bytes")


def cost_by_heap(counts: list[int]) -> int:
    """What an unlimited Huffman code costs: the plain twin."""
    heap = [count for count in counts if count]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        total = heapq.heappop(heap) + heapq.heappop(heap)
        cost += total
        heapq.heappush(heap, total)
    return cost


def words_by_hand(lengths: np.ndarray) -> dict[int, str]:
    """The canonical code as text: the plain twin."""
    words, word, previous = {}, 0, 0
    for length, byte in sorted((int(n), byte) for byte, n in enumerate(lengths) if n):
        word <<= length - previous
        words[byte], word, previous = f"{word:0{length}b}", word + 1, length
    return words


def kraft_sum(lengths: np.ndarray) -> float:
    return float(np.sum(0.5 ** lengths[lengths > 0].astype(float)))


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=256))
def test_lengths_are_optimal_where_the_limit_does_not_bind(counts: list[int]):
    padded = np.array(counts + [0] * (256 - len(counts)), dtype=np.int64)
    lengths = optimal_lengths(padded)
    if (padded > 0).sum() > 1:
        assert kraft_sum(lengths) == 1.0
        assert int((lengths.astype(np.int64) * padded).sum()) >= cost_by_heap(counts)
        if lengths.max() < 15:
            assert int((lengths.astype(np.int64) * padded).sum()) == cost_by_heap(counts)
    assert ((lengths > 0) == (padded > 0)).all() or (padded > 0).sum() == 1


def test_lengths_stay_within_the_limit_for_the_steepest_counts():
    counts = np.zeros(256, dtype=np.int64)
    counts[:40] = 2 ** np.arange(40)
    lengths = optimal_lengths(counts)
    assert lengths.max() == 15
    assert kraft_sum(lengths) == 1.0
    assert (np.diff(lengths[:40].astype(int)) <= 0).all()


def test_no_table_is_longer_than_the_buffer_for_it():
    counts = np.ones(256, dtype=np.int64)
    assert len(write_table(counts, optimal_lengths(counts))) <= MAX_TABLE_BITS


@given(byte_strings(min_size=1, max_size=300))
def test_the_words_are_those_of_the_canonical_code(data: bytes):
    source = array_of(data)
    payload = "".join(map(str, get_codec("huffman:english").encode(source).tolist()))
    words = words_by_hand(SHARED_TABLES["english"].lengths())
    assert payload == "0001" + "".join(words[byte] for byte in data)


@settings(max_examples=200)
@given(byte_strings(max_size=300), st.integers(0, 7), st.sampled_from(CODECS))
def test_bits_come_back_also_when_they_are_not_whole_bytes(data: bytes, num_cut: int, name: str):
    source = array_of(data)[: max(0, 8 * len(data) - num_cut)]
    codec = get_codec(name)
    payload = codec.encode(source)
    decoded = codec.decode(payload, len(source))
    assert np.array_equal(decoded.bits, source)
    assert decoded[1:] == (len(payload), None, None)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("source", awkward_sources()[-9:], ids=lambda s: f"{len(s)} bits")
def test_sources_of_every_kind_come_back(name: str, source: np.ndarray):
    decoded = get_codec(name).decode(get_codec(name).encode(source), len(source))
    assert np.array_equal(decoded.bits, source)


@pytest.mark.parametrize("table", SHARED_TABLES.values(), ids=list(SHARED_TABLES))
def test_each_shared_table_is_complete_and_has_a_word_for_every_byte(table):
    lengths = table.lengths()
    assert lengths.shape == (256,)
    assert lengths.min() >= 1
    assert kraft_sum(lengths) == 1.0


@settings(max_examples=300)
@given(bit_lists(max_size=300), st.integers(0, 2000), st.sampled_from(list(SHARED_TABLES)))
def test_any_bits_after_the_name_of_a_shared_table_decode(
    bits: list[int], num_bits: int, table: str
):
    codec = get_codec(f"huffman:{table}")
    assert codec.is_complete
    payload = np.concatenate([codec.payload_prefix(), np.array(bits, dtype=np.uint8)])
    decoded = codec.decode(payload, num_bits)
    assert len(decoded.bits) <= num_bits
    if decoded.problem is not None:
        assert "the payload ends" in decoded.problem
        assert len(payload) - decoded.num_read < 15


@settings(max_examples=300)
@given(bit_lists(max_size=2500), st.integers(0, 5000))
def test_any_payload_at_all_gives_bits_or_a_problem(payload: list[int], num_bits: int):
    codec = get_codec("huffman")
    decoded = codec.decode(np.array(payload, dtype=np.uint8), num_bits)
    assert (decoded.problem is None) == (len(decoded.bits) == num_bits)
    assert decoded.num_read <= len(payload)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends within the code table"),
        ("0000 0000", "ends within the code table"),
        ("1111 0000", "no shared table has the number 15"),
        ("0000 00000000 000000000 1", "go beyond byte 255"),
        ("0000 00000001 1 0000000011111111 1", "go beyond byte 255"),
        ("0000 00000001 1 1 0001 0010", "do not make a complete code"),
        ("0000 00000001 1 1 0001 0000", "do not make a complete code"),
        ("0000 00000010 1 1 1 0001 0001 0001", "do not make a complete code"),
        ("0000 00000001 1 1 0001", "ends within the code table"),
    ],
)
def test_bad_tables_are_described(text: str, problem: str):
    payload = np.array([int(c) for c in text if c != " "], dtype=np.uint8)
    decoded = get_codec("huffman").decode(payload, 800)
    assert decoded.problem is not None
    assert problem in decoded.problem
    assert len(decoded.bits) == 0
    assert decoded.problem_position is not None
    assert decoded.problem_position <= len(payload)


def test_one_byte_over_and_over_takes_no_bits_beyond_its_table():
    source = array_of(b"A" * 10_000)
    assert len(get_codec("huffman").encode(source)) < 40


def test_prose_shrinks_and_a_short_message_shrinks_only_with_a_shared_table():
    prose = array_of(PROSE)
    assert len(get_codec("huffman:english").encode(prose)) < 0.6 * len(prose)
    message = array_of(b"see you at noon")
    assert len(get_codec("huffman:english").encode(message)) < 0.65 * len(message)
    assert len(get_codec("huffman").encode(message)) > len(message)
