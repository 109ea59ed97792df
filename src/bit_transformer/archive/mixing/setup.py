"""What a payload says before its first byte: lanes, engine, kind of block, use of the primer.

Coded by the range coder like all else, so that where all are usual they cost a small part of a
bit. Whatever bits a payload begins with, they say something that can be decoded.

An engine is usually asked where there is one. A payload that says the usual number of lanes in
full, as though it were another one, does without: it has one lane.
"""

from typing import NamedTuple

import numpy as np

from bit_transformer.archive.mixing.coder import decode_bit, encode_bit
from bit_transformer.archive.mixing.records import WIDE_TEXT, Shape

__all__ = ["Setup", "Usual", "decode_setup", "encode_setup"]

_PROB_USUAL_LANES = 65000
_PROB_TEXT = 60000
_PROB_REMEMBERS = 16384
_LANE_BITS = 6
_RECORD_BITS = 11
_SIZE_BITS = 25


class Setup(NamedTuple):
    """How a block is coded.

    Args:
        num_lanes: into how many pieces it is cut.
        shape: which kind of block it is.
        num_bytes: how many are coded.
        asks_engine: whether the engine takes part.
        remembers: whether the primer's bytes count like the block's own earlier ones, or only what
            the mixers learned from them.
    """

    num_lanes: int
    shape: Shape
    num_bytes: int
    asks_engine: bool
    remembers: bool = True


class Usual(NamedTuple):
    """What both sides know beforehand.

    Args:
        num_lanes: the usual number.
        has_engine: whether there is one.
        may_forget: whether a payload says if it remembers the primer: where an engine is asked and
            the block is text. Others do.
    """

    num_lanes: int
    has_engine: bool
    may_forget: bool = False


def encode_setup(coder: np.ndarray, payload: np.ndarray, setup: Setup, usual: Usual) -> None:
    """Begin a payload."""
    is_without = usual.has_engine and not setup.asks_engine
    is_usual = setup.num_lanes == usual.num_lanes and not is_without
    encode_bit(coder, payload, int(is_usual), _PROB_USUAL_LANES)
    if not is_usual:
        said_lanes = usual.num_lanes if is_without else setup.num_lanes
        _encode_number(coder, payload, said_lanes - 1, _LANE_BITS)
    shape = setup.shape
    is_plain_text = shape.is_text and shape.record_bytes != WIDE_TEXT
    encode_bit(coder, payload, int(is_plain_text), _PROB_TEXT)
    if not is_plain_text:
        _encode_number(coder, payload, shape.record_bytes, _RECORD_BITS)
        if shape.record_bytes == WIDE_TEXT:
            _encode_number(coder, payload, setup.num_bytes, _SIZE_BITS)
    if usual.may_forget and setup.asks_engine and shape.is_text:
        encode_bit(coder, payload, int(setup.remembers), _PROB_REMEMBERS)


def decode_setup(coder: np.ndarray, payload: np.ndarray, usual: Usual, num_bytes: int) -> Setup:
    """What a payload for a block of ``num_bytes`` begins with, bounded to what can be."""
    num_lanes, asks_engine = usual.num_lanes, usual.has_engine
    if not decode_bit(coder, payload, _PROB_USUAL_LANES):
        num_lanes = _decode_number(coder, payload, _LANE_BITS) + 1
        if num_lanes == usual.num_lanes:
            num_lanes, asks_engine = 1, False
    shape = Shape(True, 0)
    if not decode_bit(coder, payload, _PROB_TEXT):
        record_bytes = _decode_number(coder, payload, _RECORD_BITS)
        shape = Shape(record_bytes == WIDE_TEXT, record_bytes)
        if record_bytes == WIDE_TEXT:
            num_bytes = min(_decode_number(coder, payload, _SIZE_BITS), num_bytes)
    remembers = True
    if usual.may_forget and asks_engine and shape.is_text:
        remembers = bool(decode_bit(coder, payload, _PROB_REMEMBERS))
    return Setup(max(1, min(num_lanes, num_bytes)), shape, num_bytes, asks_engine, remembers)


def _encode_number(coder: np.ndarray, payload: np.ndarray, value: int, num_bits: int) -> None:
    for place in range(num_bits - 1, -1, -1):
        encode_bit(coder, payload, (value >> place) & 1, 1 << 15)


def _decode_number(coder: np.ndarray, payload: np.ndarray, num_bits: int) -> int:
    value = 0
    for _ in range(num_bits):
        value = 2 * value + decode_bit(coder, payload, 1 << 15)
    return value
