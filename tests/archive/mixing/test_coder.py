"""The range coder gives back the bits, needs hardly more than it should, and reads anything."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.archive.mixing.coder import (
    decode_bit,
    encode_bit,
    finish_encoding,
    new_coder,
    start_decoding,
)

decisions = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([1, 2, 300, 32768, 65000, 65534, 65535])),
    max_size=300,
)


def encode(pairs: list[tuple[int, int]], capacity: int | None = None) -> bytes:
    coder = new_coder()
    payload = np.zeros(2 * len(pairs) + 16 if capacity is None else capacity, dtype=np.uint8)
    for bit, prob_one in pairs:
        encode_bit(coder, payload, bit, prob_one)
    return payload[: finish_encoding(coder, payload)].tobytes()


def decode(payload: bytes, probs: list[int]) -> list[int]:
    array = np.frombuffer(bytearray(payload) or bytearray(1), dtype=np.uint8)
    coder = new_coder()
    start_decoding(coder, array)
    return [decode_bit(coder, array, prob_one) for prob_one in probs]


@settings(max_examples=200, deadline=None)
@given(decisions)
def test_bits_come_back(pairs: list[tuple[int, int]]) -> None:
    assert decode(encode(pairs), [prob for _, prob in pairs]) == [bit for bit, _ in pairs]


def test_a_carry_runs_through_many_bytes() -> None:
    pairs = [(0, 1)] * 1500 + [(1, 65535)] * 5 + [(0, 65535)] + [(1, 3)] * 4
    assert decode(encode(pairs), [prob for _, prob in pairs]) == [bit for bit, _ in pairs]


def test_the_overhead_is_below_a_ten_thousandth() -> None:
    rng = np.random.default_rng(3)
    probs = rng.choice([40, 2000, 30000, 60000, 65500], size=200_000)
    bits = (rng.random(probs.size) * 65536 < probs).astype(int)
    ideal = sum(
        -math.log2((p if bit else 65536 - p) / 65536) for bit, p in zip(bits, probs, strict=True)
    )
    payload = encode(list(zip(bits.tolist(), probs.tolist(), strict=True)))
    assert 8 * len(payload) < ideal * 1.0001 + 16
    assert decode(payload, probs.tolist()) == bits.tolist()


def test_likely_bits_take_no_bytes() -> None:
    assert len(encode([(1, 65535)] * 1000)) <= 1
    assert encode([]) == b""


def test_nothing_is_written_past_the_end() -> None:
    pairs = [(1, 1)] * 100
    assert len(encode(pairs, capacity=7)) <= 7


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.lists(st.integers(1, 65535), max_size=100))
def test_any_payload_can_be_read(payload: bytes, probs: list[int]) -> None:
    assert set(decode(payload, probs)) <= {0, 1}
