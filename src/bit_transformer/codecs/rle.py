"""Run lengths: how many equal bits follow each other, over and over.

The payload is the first bit of the source, then the length of each run. A length n below 2^16 is
written in Elias's gamma code: as many zeros as it has digits after the first, then its digits.
Sixteen zeros, which no length begins with, stand for 65535 bits after which the run goes on.
So no codeword is longer than 31 bits, and the code is complete: any string of bits is a string
of lengths. What the last run has beyond the end of the source does not count.

A run of two costs three bits, so the worst payload is half as long again as its source, and text,
whose runs have fewer than two bits on average, always grows. Long runs shrink by up to 4095.

Inside, runs are found and written several at a time, through tables indexed by eight bits of
the source (:func:`_encode_table`) or twelve of the payload (:func:`_decode_table`).
"""

from functools import cache

import numpy as np
from numba import njit
from typing_extensions import override

from bit_transformer.codecs.codec import (
    Codec,
    Packed,
    PackedCodec,
    PackedDecoded,
    PayloadDecoder,
    cut_payload,
    pack,
)

__all__ = ["RleCodec"]

_LENGTH_DIGITS = 16
_LONGEST = (1 << _LENGTH_DIGITS) - 1
_MAX_OPEN = 15
"""Runs that reach into a byte of the source with more bits than these are written singly."""

_PEEK_BITS = 12
"""Bits of the payload that are looked up at once."""

_MAX_CHUNK = 32
"""Source bits that one look-up may give; longer runs are decoded singly."""


