import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.codecs import libraries
from bit_transformer.codecs.registry import get_codec
from bit_transformer.errors import InputError, MissingDependencyError
from tests.strategies import bit_lists, byte_strings

NAMES = ["zstd", "deflate", "lzma", "brotli", "lz4"]
TEXT = b"It was the best of times, it was the worst of times, it was the age of wisdom. " * 40
BITS = np.unpackbits(np.frombuffer(TEXT, dtype=np.uint8))

pytestmark = pytest.mark.parametrize("name", NAMES)


def library_codec(name: str) -> libraries.LibraryCodec:
    codec = get_codec(name)
    assert isinstance(codec, libraries.LibraryCodec)
    return codec


def decode(name, payload, num_bits):
    return get_codec(name).decode(np.asarray(payload, dtype=np.uint8), num_bits)


@given(bits=bit_lists(max_size=300))
def test_bits_of_any_number_come_back(name, bits):
    source = np.array(bits, dtype=np.uint8)
    codec = get_codec(name)
    payload = codec.encode(source)
    found = codec.decode(payload, len(source))
    assert (found.problem, found.num_read) == (None, len(payload))
    assert np.array_equal(found.bits, source)
    assert len(payload) >= codec.min_payload_bits(len(source))


@pytest.mark.parametrize("num_bytes", [1, 1024, 1025, (1 << 17) + 1, 700_000])
def test_sources_of_many_sizes_come_back_at_every_kind_of_level(name, num_bytes):
    rng = np.random.default_rng(num_bytes)
    data = np.where(
        rng.random(num_bytes) < 0.9, np.resize(np.frombuffer(TEXT, np.uint8), num_bytes),
        rng.integers(0, 256, num_bytes, dtype=np.uint8),
    )  # fmt: skip
    source = np.unpackbits(data)[: 8 * num_bytes - 3]
    for level in {min(library_codec(name).levels), library_codec(name).default_level}:
        codec = get_codec(f"{name}:{level}")
        payload = codec.encode(source)
        found = codec.decode(payload, len(source))
        assert (found.problem, found.num_read) == (None, len(payload))
        assert np.array_equal(found.bits, source)


def test_zeros_cost_no_less_than_a_frame_is_refused_for(name):
    source = np.zeros(8 << 21, dtype=np.uint8)
    codec = get_codec(name)
    assert len(codec.encode(source)) >= codec.min_payload_bits(len(source))


def test_an_empty_source_has_an_empty_payload(name):
    codec = get_codec(name)
    assert len(codec.encode(BITS[:0])) == 0
    assert decode(name, [], 0) [1:] == (0, None, None)  # fmt: skip


def test_a_payload_cut_anywhere_gives_a_prefix_and_a_problem(name):
    payload = get_codec(name).encode(BITS)
    previous = 0
    for size in range(0, len(payload), 4):
        found = decode(name, payload[:size], len(BITS))
        assert found.problem is not None
        assert found.problem_position is not None
        assert found.problem_position <= size
        assert np.array_equal(found.bits, BITS[: len(found.bits)])
        assert len(found.bits) >= previous
        previous = len(found.bits)
    assert previous > 0 or name == "zstd"  # which decodes whole blocks only


@settings(max_examples=100)
@given(where=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255))
def test_damage_never_raises_and_never_gives_too_much(name, where, value):
    payload = np.packbits(get_codec(name).encode(BITS))
    payload[int(where * len(payload))] ^= value
    found = decode(name, np.unpackbits(payload), len(BITS))
    assert len(found.bits) <= len(BITS)
    assert found.num_read <= 8 * len(payload)
    assert found.problem is not None or len(found.bits) == len(BITS)


@settings(max_examples=150)
@given(data=byte_strings(max_size=60), num_bits=st.integers(0, 5000))
def test_no_bytes_make_a_decoder_raise(name, data, num_bits):
    payload = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    found = decode(name, payload, num_bits)
    assert len(found.bits) <= num_bits
    assert found.num_read <= len(payload)
    assert (found.problem is None) == (found.problem_position is None)


def test_the_longest_valid_prefix_comes_out_before_damage(name):
    if name == "zstd":
        pytest.skip("zstd decodes whole blocks only")
    rng = np.random.default_rng(3)
    data = rng.choice(np.frombuffer(TEXT, np.uint8), 60_000)
    source = np.unpackbits(data)
    payload = np.packbits(get_codec(name).encode(source))
    half = len(payload) // 2
    payload[half : half + 3000] = rng.integers(0, 256, 3000, dtype=np.uint8)
    found = decode(name, np.unpackbits(payload), len(source))
    good = int(np.argmin(np.append(found.bits == source[: len(found.bits)], False)))
    assert good > 0.4 * len(source)


def test_more_than_was_declared_is_a_problem_and_takes_no_memory(name):
    source = np.zeros(8 << 22, dtype=np.uint8)
    payload = get_codec(name).encode_packed(libraries.Packed(np.packbits(source), len(source)))
    get_codec(name).decode_packed(payload, 8000)  # what is made once is made
    tracemalloc.start()
    found = get_codec(name).decode_packed(payload, 8000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.problem is not None
    assert found.source.num_bits == (0 if name == "zstd" else 8000)  # its block is too large
    assert not found.source.data.any()
    assert peak < 200_000


def test_bits_behind_the_payload_are_not_read(name):
    payload = get_codec(name).encode(BITS)
    longer = np.concatenate([payload, np.ones(48, dtype=np.uint8)])
    found = decode(name, longer, len(BITS))
    assert np.array_equal(found.bits, BITS[: len(found.bits)])
    assert found.problem is not None or found.num_read == len(payload)


def test_a_few_bits_behind_whole_bytes_are_left(name):
    payload = get_codec(name).encode(BITS)
    found = decode(name, np.append(payload, [1, 0, 1]), len(BITS))
    assert (found.problem, found.num_read) == (None, len(payload))


def test_levels_are_checked(name):
    levels = library_codec(name).levels
    assert library_codec(f"{name}:{levels[-1]}").level == levels[-1]
    for level in (levels[0] - 1, levels[-1] + 1):
        with pytest.raises(InputError, match=f"{name} has no level {level}; choose one from"):
            get_codec(name).configured(level=level)
    assert get_codec(name).configured() is get_codec(name)


def test_a_missing_package_is_named_with_the_line_that_installs_it(name, monkeypatch):
    modules = {"brotli": "brotli", "lz4": "lz4.block"}
    if name not in modules:
        pytest.skip("its library is always there")
    monkeypatch.setitem(sys.modules, modules[name], None)
    with pytest.raises(MissingDependencyError, match=rf"{name}.*bit-transformer\[codecs\]"):
        type(get_codec(name))()
