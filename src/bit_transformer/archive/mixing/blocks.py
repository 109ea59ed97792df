"""Blocks to payloads and back: lanes cut, models lent, engines asked, threads used.

``interface`` beside this module checks arguments; ``predictor`` codes the bits. Here is what lies
between: where each lane begins, which model codes it, who computes when.

Invariants: payloads do not depend on the number of threads; memory is bounded by the block's size
and the level's, and taken per block that is being worked on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from bit_transformer.archive.mixing.along import decode_along
from bit_transformer.archive.mixing.coder import finish_encoding, new_coder, start_decoding
from bit_transformer.archive.mixing.contexts import POSITION, RECORD
from bit_transformer.archive.mixing.interface import Level
from bit_transformer.archive.mixing.levels import default_lanes, level_settings
from bit_transformer.archive.mixing.model import Model, new_model, new_registers
from bit_transformer.archive.mixing.predictor import DECODE, ENCODE, code_steps
from bit_transformer.archive.mixing.priming import (
    NO_ODDS,
    Lender,
    odds_along,
    primed_models,
)
from bit_transformer.archive.mixing.records import (
    WIDE_TEXT,
    Shape,
    measure_shape,
    narrowed,
    widened,
)
from bit_transformer.archive.mixing.setup import Setup, Usual, decode_setup, encode_setup

if TYPE_CHECKING:
    from bit_transformer.archive.engine.interface import Engine, EngineState
    from bit_transformer.archive.engine.trunk import LentTrunk

__all__ = ["Means", "code_length", "decode", "encode"]

_Bytes = bytes | bytearray | memoryview
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_NOTHING = np.zeros(1, dtype=np.uint8)
_WORTH_WAITING = 1.003
"""So much larger a payload may be that decodes without the engine, several times as quickly."""
_TRIAL_BYTES = 1 << 14
"""Whether to remember the primer is tried with so many."""
_STEPS_AT_ONCE = 512
"""A compiled engine decodes so many bytes of each lane before it says how far it is."""
_REPETITIVE = 0.15
"""Text that an engine leaves less of than this is tried without it. No engine is known to be beaten
where more is left, and priming a second model takes seconds."""


@dataclass(frozen=True)
class Means:
    """What all blocks of one call are coded with, and by which version of the coder."""

    level: Level
    engine: Engine | None
    primer: bytes
    version: int


@dataclass
class _Job:
    """One block being coded: its setup, its model, and how far its lanes and coder are."""

    size: int
    setup: Setup
    lane_bytes: int
    primer_bytes: int
    model: Model
    lender: Lender | None
    registers: np.ndarray
    history: np.ndarray
    coder: np.ndarray
    payload: np.ndarray

    def advance(self, num_steps: int, task: int, source: np.ndarray, odds: np.ndarray) -> float:
        """Code so many bytes of each lane; how many bits they cost when encoding."""
        costs = np.zeros(1, dtype=np.float64)
        code_steps(*self._lanes, num_steps, task, source, self.coder, self.payload, odds, costs)
        return float(costs[0])

    def advance_along(self, num_steps: int, lent: LentTrunk) -> None:
        """Decode so many bytes of each lane with a compiled engine."""
        decode_along(*self._lanes, num_steps, self.coder, self.payload, *lent)

    @property
    def _lanes(self) -> tuple[Model, np.ndarray, np.ndarray, int, int]:
        """What the loops over bytes begin their arguments with."""
        return self.model, self.registers, self.history, self.primer_bytes, self.lane_bytes

    def last_values(self) -> np.ndarray:
        """The byte that each lane coded last; uint8 (lanes,)."""
        return self.history[np.maximum(self.registers[:, POSITION] - 1, 0)]

    def finish(self) -> bytes:
        """The block that was coded; the model goes back to who lent it."""
        if self.lender is not None:
            self.lender.take_back(self.model)
        coded = self.history[self.primer_bytes : self.primer_bytes + self.setup.num_bytes]
        if self.setup.shape.record_bytes == WIDE_TEXT:
            return widened(coded.tobytes(), self.size)
        return coded.tobytes()


def encode(
    blocks: Sequence[_Bytes], means: Means, lanes: int | None, num_threads: int | None
) -> list[bytes]:
    """One payload per block; see ``interface.encode_blocks``."""

    def encode_one(block: _Bytes) -> bytes:
        return _smallest(block, means, lanes)[0]

    return list(_map_threads(encode_one, blocks, num_threads))


def decode(
    payloads: Sequence[_Bytes], sizes: Sequence[int], means: Means, num_threads: int | None
) -> list[bytes]:
    """One block per payload; see ``interface.decode_blocks``."""

    def decode_one(item: tuple[_Bytes, int]) -> bytes:
        return _decode(_start_decoding(*item, means), means.engine)

    return list(_map_threads(decode_one, list(zip(payloads, sizes, strict=True)), num_threads))


def code_length(block: _Bytes, means: Means, lanes: int | None) -> float:
    """Bits that an ideal coder needs; see ``interface.code_length_bits``."""
    return _smallest(block, means, lanes)[1]


def _smallest(block: _Bytes, means: Means, lanes: int | None) -> tuple[bytes, float]:
    """The better payload of those with and without the engine, and the bits it needs.

    Where a file repeats itself, the engine is of little or no use, and without it decoding is
    several times as quick.
    """
    size = len(block)
    if size == 0:
        return b"", 0.0
    data, shape = _prepared(bytes(block))
    usual = _usual(size, means)
    num_lanes = min(usual.num_lanes if lanes is None else lanes, data.size)
    setup = Setup(num_lanes, shape, data.size, usual.has_engine)
    found = _smaller_by_memory(size, data, setup, means)
    is_worth_trying = len(found[0]) < _REPETITIVE * size or not shape.is_text
    if lanes is not None or not setup.asks_engine or not is_worth_trying:
        return found
    alone = _encode_block(size, data, setup._replace(num_lanes=1, asks_engine=False), means)
    return alone if len(alone[0]) <= _WORTH_WAITING * len(found[0]) else found


def _smaller_by_memory(
    size: int, data: np.ndarray, setup: Setup, means: Means
) -> tuple[bytes, float]:
    """The smaller payload of those that remember the primer and that do not.

    What is better for the first bytes is taken for all.
    """
    odds = _odds(data, setup, means)
    if not (_usual(size, means).may_forget and setup.asks_engine and setup.shape.is_text):
        return _encode_block(size, data, setup, means, odds)
    forgetting = setup._replace(remembers=False)
    if setup.num_lanes > 1:
        return _encode_block(size, data, forgetting, means, odds)
    some = data[:_TRIAL_BYTES]
    begun = [
        _encode_block(size, some, each._replace(num_bytes=some.size), means, odds[: some.size])
        for each in (forgetting, setup)
    ]
    best = min(begun, key=_payload_bytes)
    if some.size == data.size:
        return best
    return _encode_block(size, data, setup if best is begun[1] else forgetting, means, odds)


def _payload_bytes(payload_and_cost: tuple[bytes, float]) -> int:
    return len(payload_and_cost[0])


def _encode_block(
    size: int, data: np.ndarray, setup: Setup, means: Means, odds: np.ndarray = NO_ODDS
) -> tuple[bytes, float]:
    """The payload, and how many bits its probabilities sum to."""
    payload = np.empty(16 * data.size + 64, dtype=np.uint8)  # 16 bits per bit at the very worst
    coder = new_coder()
    encode_setup(coder, payload, setup, _usual(size, means))
    job = _new_job(size, setup, means, coder, payload)
    source = job.history.copy()
    source[job.primer_bytes : job.primer_bytes + data.size] = data
    cost = job.advance(job.lane_bytes, ENCODE, source, odds)
    job.finish()
    return payload[: finish_encoding(coder, payload)].tobytes(), cost


def _usual(size: int, means: Means) -> Usual:
    """What is usual for a block of this size."""
    settings = level_settings(means.level, means.version)
    has_engine = means.engine is not None
    num_lanes = default_lanes(settings, size, has_engine=has_engine)
    return Usual(num_lanes, has_engine, settings.may_forget and bool(means.primer))


def _prepared(block: bytes) -> tuple[np.ndarray, Shape]:
    """The bytes to code, and as what."""
    data = np.frombuffer(bytearray(block), dtype=np.uint8)
    shape = measure_shape(data)
    narrow = None if shape.is_text else narrowed(block)
    if narrow is None:
        return data, shape
    return np.frombuffer(bytearray(narrow), dtype=np.uint8), Shape(True, WIDE_TEXT)


def _odds(data: np.ndarray, setup: Setup, means: Means) -> np.ndarray:
    """What the engine, if it is asked, says along the block's lanes."""
    if means.engine is None or not setup.asks_engine:
        return NO_ODDS
    cut = np.zeros((setup.num_lanes, _lane_bytes(setup)), dtype=np.uint8)
    cut.reshape(-1)[: data.size] = data  # the last lanes are filled up with zeros
    return odds_along(means.engine, cut)