class RleCodec(PackedCodec):
    """Run lengths in a complete, bounded code."""

    name = "rle"
    number = 2
    is_complete = True
    has_open_end = True

    @override
    def encode_packed(self, source: Packed) -> Packed:
        out = np.empty(source.num_bits * 3 // 16 + 16, dtype=np.uint8)
        if not source.num_bits:
            return Packed(out[:0], 0)
        num_bits = _encode(source.data, source.num_bits, _encode_table(), out)
        return Packed(out[: -(-num_bits // 8)], num_bits)

    @override
    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded:
        if not num_bits:
            return PackedDecoded(Packed(payload.data[:0], 0), 0)
        source, num_read, _ = _decode_from(payload, num_bits, -1)
        if source.num_bits == num_bits:
            return PackedDecoded(source, num_read)
        return PackedDecoded(
            source, num_read, cut_payload(source.num_bits, num_bits), payload.num_bits
        )

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        return 1 + num_bits // _LONGEST * _LENGTH_DIGITS

    @override
    def start_decoding(self, num_bits: int) -> PayloadDecoder:
        return _RleDecoder(self, num_bits)


class _RleDecoder(PayloadDecoder):
    """Runs come out as their lengths are complete; fewer than 31 bits are ever held back."""

    def __init__(self, codec: Codec, num_bits: int) -> None:
        super().__init__(codec, num_bits)
        self._held = np.zeros(0, dtype=np.uint8)
        self._bit = -1

    @override
    def feed(self, payload: np.ndarray) -> np.ndarray:
        payload = np.concatenate([self._held, payload])
        wanted = self.num_bits - self.num_decoded
        source, num_read, self._bit = _decode_from(pack(payload), wanted, self._bit)
        self._held = payload[num_read:]
        self.num_read += num_read
        self.num_decoded += source.num_bits
        return np.unpackbits(source.data, count=source.num_bits)

    @override
    def finish(self) -> np.ndarray:
        if not self.is_done:
            self.problem = cut_payload(self.num_decoded, self.num_bits)
            self.problem_position = self.num_read + len(self._held)
        return np.zeros(0, dtype=np.uint8)


def _decode_from(payload: Packed, num_bits: int, bit: int) -> tuple[Packed, int, int]:
    """Up to ``num_bits`` source bits, the payload bits read, and the bit of the next run.

    Args:
        bit: the bit of the first run; -1 when the payload begins with it.
    """
    if not payload.num_bits:
        return Packed(payload.data[:0], 0), 0, bit
    num_bits = min(num_bits, payload.num_bits * (_LONGEST // _LENGTH_DIGITS + 1))
    out = np.empty(-(-num_bits // 8) + 8, dtype=np.uint8)
    num_out, num_read, next_bit = _decode(
        payload.data, payload.num_bits, bit, _decode_table(), out, num_bits
    )
    return Packed(out[: -(-num_out // 8)], num_out), num_read, int(next_bit)


@cache
def _encode_table() -> np.ndarray:
    """What the runs that end in a byte of the source are written as.

    Shapes:
        returns: (16 · 256,) ``int64``, indexed by 256 · open + changes, where ``open`` bits of
            a run came before the byte, and ``changes`` has a one wherever a bit differs from the
            one before it. An entry holds the written bits << 16, their number << 8, and the bits
            of the run that is open after the byte.
    """
    table = np.zeros((_MAX_OPEN + 1) * 256, dtype=np.int64)
    for index in range(256, len(table)):
        open_bits, changes = divmod(index, 256)
        text = ""
        for place in range(7, -1, -1):
            if changes >> place & 1:
                text += "0" * (open_bits.bit_length() - 1) + f"{open_bits:b}"
                open_bits = 0
            open_bits += 1
        table[index] = int("0" + text, 2) << 16 | len(text) << 8 | open_bits
    return table


@cache
def _decode_table() -> np.ndarray:
    """What the complete lengths at the beginning of some payload bits give.

    Shapes:
        returns: (2^12,) ``int64``, indexed by the bits. An entry holds the source bits for a
            first run of zeros << 16, their number << 8, payload bits that were read << 1, and
            whether an odd number of runs was read; 0 when nothing could be read.
    """
    table = np.zeros(1 << _PEEK_BITS, dtype=np.int64)
    for index in range(1 << _PEEK_BITS):
        text = f"{index:0{_PEEK_BITS}b}"
        bits, num_read, bit = "", 0, 0
        while "1" in text[num_read:]:
            first = text.index("1", num_read)
            end = 2 * first - num_read + 1
            if end > _PEEK_BITS:
                break
            length = int(text[first:end], 2)
            if len(bits) + length > _MAX_CHUNK:
                break
            bits += str(bit) * length
            num_read, bit = end, 1 - bit
        if num_read:
            table[index] = int(bits, 2) << 16 | len(bits) << 8 | num_read << 1 | bit
    return table


@njit(cache=True)
def _write_length(length, acc, num_acc, out, position):
    """Append the code of one run to fewer than 32 bits that wait; after it, fewer than 8 do."""
    while length > _LONGEST:
        acc <<= _LENGTH_DIGITS
        num_acc += _LENGTH_DIGITS
        length -= _LONGEST
        while num_acc >= 8:
            num_acc -= 8
            out[position] = acc >> num_acc & 0xFF
            position += 1
        acc &= 0xFF
    num_digits = 0
    while length >> num_digits:
        num_digits += 1
    acc = acc << (2 * num_digits - 1) | length
    num_acc += 2 * num_digits - 1
    while num_acc >= 8:
        num_acc -= 8
        out[position] = acc >> num_acc & 0xFF
        position += 1
    return acc & 0xFF, num_acc, position


@njit(cache=True)
def _encode(source, num_bits, table, out):
    """Write the payload of a source that is not empty; returns its number of bits."""
    previous = np.int64(source[0] >> 7)
    acc, num_acc, position = previous, 1, 0
    open_bits = 0
    num_whole = num_bits >> 3
    for i in range(len(source)):
        byte = np.int64(source[i])
        changes = byte ^ (byte >> 1 | previous << 7)
        previous = byte & 1
        if i == num_whole:
            num_left = num_bits & 7
            for place in range(7, 7 - num_left, -1):
                if changes >> place & 1:
                    acc, num_acc, position = _write_length(open_bits, acc, num_acc, out, position)
                    open_bits = 0
                open_bits += 1
        elif changes == 0:
            open_bits += 8
        elif 0 < open_bits <= _MAX_OPEN:
            entry = table[open_bits << 8 | changes]
            num_written = entry >> 8 & 0xFF
            acc = acc << num_written | entry >> 16
            num_acc += num_written
            open_bits = entry & 0xFF
            if num_acc >= 32:
                num_acc -= 32
                word = acc >> num_acc
                out[position] = word >> 24 & 0xFF
                out[position + 1] = word >> 16 & 0xFF
                out[position + 2] = word >> 8 & 0xFF
                out[position + 3] = word & 0xFF
                position += 4
                acc &= (1 << num_acc) - 1
        else:
            for place in range(7, -1, -1):
                if changes >> place & 1:
                    acc, num_acc, position = _write_length(open_bits, acc, num_acc, out, position)
                    open_bits = 0
                open_bits += 1
    acc, num_acc, position = _write_length(open_bits, acc, num_acc, out, position)
    if num_acc:
        out[position] = acc << (8 - num_acc) & 0xFF
    return 8 * position + num_acc


@njit(cache=True)
def _peek(data, start):
    """Bits from ``start`` on at the top of 40: at least 33 of them, zeros after the end."""
    first = start >> 3
    window = np.int64(0)
    for i in range(first, first + 5):
        window = window << 8
        if i < len(data):
            window |= np.int64(data[i])
    return window << (start & 7) & 0xFFFFFFFFFF


@njit(cache=True)
def _append(bits, count, acc, num_acc, out, position):
    """Append up to 32 bits to fewer than 8 that wait."""
    acc = acc << count | bits
    num_acc += count
    while num_acc >= 8:
        num_acc -= 8
        out[position] = acc >> num_acc & 0xFF
        position += 1
    return acc & 0xFF, num_acc, position


@njit(cache=True)
def _read_length(window):
    """The first length in a window of payload bits, its own bits, and whether it ends its run."""
    zeros = 0
    while zeros < _LENGTH_DIGITS and not window >> (39 - zeros) & 1:
        zeros += 1
    if zeros == _LENGTH_DIGITS:
        return _LONGEST, _LENGTH_DIGITS, 0
    size = 2 * zeros + 1
    return window >> (40 - size), size, 1


@njit(cache=True)
def _decode(payload, payload_bits, bit, table, out, num_bits):
    """Source bits into ``out``, which has eight bytes more than they need.

    Returns the source bits written, the payload bits read, and the bit of the next run.
    """
    read = 0
    if bit < 0:
        bit = np.int64(payload[0] >> 7)
        read = 1
    acc, num_acc, position = np.int64(0), 0, 0
    num_out = 0
    while num_out < num_bits and read < payload_bits:
        window = _peek(payload, read)
        entry = table[window >> (40 - _PEEK_BITS)]
        num_read = entry >> 1 & 0x7F
        count = entry >> 8 & 0xFF
        if 0 < num_read <= payload_bits - read and count <= num_bits - num_out:
            bits = entry >> 16 ^ ((1 << count) - 1) * bit
            acc, num_acc, position = _append(bits, count, acc, num_acc, out, position)
            num_out += count
            bit ^= entry & 1
            read += num_read
            continue
        length, size, is_end = _read_length(window)
        if size > payload_bits - read:
            break
        read += size
        length = min(length, num_bits - num_out)
        num_out += length
        while length > 0:
            count = min(length, 32)
            bits = ((1 << count) - 1) * bit
            acc, num_acc, position = _append(bits, count, acc, num_acc, out, position)
            length -= count
        bit ^= is_end
    if num_acc:
        out[position] = acc << (8 - num_acc) & 0xFF
    return num_out, read, bit
