"""Blocks to payloads and back: lanes cut, models primed, engines asked, threads used.

``interface`` beside this module checks arguments; ``predictor`` codes the bits. Here is what lies
between: where each lane begins, what the first bits of a payload say, who computes when.

A payload begins, inside the coder, with the number of lanes and the kind of block; where both are
usual, they cost a small part of a bit.

Invariants: payloads do not depend on the number of threads; memory is bounded by the block's size
and the level's, and taken per block that is being worked on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from bit_transformer.archive.mixing.coder import (
    decode_bit,
    encode_bit,
    finish_encoding,
    new_coder,
    start_decoding,
)
from bit_transformer.archive.mixing.contexts import POSITION, RECORD
from bit_transformer.archive.mixing.interface import MAX_LANES, Level
from bit_transformer.archive.mixing.levels import default_lanes, level_settings
from bit_transformer.archive.mixing.model import Model, copy_model, new_model, new_registers
from bit_transformer.archive.mixing.predictor import DECODE, ENCODE, PRIME, code_steps
from bit_transformer.archive.mixing.records import MAX_RECORD, Shape, measure_shape

if TYPE_CHECKING:
    from bit_transformer.archive.engine.interface import Engine

__all__ = ["code_length", "decode", "encode"]

_BitsOf = bytes | bytearray | memoryview
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_PROB_USUAL_LANES = 65000
_PROB_TEXT = 60000
_LANE_BITS = 6
_RECORD_BITS = 11
_MAX_ODDS_BYTES = 1 << 26
_NO_ODDS = np.zeros((0, 0, 0), dtype=np.int16)
_NOTHING = np.zeros(1, dtype=np.uint8)


@dataclass
class _Job:
    """One block being coded."""

    size: int
    lane_bytes: int
    model: Model
    registers: np.ndarray
    history: np.ndarray
    coder: np.ndarray
    payload: np.ndarray

    @property
    def num_lanes(self) -> int:
        return self.registers.shape[0]


def encode(
    blocks: Sequence[_BitsOf],
    level: Level,
    engine: Engine | None,
    primer: bytes,
    lanes: int | None,
    num_threads: int | None,
) -> list[bytes]:
    """One payload per block; see ``interface.encode_blocks``."""

    def encode_one(block: _BitsOf) -> bytes:
        return _encode_block(block, level, engine, primer, lanes)[0]

    if engine is not None:  # it uses the threads itself
        return [encode_one(block) for block in blocks]
    return list(_map_threads(encode_one, blocks, num_threads))


def decode(
    payloads: Sequence[_BitsOf],
    sizes: Sequence[int],
    level: Level,
    engine: Engine | None,
    primer: bytes,
    num_threads: int | None,
) -> list[bytes]:
    """One block per payload; see ``interface.decode_blocks``."""

    def decode_one(item: tuple[_BitsOf, int]) -> bytes:
        job = _start_decoding(*item, level, primer, has_engine=False)
        _advance(job, job.lane_bytes, DECODE, _NOTHING, _NO_ODDS)
        return _decoded(job, primer)

    items = list(zip(payloads, sizes, strict=True))
    if engine is None:
        return list(_map_threads(decode_one, items, num_threads))
    blocks: list[bytes] = []
    for group in _groups_of_lanes(items, level, primer):
        _decode_together(group, engine)
        blocks += [_decoded(job, primer) for job in group]
    return blocks


def code_length(
    block: _BitsOf, level: Level, engine: Engine | None, primer: bytes, lanes: int | None
) -> float:
    """Bits that an ideal coder needs; see ``interface.code_length_bits``."""
    return _encode_block(block, level, engine, primer, lanes)[1]


def _encode_block(
    block: _BitsOf, level: Level, engine: Engine | None, primer: bytes, lanes: int | None
) -> tuple[bytes, float]:
    """The payload, and how many bits its probabilities sum to."""
    if len(block) == 0:
        return b"", 0.0
    usual = default_lanes(len(block), has_engine=engine is not None)
    num_lanes = usual if lanes is None else min(lanes, len(block))
    data = np.frombuffer(bytearray(block), dtype=np.uint8)
    shape = measure_shape(data)
    payload = np.empty(16 * data.size + 64, dtype=np.uint8)  # 16 bits per bit at the very worst
    coder = new_coder()
    _encode_setup(coder, payload, num_lanes, usual, shape)
    job = _new_job(data.size, num_lanes, shape, level, primer, coder, payload)
    source = np.concatenate([np.zeros(len(primer), dtype=np.uint8), data])
    odds = _NO_ODDS if engine is None else _odds_along(engine, data, job)
    cost = _advance(job, job.lane_bytes, ENCODE, source, odds)
    return payload[: finish_encoding(coder, payload)].tobytes(), cost


def _start_decoding(
    payload: _BitsOf, size: int, level: Level, primer: bytes, *, has_engine: bool
) -> _Job:
    """A job that has read a payload's setup and not yet any byte."""
    array = np.frombuffer(bytearray(payload) or bytearray(1), dtype=np.uint8)
    coder = new_coder()
    start_decoding(coder, array)
    usual = default_lanes(size, has_engine=has_engine)
    num_lanes, shape = _decode_setup(coder, array, usual)
    return _new_job(size, min(num_lanes, max(size, 1)), shape, level, primer, coder, array)