def _lane_bytes(setup: Setup) -> int:
    """How long all lanes are but the last."""
    return max(1, -(-setup.num_bytes // setup.num_lanes))


def _start_decoding(payload: _Bytes, size: int, means: Means) -> _Job:
    """A job that has read a payload's setup and not yet any byte."""
    array = np.frombuffer(bytearray(payload) or bytearray(1), dtype=np.uint8)
    coder = new_coder()
    start_decoding(coder, array)
    setup = decode_setup(coder, array, _usual(size, means), size)
    return _new_job(size, setup, means, coder, array)


def _new_job(size: int, setup: Setup, means: Means, coder: np.ndarray, payload: np.ndarray) -> _Job:
    settings = level_settings(means.level, means.version)
    lender = None
    primer = _NOTHING[:0]
    if means.primer and setup.shape.is_text:
        log_buckets = settings.log_buckets(len(means.primer) + size)
        engine = means.engine if setup.asks_engine else None
        primed = primed_models(settings, log_buckets, means.primer, engine)
        lender = primed.remembering if setup.remembers else primed.forgetting
        primer, model = primed.history if setup.remembers else primer, lender.lend()
    else:
        model = new_model(settings, settings.log_buckets(size), is_text=setup.shape.is_text)
    num_bytes = setup.num_bytes
    lane_bytes = _lane_bytes(setup)
    begins = [primer.size + min(i * lane_bytes, num_bytes) for i in range(setup.num_lanes)]
    ends = [min(begin + lane_bytes, primer.size + num_bytes) for begin in begins]
    registers = new_registers(begins, ends)
    registers[:, RECORD] = setup.shape.record_bytes if not setup.shape.is_text else 0
    history = np.zeros(primer.size + num_bytes + 1, dtype=np.uint8)
    history[: primer.size] = primer
    return _Job(
        size=size,
        setup=setup,
        lane_bytes=lane_bytes,
        primer_bytes=primer.size,
        model=model,
        lender=lender,
        registers=registers,
        history=history,
        coder=coder,
        payload=payload,
    )


def _decode(job: _Job, engine: Engine | None) -> bytes:
    """The block of a job that has read its setup."""
    if engine is None or not job.setup.asks_engine:
        job.advance(job.lane_bytes, DECODE, _NOTHING, NO_ODDS)
        return job.finish()
    state = engine.start(job.setup.num_lanes)
    for first in range(0, job.lane_bytes, _STEPS_AT_ONCE):
        num_steps = min(_STEPS_AT_ONCE, job.lane_bytes - first)
        lent = engine.lend(state, num_steps)
        if lent is None:
            _decode_step_by_step(job, engine, state, num_steps)
        else:
            job.advance_along(num_steps, lent)
    return job.finish()


def _decode_step_by_step(job: _Job, engine: Engine, state: EngineState, num_steps: int) -> None:
    """What ``advance_along`` does, with an engine that is not compiled."""
    for _ in range(num_steps):
        job.advance(1, DECODE, _NOTHING, np.ascontiguousarray(engine.predict(state))[None])
        engine.feed(state, job.last_values())


def _map_threads(
    function: Callable[[_Item], _Result], items: Sequence[_Item], num_threads: int | None
) -> Iterator[_Result]:
    """Results in order; kernels let go of the interpreter, so that threads run side by side."""
    if num_threads is None:
        num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if num_threads <= 1 or len(items) <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(min(num_threads, len(items))) as pool:
        yield from pool.map(function, items)
