import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.codecs.codec import pack
from bit_transformer.codecs.lz import LzCodec
from bit_transformer.codecs.lz_code import CLASS_STARTS, MAX_LENGTH
from bit_transformer.errors import InputError
from tests.strategies import bit_lists

CODEC = LzCodec()

MOST_BITS_PER_BYTE = 18
"""The longest token with the shortest match takes 52 bits for three bytes."""


def bits_of(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8))


def repeating() -> st.SearchStrategy[bytes]:
    """Bytes in which pieces come again, near and far."""
    pieces = st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=6)
    orders = st.lists(st.integers(0, 5), max_size=60)
    return st.builds(lambda p, o: b"".join(p[i % len(p)] for i in o), pieces, orders)


def plain_decode(payload: str, num_bits: int) -> str:
    """The source of a whole payload, by the words of the format's page and nothing else."""
    output: list[str] = []
    rest = iter(payload)

    def number(count):
        return int("0" + "".join(next(rest) for _ in range(count)), 2)

    def phase_in(num_values):
        short = num_values.bit_length() - 1
        num_short = 2 ** (short + 1) - num_values
        value = number(short)
        return value if value < num_short else 2 * value + number(1) - num_short

    while sum(map(len, output)) < num_bits:
        if not output or number(1) == 0:
            wanted = min(8, num_bits - 8 * len(output))
            output.append("".join(next(rest) for _ in range(wanted)))
            continue
        zeros = 0
        while zeros < 15 and number(1) == 0:
            zeros += 1
        length = 3 + 2 * (2**zeros - 1) + number(zeros + 1)
        limit = min(len(output), 2**18)
        starts = [start for start in (0, 2**8, 2**12, 2**15) if start < limit]
        start = starts[phase_in(len(starts))]
        end = {0: 2**8, 2**8: 2**12, 2**12: 2**15, 2**15: 2**18}[start]
        distance = 1 + start + phase_in(min(end, limit) - start)
        for _ in range(min(length, -(-num_bits // 8) - len(output))):
            output.append(output[-distance])
    assert not list(rest)
    return "".join(output)[:num_bits]


def round_trip(bits: np.ndarray, codec: LzCodec = CODEC) -> np.ndarray:
    payload = codec.encode(bits)
    bits_out, num_read, problem, _ = codec.decode(payload, len(bits))
    assert problem is None
    assert num_read == len(payload)
    assert np.array_equal(bits_out, bits)
    assert len(payload) >= codec.min_payload_bits(len(bits))
    return payload


@given(bit_lists(max_size=400))
def test_bits_of_any_number_come_back(bits):
    round_trip(np.array(bits, dtype=np.uint8))


@given(repeating(), st.integers(0, 7))
def test_repetitions_come_back_and_the_plain_decoder_agrees(data, num_cut):
    bits = bits_of(data)[: max(0, 8 * len(data) - num_cut)]
    payload = round_trip(bits)
    plain = plain_decode("".join(map(str, payload)), len(bits))
    assert plain == "".join(map(str, bits))


@given(bit_lists(max_size=3000), st.integers(1, 200))
def test_every_bit_string_is_a_payload_or_ends_too_soon(payload, num_bits):
    bits, num_read, problem, position = CODEC.decode(np.array(payload, np.uint8), num_bits)
    assert num_read <= len(payload)
    if len(payload) >= MOST_BITS_PER_BYTE * -(-num_bits // 8):
        assert problem is None
    if problem is None:
        assert len(bits) == num_bits
    else:
        assert len(bits) < num_bits
        assert position == len(payload)
        assert f"ends after {len(bits)} of {num_bits} bits" in problem


@given(repeating().filter(bool), st.data())
def test_a_cut_payload_gives_a_prefix(data, drawn):
    bits = bits_of(data)
    payload = CODEC.encode(bits)
    size = drawn.draw(st.integers(0, len(payload) - 1))
    found = CODEC.decode(payload[:size], len(bits))
    assert found.problem is not None
    assert np.array_equal(found.bits, bits[: len(found.bits)])
    longer = CODEC.decode(payload[: size + 1], len(bits))
    assert len(longer.bits) >= len(found.bits)


def test_a_match_that_reaches_into_itself_is_written_as_the_format_says():
    payload = CODEC.encode(bits_of(b"abcabcabcabc"))
    text = "".join(map(str, payload))
    assert text == "01100001" + "0" + "01100010" + "0" + "01100011" + "1" + "001000" + "11"


def test_a_short_source_costs_its_own_bits():
    assert CODEC.encode(np.array([1, 0, 1], np.uint8)).tolist() == [1, 0, 1]
    assert len(CODEC.encode(np.zeros(0, np.uint8))) == 0
    assert CODEC.decode(np.zeros(0, np.uint8), 0).problem is None


def test_a_source_without_repetition_costs_a_bit_a_byte():
    bits = bits_of(bytes(range(256)))
    assert len(CODEC.encode(bits)) == 9 * 256 - 1


def test_a_long_run_takes_a_few_matches():
    num_bytes = 3 * MAX_LENGTH
    payload = round_trip(np.zeros(8 * num_bytes, np.uint8))
    assert len(payload) < 200


@pytest.mark.parametrize("distance", [start + add for start in CLASS_STARTS for add in (0, 1)][1:])
def test_distances_around_each_class_are_found(distance):
    rng = np.random.default_rng(distance)
    piece = rng.integers(0, 256, 40, dtype=np.uint8)
    between = rng.integers(0, 256, max(0, distance - 40), dtype=np.uint8)
    data = np.concatenate([piece, between, piece])[:: 1 if distance >= 40 else -1]
    payload = round_trip(np.unpackbits(data))
    expected = 9 * len(data) - (300 if 40 <= distance <= CLASS_STARTS[-1] else 0)
    assert len(payload) <= expected


def test_a_hostile_length_gives_no_more_than_was_declared():
    longest = np.array([0] * 8 + [1] + [0] * 15 + [1] * 16, np.uint8)
    found = CODEC.decode(longest, 8 * 20)
    assert (found.problem, len(found.bits), found.bits.any()) == (None, 160, False)
    far = CODEC.decode(longest, 1 << 40)
    assert far.problem is not None
    assert len(far.bits) == 8 * (1 + MAX_LENGTH)


def test_levels_differ_in_size_only():
    rng = np.random.default_rng(5)
    words = [bytes(rng.integers(97, 123, 5, dtype=np.uint8)) for _ in range(300)]
    data = b" ".join(words[i] for i in rng.integers(0, 300, 8000))
    sizes = [len(round_trip(bits_of(data), LzCodec(level))) for level in (1, 6, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.5 * 8 * len(data)


@pytest.mark.parametrize("level", [0, 10, -1])
def test_other_levels_are_refused(level):
    with pytest.raises(InputError, match=f"no level {level}; choose one from 1 to 9"):
        CODEC.configured(level=level)
    with pytest.raises(InputError, match="no table"):
        CODEC.configured(table="english")


def test_a_source_that_is_not_contiguous_is_read():
    bits = bits_of(b"spam and eggs and spam and eggs")
    source = pack(bits)
    strided = source._replace(data=np.repeat(source.data, 2)[::2])
    assert np.array_equal(CODEC.encode_packed(strided).data, CODEC.encode_packed(source).data)
