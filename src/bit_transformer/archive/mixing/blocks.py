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

from bit_transformer.archive.mixing.coder import finish_encoding, new_coder, start_decoding
from bit_transformer.archive.mixing.contexts import POSITION, RECORD
from bit_transformer.archive.mixing.interface import MAX_LANES, Level
from bit_transformer.archive.mixing.levels import default_lanes, level_settings
from bit_transformer.archive.mixing.model import Model, new_model, new_registers
from bit_transformer.archive.mixing.predictor import DECODE, ENCODE, code_steps
from bit_transformer.archive.mixing.priming import (
    NO_ODDS,
    PrimedModels,
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
from bit_transformer.archive.mixing.setup import Setup, decode_setup, encode_setup

if TYPE_CHECKING:
    from bit_transformer.archive.engine.interface import Engine

__all__ = ["Means", "code_length", "decode", "encode"]

_Bytes = bytes | bytearray | memoryview
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_NOTHING = np.zeros(1, dtype=np.uint8)
_MAX_GROUP_BYTES = 1 << 30
"""Blocks that are decoded together each have a model; so many bytes of models are enough."""
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
    lender: PrimedModels | None
    registers: np.ndarray
    history: np.ndarray
    coder: np.ndarray
    payload: np.ndarray

    def advance(self, num_steps: int, task: int, source: np.ndarray, odds: np.ndarray) -> float:
        """Code so many bytes of each lane; how many bits they cost when encoding."""
        costs = np.zeros(1, dtype=np.float64)
        code_steps(
            self.model,
            self.registers,
            self.history,
            self.primer_bytes,
            self.lane_bytes,
            num_steps,
            task,
            source,
            self.coder,
            self.payload,
            odds,
            costs,
        )
        return float(costs[0])

    @property
    def model_bytes(self) -> int:
        """What the model takes of memory."""
        return sum(array.nbytes for array in self.model)

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

    if means.engine is not None:  # it uses the threads itself
        return [encode_one(block) for block in blocks]
    return list(_map_threads(encode_one, blocks, num_threads))


def decode(
    payloads: Sequence[_Bytes], sizes: Sequence[int], means: Means, num_threads: int | None
) -> list[bytes]:
    """One block per payload; see ``interface.decode_blocks``."""

    def decode_one(item: tuple[_Bytes, int]) -> bytes:
        return _decode_alone(_start_decoding(*item, means))

    items = list(zip(payloads, sizes, strict=True))
    engine = means.engine
    if engine is None:
        return list(_map_threads(decode_one, items, num_threads))
    blocks: list[bytes] = []
    for group in _groups_of_lanes(items, means):
        if group[0].setup.asks_engine:
            _decode_together(group, engine)
            blocks += [job.finish() for job in group]
        else:
            blocks += _map_threads(_decode_alone, group, num_threads)
    return blocks


def code_length(block: _Bytes, means: Means, lanes: int | None) -> float:
    """Bits that an ideal coder needs; see ``interface.code_length_bits``."""
    return _smallest(block, means, lanes)[1]


def _smallest(block: _Bytes, means: Means, lanes: int | None) -> tuple[bytes, float]:
    """The smaller payload of those with and without the engine, and the bits it needs.

    Without, a block is one lane, so what learns from it learns in order, and decoding is many times
    as quick. Where a file repeats itself, that is worth more than what a trained model knows.
    """
    size = len(block)
    if size == 0:
        return b"", 0.0
    data, shape = _prepared(bytes(block))
    usual = default_lanes(means.level, size, has_engine=means.engine is not None)
    num_lanes = min(usual if lanes is None else lanes, data.size)
    setup = Setup(num_lanes, shape, data.size, means.engine is not None)
    found = _encode_block(size, data, setup, means)
    is_worth_trying = len(found[0]) < _REPETITIVE * size or not shape.is_text
    if lanes is not None or not setup.asks_engine or not is_worth_trying:
        return found
    alone = _encode_block(size, data, setup._replace(num_lanes=1, asks_engine=False), means)
    return min(alone, found, key=lambda payload_and_cost: len(payload_and_cost[0]))


def _encode_block(size: int, data: np.ndarray, setup: Setup, means: Means) -> tuple[bytes, float]:
    """The payload, and how many bits its probabilities sum to."""
    has_engine = means.engine is not None
    usual = default_lanes(means.level, size, has_engine=has_engine)
    payload = np.empty(16 * data.size + 64, dtype=np.uint8)  # 16 bits per bit at the very worst
    coder = new_coder()
    encode_setup(coder, payload, setup, usual, has_engine=has_engine)
    job = _new_job(size, setup, means, coder, payload)
    source = job.history.copy()
    source[job.primer_bytes : job.primer_bytes + data.size] = data
    engine = means.engine if setup.asks_engine else None
    odds = NO_ODDS if engine is None else odds_along(engine, _cut(data, job))
    cost = job.advance(job.lane_bytes, ENCODE, source, odds)
    job.finish()
    return payload[: finish_encoding(coder, payload)].tobytes(), cost


def _prepared(block: bytes) -> tuple[np.ndarray, Shape]:
    """The bytes to code, and as what."""
    data = np.frombuffer(bytearray(block), dtype=np.uint8)
    shape = measure_shape(data)
    narrow = None if shape.is_text else narrowed(block)
    if narrow is None:
        return data, shape
    return np.frombuffer(bytearray(narrow), dtype=np.uint8), Shape(True, WIDE_TEXT)


def _cut(data: np.ndarray, job: _Job) -> np.ndarray:
    """The block's lanes, the last ones filled up with zeros; uint8 (lanes, steps)."""
    cut = np.zeros((job.setup.num_lanes, job.lane_bytes), dtype=np.uint8)
    cut.reshape(-1)[: data.size] = data
    return cut


def _start_decoding(payload: _Bytes, size: int, means: Means) -> _Job:
    """A job that has read a payload's setup and not yet any byte."""
    array = np.frombuffer(bytearray(payload) or bytearray(1), dtype=np.uint8)
    coder = new_coder()
    start_decoding(coder, array)
    has_engine = means.engine is not None
    usual = default_lanes(means.level, size, has_engine=has_engine)
    setup = decode_setup(coder, array, usual, size, has_engine=has_engine)
    return _new_job(size, setup, means, coder, array)


def _new_job(size: int, setup: Setup, means: Means, coder: np.ndarray, payload: np.ndarray) -> _Job:
    settings = level_settings(means.level, means.version)
    lender = None
    primer = _NOTHING[:0]
    if means.primer and setup.shape.is_text:
        log_buckets = settings.log_buckets(len(means.primer) + size)
        engine = means.engine if setup.asks_engine else None
        lender = primed_models(settings, log_buckets, means.primer, engine)
        primer, model = lender.history, lender.lend()
    else:
        model = new_model(settings, settings.log_buckets(size), is_text=setup.shape.is_text)
    num_bytes = setup.num_bytes
    lane_bytes = max(1, -(-num_bytes // setup.num_lanes))
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


def _groups_of_lanes(items: list[tuple[_Bytes, int]], means: Means) -> Iterator[list[_Job]]:
    """Jobs that go together: all with the engine and about as long, or all without it.

    With at most MAX_LANES lanes and so much memory together.
    """
    group: list[_Job] = []
    for payload, size in items:
        job = _start_decoding(payload, size, means)
        num_lanes = sum(other.setup.num_lanes for other in group) + job.setup.num_lanes
        num_bytes = sum(other.model_bytes for other in group) + job.model_bytes
        is_full = num_lanes > MAX_LANES or num_bytes > _MAX_GROUP_BYTES
        if group and (is_full or not _fits(job, group[0])):
            yield group
            group = []
        group.append(job)
    if group:
        yield group


def _fits(job: _Job, other: _Job) -> bool:
    """Whether lanes are about as long, so that neither waits much for the other."""
    if not (job.setup.asks_engine and other.setup.asks_engine):
        return job.setup.asks_engine == other.setup.asks_engine
    return job.lane_bytes <= 2 * other.lane_bytes and other.lane_bytes <= 2 * job.lane_bytes


def _decode_alone(job: _Job) -> bytes:
    """Decode a block that needs no engine."""
    job.advance(job.lane_bytes, DECODE, _NOTHING, NO_ODDS)
    return job.finish()


def _decode_together(jobs: list[_Job], engine: Engine) -> None:
    """Decode several blocks step by step, the engine predicting for all their lanes at once."""
    state = engine.start(sum(job.setup.num_lanes for job in jobs))
    num_steps = max(job.lane_bytes for job in jobs)
    for step in range(num_steps):
        odds = np.ascontiguousarray(engine.predict(state))
        first = 0
        for job in jobs:
            job.advance(1, DECODE, _NOTHING, odds[None, first : first + job.setup.num_lanes])
            first += job.setup.num_lanes
        if step + 1 < num_steps:
            engine.feed(state, np.concatenate([job.last_values() for job in jobs]))


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
