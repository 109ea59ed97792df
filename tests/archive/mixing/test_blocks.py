"""Blocks go to payloads and come back, whatever is in them and whoever computes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.archive.engine import StepEngine
from bit_transformer.archive.mixing import (
    MAX_BLOCK_BYTES,
    MAX_PRIMER_BYTES,
    Level,
    code_length_bits,
    decode_blocks,
    encode_blocks,
)
from bit_transformer.archive.mixing import blocks as blocks_module
from bit_transformer.errors import ArchiveError, InputError
from tests.archive.engine.engines import random_weights, small_shape
from tests.archive.mixing.fake_engine import FakeEngine
from tests.strategies import byte_strings

TEXT = b"".join(
    b"%d: the %s of line %d is %d\n" % (i, (b"size", b"name", b"colour")[i % 3], i, i * i % 97)
    for i in range(120)
)
PRIMER = TEXT[:600]
LOG = b"".join(b"%05d INFO node-%d: block %d served\n" % (i, i % 7, i * i % 89) for i in range(900))


class CountingEngine(FakeEngine):
    """Knows with how many lanes it was started, each time."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: list[int] = []

    def start(self, num_lanes: int):
        self.lanes.append(num_lanes)
        return super().start(num_lanes)


levels = st.sampled_from(list(Level))
engines = st.sampled_from([None, FakeEngine()])
primers = st.sampled_from([b"", b"x", PRIMER])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(byte_strings(max_size=300), max_size=4),
    levels,
    engines,
    primers,
    st.sampled_from([None, 1, 2, 5, 64]),
)
def test_blocks_come_back(
    blocks: list[bytes], level: Level, engine: FakeEngine | None, primer: bytes, lanes: int | None
) -> None:
    payloads = encode_blocks(blocks, level, engine, primer, lanes=lanes)
    sizes = [len(block) for block in blocks]
    assert decode_blocks(payloads, sizes, level, engine, primer) == blocks


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400), levels, engines)
def test_any_payload_decodes_to_as_many_bytes_as_were_asked_for(
    payload: bytes, size: int, level: Level, engine: FakeEngine | None
) -> None:
    (block,) = decode_blocks([payload], [size], level, engine)
    assert len(block) == size


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("engine", [None, FakeEngine()])
def test_a_payload_is_as_long_as_its_code_length_says(
    level: Level, engine: FakeEngine | None
) -> None:
    (payload,) = encode_blocks([TEXT], level, engine)
    bits = code_length_bits(TEXT, level, engine)
    assert abs(len(payload) - bits / 8) < 2


@pytest.mark.parametrize("engine", [None, FakeEngine()])
def test_threads_and_neighbours_change_no_payload(engine: FakeEngine | None) -> None:
    blocks = [TEXT, TEXT[:1000], b"", TEXT[500:1500]]
    together = encode_blocks(blocks, Level.DEFAULT, engine, PRIMER, num_threads=3)
    alone = [encode_blocks([b], Level.DEFAULT, engine, PRIMER, num_threads=1)[0] for b in blocks]
    assert together == alone
    sizes = [len(block) for block in blocks]
    for num_threads in (1, 2):
        decoded = decode_blocks(
            together, sizes, Level.DEFAULT, engine, PRIMER, num_threads=num_threads
        )
        assert decoded == blocks


class InterpretedEngine:
    """A trained model's engine that lends nothing, so that every byte goes through calls of it."""

    def __init__(self, engine: StepEngine) -> None:
        self._engine = engine

    def lend(self, state: object, num_steps: int) -> None:
        del state, num_steps

    def __getattr__(self, name: str):
        return getattr(self._engine, name)