def _decoded(job: _Job, primer: bytes) -> bytes:
    return job.history[len(primer) : len(primer) + job.size].tobytes()


def _new_job(
    size: int,
    num_lanes: int,
    shape: Shape,
    level: Level,
    primer: bytes,
    coder: np.ndarray,
    payload: np.ndarray,
) -> _Job:
    lane_bytes = max(1, -(-size // num_lanes))
    begins = [min(lane * lane_bytes, size) + len(primer) for lane in range(num_lanes)]
    ends = [min(begin + lane_bytes, size + len(primer)) for begin in begins]
    registers = new_registers(begins, ends)
    registers[:, RECORD] = shape.record_bytes
    history = np.zeros(len(primer) + size + 1, dtype=np.uint8)
    history[: len(primer)] = np.frombuffer(primer, dtype=np.uint8)
    log_buckets = level_settings(level).log_buckets(len(primer) + size)
    if primer and shape.is_text:
        model = copy_model(_prime(level, log_buckets, primer))
    else:
        model = new_model(level_settings(level), log_buckets, is_text=shape.is_text)
    return _Job(size, lane_bytes, model, registers, history, coder, payload)


@lru_cache(maxsize=1)
def _prime(level: Level, log_buckets: int, primer: bytes) -> Model:
    """A model that has seen the primer; kept, since the next block wants it too."""
    model = new_model(level_settings(level), log_buckets)
    source = np.frombuffer(bytearray(primer), dtype=np.uint8)
    history = np.zeros(len(primer) + 1, dtype=np.uint8)
    job = _Job(
        size=len(primer),
        lane_bytes=len(primer),
        model=model,
        registers=new_registers([0], [len(primer)]),
        history=history,
        coder=new_coder(),
        payload=np.zeros(1, dtype=np.uint8),
    )
    _advance(job, len(primer), PRIME, source, _NO_ODDS, primer_bytes=0)
    return model


def _advance(
    job: _Job,
    num_steps: int,
    task: int,
    source: np.ndarray,
    odds: np.ndarray,
    primer_bytes: int | None = None,
) -> float:
    """Code steps of a job; how many bits they cost when encoding."""
    costs = np.zeros(1, dtype=np.float64)
    if primer_bytes is None:
        primer_bytes = job.history.size - job.size - 1
    code_steps(
        job.model,
        job.registers,
        job.history,
        primer_bytes,
        job.lane_bytes,
        num_steps,
        task,
        source,
        job.coder,
        job.payload,
        odds,
        costs,
    )
    return float(costs[0])


def _odds_along(engine: Engine, data: np.ndarray, job: _Job) -> np.ndarray:
    """The engine's log-odds at the nodes that the block's bytes pass; (steps, lanes, 8)."""
    steps, lanes = job.lane_bytes, job.num_lanes
    cut = np.zeros((lanes, steps), dtype=np.uint8)
    cut.reshape(-1)[: data.size] = data
    along = np.empty((steps, lanes, 8), dtype=np.int16)
    state = engine.start(lanes)
    at_once = max(1, _MAX_ODDS_BYTES // (lanes * 512))
    for first in range(0, steps, at_once):
        some = np.ascontiguousarray(cut[:, first : first + at_once])
        odds = engine.extend(state, some)
        for bit_index in range(8):
            nodes = (1 << bit_index) | (some.astype(np.int64) >> (8 - bit_index))
            taken = np.take_along_axis(odds, nodes[:, :, None], axis=2)[:, :, 0]
            along[first : first + at_once, :, bit_index] = taken.T
    return along


def _groups_of_lanes(
    items: list[tuple[_BitsOf, int]], level: Level, primer: bytes
) -> Iterator[list[_Job]]:
    """Jobs of about the same length that have at most MAX_LANES lanes together."""
    group: list[_Job] = []
    for payload, size in items:
        job = _start_decoding(payload, size, level, primer, has_engine=True)
        num_lanes = sum(other.num_lanes for other in group) + job.num_lanes
        if group and (num_lanes > MAX_LANES or job.lane_bytes != group[0].lane_bytes):
            yield group
            group = []
        group.append(job)
    if group:
        yield group


def _decode_together(jobs: list[_Job], engine: Engine) -> None:
    """Decode several blocks step by step, the engine predicting for all their lanes at once."""
    num_lanes = sum(job.num_lanes for job in jobs)
    state = engine.start(num_lanes)
    values = np.zeros(num_lanes, dtype=np.uint8)
    num_steps = max(job.lane_bytes for job in jobs)
    for step in range(num_steps):
        odds = np.ascontiguousarray(engine.predict(state))
        first = 0
        for job in jobs:
            lanes = slice(first, first + job.num_lanes)
            _advance(job, 1, DECODE, _NOTHING, odds[None, lanes])
            at = job.registers[:, POSITION] - 1
            values[lanes] = job.history[np.maximum(at, 0)]
            first += job.num_lanes
        if step + 1 < num_steps:
            engine.feed(state, values)


def _encode_setup(
    coder: np.ndarray, payload: np.ndarray, num_lanes: int, usual: int, shape: Shape
) -> None:
    is_usual = num_lanes == usual
    encode_bit(coder, payload, int(is_usual), _PROB_USUAL_LANES)
    if not is_usual:
        _encode_number(coder, payload, num_lanes - 1, _LANE_BITS)
    encode_bit(coder, payload, int(shape.is_text), _PROB_TEXT)
    if not shape.is_text:
        _encode_number(coder, payload, shape.record_bytes, _RECORD_BITS)


def _decode_setup(coder: np.ndarray, payload: np.ndarray, usual: int) -> tuple[int, Shape]:
    """Number of lanes, and what kind of block this is."""
    num_lanes = usual
    if not decode_bit(coder, payload, _PROB_USUAL_LANES):
        num_lanes = _decode_number(coder, payload, _LANE_BITS) + 1
    if decode_bit(coder, payload, _PROB_TEXT):
        return num_lanes, Shape(True, 0)
    record_bytes = _decode_number(coder, payload, _RECORD_BITS)
    return num_lanes, Shape(False, min(record_bytes, MAX_RECORD))


def _encode_number(coder: np.ndarray, payload: np.ndarray, value: int, num_bits: int) -> None:
    for place in range(num_bits - 1, -1, -1):
        encode_bit(coder, payload, (value >> place) & 1, 1 << 15)


def _decode_number(coder: np.ndarray, payload: np.ndarray, num_bits: int) -> int:
    value = 0
    for _ in range(num_bits):
        value = 2 * value + decode_bit(coder, payload, 1 << 15)
    return value


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
