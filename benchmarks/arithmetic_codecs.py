"""Two codes driven by a small model of bytes, to ask what of a compressed stream can be learned.

``arithmetic`` is one arithmetic code over the whole source: the nearer a code comes to what its
model leaves over, the more its bits look like a coin's, so this one is the negative control.
``windows16`` writes the same model's predictions in windows of 16 bits that stand alone: each
holds as many bytes as fit, and the next one begins afresh (the equal-information windows of
Lester et al. 2024, "Training LLMs over Neurally Compressed Text", in a form that needs no
padding: 2^16 numbers are dealt out to the bytes by their probability, again and again, until the
next byte's share is empty).

The model is the frequency of each byte after the byte before it, counted on training data and
fixed. It belongs to the codec, as a dictionary does; the frames do not hold it.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from typing_extensions import override

from bit_transformer.codecs import Codec
from bit_transformer.codecs.codec import Decoded
from bit_transformer.errors import InputError

__all__ = ["ArithmeticCodec", "WindowCodec", "byte_model"]

TOTAL = 1 << 14
START = 256
"""The place of the counts of bytes that have no byte before them."""

HALF, QUARTER = 1 << 31, 1 << 30
WINDOW = 1 << 16
END = 1
"""Of each window's numbers, one says that the window ends."""


def byte_model(data: bytes) -> NDArray[np.int64]:
    """Cumulated counts of each byte after each byte, (257, 257), every row from 0 to 2^14."""
    values = np.frombuffer(data, np.uint8).astype(np.int64)
    counts = np.zeros((257, 256))
    np.add.at(counts, (values[:-1], values[1:]), 1.0)
    counts[START] = np.bincount(values, minlength=256)
    overall = (counts[START] + 0.02) / (counts[START] + 0.02).sum()
    shares = counts + 4.0 * overall  # a row that was rarely seen leans on the frequencies overall
    shares /= shares.sum(axis=1, keepdims=True)
    whole = 1 + np.floor(shares * (TOTAL - 256)).astype(np.int64)
    whole[np.arange(257), shares.argmax(axis=1)] += TOTAL - whole.sum(axis=1)
    return np.concatenate([np.zeros((257, 1), np.int64), whole.cumsum(axis=1)], axis=1)


class ArithmeticCodec(Codec):
    """One arithmetic code over the whole source (Witten, Neal and Cleary 1987)."""

    name = "arithmetic"
    number = 200

    def __init__(self, model: NDArray[np.int64]) -> None:
        self._model = model

    @override
    def encode(self, bits: np.ndarray) -> np.ndarray:
        source = whole_bytes(bits)
        out = np.empty(16 * len(source) + 64, np.uint8)
        return out[: encode_stream(source, self._model, out)].copy()

    @override
    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        source = np.empty(num_bits // 8, np.uint8)
        num_done = decode_stream(payload, self._model, source)
        return decoded(source[:num_done], num_bits, len(payload))


class WindowCodec(Codec):
    """Windows of 16 bits, each with as many bytes as fit."""

    name = "windows16"
    number = 201

    def __init__(self, model: NDArray[np.int64]) -> None:
        self._model = model

    @override
    def encode(self, bits: np.ndarray) -> np.ndarray:
        source = whole_bytes(bits)
        windows = np.empty(len(source) + 1, np.int64)
        num_windows = encode_windows(source, self._model, windows)
        return np.unpackbits(windows[:num_windows].astype(">u2").view(np.uint8))

    @override
    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        whole = payload[: len(payload) // 16 * 16]
        windows = np.packbits(whole).view(">u2").astype(np.int64)
        source = np.empty(num_bits // 8, np.uint8)
        num_done = decode_windows(windows, self._model, source)
        return decoded(source[:num_done], num_bits, len(payload))


def whole_bytes(bits: np.ndarray) -> np.ndarray:
    if len(bits) % 8:
        raise InputError(f"{len(bits)} bits are no whole bytes, which is all this code takes")
    return np.packbits(bits)


def decoded(source: np.ndarray, num_bits: int, num_read: int) -> Decoded:
    bits = np.unpackbits(source)
    if len(bits) == num_bits:
        return Decoded(bits, num_read)
    return Decoded(bits, num_read, "the end is missing", num_read)


@njit(cache=True)
def encode_stream(source, model, out):
    low, high, num_out, num_held, before = 0, 2 * HALF - 1, 0, 0, START
    for value in source:
        span = high - low + 1
        high = low + span * model[before, value + 1] // TOTAL - 1
        low = low + span * model[before, value] // TOTAL
        before = value
        while True:
            if high < HALF:
                bit = 0
            elif low >= HALF:
                bit = 1
                low -= HALF
                high -= HALF
            elif low >= QUARTER and high < 3 * QUARTER:
                num_held += 1
                low = 2 * (low - QUARTER)
                high = 2 * (high - QUARTER) + 1
                continue
            else:
                break
            out[num_out] = bit
            out[num_out + 1 : num_out + 1 + num_held] = 1 - bit
            num_out += 1 + num_held
            num_held = 0
            low, high = 2 * low, 2 * high + 1
    bit = 1 if low >= QUARTER else 0
    out[num_out] = bit
    out[num_out + 1 : num_out + 2 + num_held] = 1 - bit
    return num_out + 2 + num_held


@njit(cache=True)
def decode_stream(payload, model, source):
    """How many bytes came out before the payload ended; zeros follow its end."""
    low, high, code, place, before = 0, 2 * HALF - 1, 0, 0, START
    for _ in range(32):
        code = 2 * code + (payload[place] if place < len(payload) else 0)
        place += 1
    for i in range(len(source)):
        span = high - low + 1
        share = ((code - low + 1) * TOTAL - 1) // span
        value = np.searchsorted(model[before], share, side="right") - 1
        high = low + span * model[before, value + 1] // TOTAL - 1
        low = low + span * model[before, value] // TOTAL
        source[i] = value
        before = value
        while True:
            if high < HALF:
                shift = 0
            elif low >= HALF:
                shift = HALF
            elif low >= QUARTER and high < 3 * QUARTER:
                shift = QUARTER
            else:
                break
            low, high, code = 2 * (low - shift), 2 * (high - shift) + 1, 2 * (code - shift)
            code += payload[place] if place < len(payload) else 0
            place += 1
        if place - 30 > len(payload):
            return i
    return len(source)


@njit(cache=True)
def shares_of(model, before, size):
    """Where each byte's numbers begin within a span; the span's first number ends the window."""
    return END + model[before] * (size - END) // TOTAL


@njit(cache=True)
def encode_windows(source, model, windows):
    num_windows, i = 0, 0
    while i < len(source):
        first, size, before = 0, WINDOW, START
        while i < len(source):
            edges = shares_of(model, before, size)
            value = source[i]
            if edges[value + 1] == edges[value]:
                break
            first, size, before = first + edges[value], edges[value + 1] - edges[value], value
            i += 1
        windows[num_windows] = first
        num_windows += 1
    return num_windows


@njit(cache=True)
def decode_windows(windows, model, source):
    num_done = 0
    for number in windows:
        first, size, before = 0, WINDOW, START
        while number > first and num_done < len(source):
            edges = shares_of(model, before, size)
            value = np.searchsorted(edges, number - first, side="right") - 1
            source[num_done] = value
            num_done += 1
            first, size, before = first + edges[value], edges[value + 1] - edges[value], value
        if num_done == len(source):
            break
    return num_done