@pytest.mark.parametrize("lanes", [None, 1, 3])
@pytest.mark.parametrize("steps_at_once", [7, 512])
def test_the_compiled_loop_decodes_what_calls_of_the_engine_do(
    lanes: int | None, steps_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks_module, "_STEPS_AT_ONCE", steps_at_once)
    engine = StepEngine(random_weights(np.random.default_rng(8), small_shape()))
    blocks = [TEXT[:601], TEXT[:40]]
    payloads = encode_blocks(blocks, Level.DEFAULT, engine, PRIMER, lanes=lanes)
    damaged = [bytes([payload[0] ^ 0x11]) + payload[1:] for payload in payloads]
    decoders: list[Any] = [engine, InterpretedEngine(engine)]
    compiled, called = (
        decode_blocks(payloads + damaged, [601, 40] * 2, Level.DEFAULT, decoder, PRIMER)
        for decoder in decoders
    )
    assert compiled == called
    assert compiled[:2] == blocks
    assert compiled[2:] != blocks


@pytest.mark.parametrize("version", [3, 4])
def test_a_block_in_a_primer_is_told_from_one_that_the_primer_knows_nothing_of(
    version: int,
) -> None:
    """From version 4 on, the primer is forgotten where that makes the payload smaller."""
    engine = FakeEngine()
    strange = bytes(range(65, 91)) * 20 + b"\n"
    remembered = []
    with pytest.MonkeyPatch.context() as patch:
        encode_setup = blocks_module.encode_setup

        def noted(coder, payload, setup, usual):
            remembered.append(setup.remembers)
            encode_setup(coder, payload, setup, usual)

        patch.setattr(blocks_module, "encode_setup", noted)
        for block in (strange, TEXT[:500]):
            means = (Level.DEFAULT, engine, TEXT[:4000])
            payloads = encode_blocks([block], *means, version=version)
            assert decode_blocks(payloads, [len(block)], *means, version=version) == [block]
    assert (False in remembered) == (version == 4)


@pytest.mark.parametrize("size", [500, 20_000])
def test_of_remembering_and_forgetting_the_primer_the_smaller_is_taken(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = (Level.DEFAULT, FakeEngine(), LOG[:9000])
    for block in (LOG[9000 : 9000 + size], (TEXT * 8)[:size]):
        (smaller,) = encode_blocks([block], *means)
        forced = []
        for remembers in (True, False):
            with monkeypatch.context() as patch:
                original = blocks_module._encode_block
                patch.setattr(
                    blocks_module,
                    "_encode_block",
                    lambda size, data, setup, *rest, keep=remembers, call=original: call(
                        size, data, setup._replace(remembers=keep or not setup.asks_engine), *rest
                    ),
                )
                forced.append(encode_blocks([block], *means)[0])
        assert len(smaller) == min(map(len, forced))
        for payload in forced:
            assert decode_blocks([payload], [size], *means) == [block]


def test_a_primer_makes_its_like_smaller() -> None:
    (plain,) = encode_blocks([TEXT[600:900]], Level.FAST)
    (primed,) = encode_blocks([TEXT[600:900]], Level.FAST, primer=PRIMER)
    assert len(primed) < 0.6 * len(plain)


def test_an_engine_that_knows_the_text_makes_it_smaller() -> None:
    text = b"The quick brown fox jumps over the lazy dog, and the dog does not mind it at all. "
    (plain,) = encode_blocks([text], Level.DEFAULT)
    (mixed,) = encode_blocks([text], Level.DEFAULT, FakeEngine())
    assert len(mixed) < 0.95 * len(plain)


def test_what_is_hardly_larger_without_the_engine_does_without_it() -> None:
    engine = CountingEngine()
    (payload,) = encode_blocks([LOG], Level.DEFAULT, engine, LOG)
    (mixed,) = encode_blocks([LOG], Level.DEFAULT, engine, LOG, lanes=1)
    assert len(payload) <= 1.003 * len(mixed)
    engine.lanes.clear()
    assert decode_blocks([payload], [len(LOG)], Level.DEFAULT, engine, LOG) == [LOG]
    assert engine.lanes == []
    assert decode_blocks([mixed], [len(LOG)], Level.DEFAULT, engine, LOG) == [LOG]
    assert engine.lanes == [1]
    bits = code_length_bits(LOG, Level.DEFAULT, engine, LOG)
    assert abs(len(payload) - bits / 8) < 4  # what says so takes 13 bits


def test_blocks_with_and_without_the_engine_come_back_in_order() -> None:
    engine = CountingEngine()
    noise = np.random.default_rng(6).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    prose = b"The lazy dog jumps over the quick brown fox. "
    blocks = [prose, LOG, LOG[:9000], prose[:30], noise, LOG]
    payloads = encode_blocks(blocks, Level.DEFAULT, engine, PRIMER)
    sizes = [len(block) for block in blocks]
    engine.lanes.clear()
    decoded = decode_blocks(payloads, sizes, Level.DEFAULT, engine, PRIMER, num_threads=2)
    assert decoded == blocks
    assert 0 < len(engine.lanes) < len(blocks)


def test_the_fast_level_does_not_ask_the_engine() -> None:
    assert encode_blocks([TEXT], Level.FAST, FakeEngine()) == encode_blocks([TEXT], Level.FAST)


def test_random_bytes_hardly_grow() -> None:
    noise = np.random.default_rng(5).integers(0, 256, 20_000, dtype=np.uint8).tobytes()
    (payload,) = encode_blocks([noise], Level.FAST)
    assert len(payload) < 1.02 * len(noise)


def test_another_primer_or_level_does_not_decode() -> None:
    (payload,) = encode_blocks([TEXT], Level.FAST, primer=PRIMER)
    assert decode_blocks([payload], [len(TEXT)], Level.FAST) != [TEXT]
    assert decode_blocks([payload], [len(TEXT)], Level.BEST, primer=PRIMER) != [TEXT]


@pytest.mark.parametrize("engine", [None, FakeEngine()])
def test_utf_16_is_coded_as_the_text_it_is(engine: FakeEngine | None) -> None:
    wide = TEXT.decode().encode("utf-16-le")
    (payload,) = encode_blocks([wide], Level.DEFAULT, engine, PRIMER)
    (narrow,) = encode_blocks([TEXT], Level.DEFAULT, engine, PRIMER)
    assert decode_blocks([payload], [len(wide)], Level.DEFAULT, engine, PRIMER) == [wide]
    assert len(payload) <= len(narrow) + 12


def test_records_of_some_length_come_back_smaller_than_as_mere_bytes() -> None:
    rng = np.random.default_rng(4)
    rows = np.tile(rng.integers(0, 256, 24, dtype=np.uint8), (300, 1))
    rows[:, 5] = rng.integers(0, 256, 300)
    (payload,) = encode_blocks([rows.tobytes()], Level.FAST)
    assert decode_blocks([payload], [rows.size], Level.FAST) == [rows.tobytes()]
    assert len(payload) < 600  # 300 random bytes, and what it takes to learn the rest


def test_what_cannot_be_a_block_is_refused() -> None:
    with pytest.raises(ArchiveError, match="-1 bytes"):
        decode_blocks([b""], [-1], Level.FAST)
    with pytest.raises(ArchiveError, match=str(MAX_BLOCK_BYTES)):
        decode_blocks([b""], [MAX_BLOCK_BYTES + 1], Level.FAST)
    with pytest.raises(InputError, match="one size each"):
        decode_blocks([b"", b""], [1], Level.FAST)
    with pytest.raises(InputError, match="primer"):
        encode_blocks([b"a"], Level.FAST, primer=bytes(MAX_PRIMER_BYTES + 1))
    with pytest.raises(InputError, match="0 lanes"):
        encode_blocks([b"a"], Level.FAST, lanes=0)
    with pytest.raises(InputError, match="no level"):
        encode_blocks([b"a"], "quick")  # type: ignore[arg-type]
