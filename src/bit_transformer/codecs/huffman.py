"""Huffman codes on bytes: common bytes get short words, rare ones long words of up to 15 bits.

The payload is four bits that choose the table, the table itself unless it is a shared one, a word
for each whole byte, and the bits that are left over, as they are. Codes are canonical, so a table
is the length of each byte's word and nothing else, and always complete: any string of bits is a
string of words. With a shared table, which both sides know and in which every byte has a word,
the whole payload is: the tables are in :mod:`~bit_transformer.codecs.huffman_tables`. The layout
is on the page docs/formats/frame.md.

A source of one byte value, over and over, has words of no bits at all.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
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
from bit_transformer.codecs.huffman_kernels import (
    MAX_TABLE_BITS,
    TABLE_CUT,
    TABLE_INCOMPLETE,
    TABLE_OK,
    count_bytes,
    decode_words,
    encode_words,
    optimal_lengths,
    parse_table,
    spread_words,
    words_of,
    write_table,
)
from bit_transformer.codecs.huffman_tables import SHARED_TABLES, SharedTable
from bit_transformer.errors import InputError

__all__ = ["HuffmanCodec"]

_SELECTOR_BITS = 4
_MAX_PREFIX_BITS = _SELECTOR_BITS + MAX_TABLE_BITS


class HuffmanCodec(PackedCodec):
    """A canonical Huffman code, with the source's own table in the payload or a shared one.

    Args:
        table: the shared table to write with; whatever it is, all tables are read.
    """

    name = "huffman"
    number = 1

    def __init__(self, table: SharedTable | None = None) -> None:
        self.table = table
        self.is_complete = table is not None

    @override
    def configured(
        self,
        *,
        level: int | None = None,
        table: str | None = None,
        dictionary: bytes | None = None,
    ) -> Codec:
        super().configured(level=level, dictionary=dictionary)
        if table is None:
            return self
        if table not in SHARED_TABLES:
            raise InputError(
                f"there is no shared table {table!r}; choose from {', '.join(SHARED_TABLES)}"
            )
        return HuffmanCodec(SHARED_TABLES[table])

    @override
    def payload_prefix(self) -> np.ndarray:
        return _selector(self.table.number) if self.table else _selector(0)

    @override
    def encode_packed(self, source: Packed) -> Packed:
        if not source.num_bits:
            return source
        num_bytes = source.num_bits // 8
        prefix = [self.payload_prefix()]
        if self.table is not None:
            words = _shared_words(self.table)
        else:
            counts = count_bytes(source.data[:num_bytes])
            lengths = optimal_lengths(counts)
            words = words_of(lengths)
            if num_bytes:
                prefix.append(write_table(counts, lengths))
        return _write(np.concatenate(prefix), source, words)

    @override
    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded:
        if not num_bits:
            return PackedDecoded(Packed(payload.data[:0], 0), 0)
        first = np.unpackbits(payload.data[: _MAX_PREFIX_BITS // 8 + 1])
        opened = _open_prefix(first[: payload.num_bits], has_table=num_bits >= 8)
        if isinstance(opened, _Fault):
            return PackedDecoded(Packed(payload.data[:0], 0), 0, *opened)
        code, start = opened
        source, num_read = _decode_from(payload, start, code, num_bits)
        if source.num_bits == num_bits:
            return PackedDecoded(source, num_read)
        return PackedDecoded(
            source, num_read, cut_payload(source.num_bits, num_bits), payload.num_bits
        )

    @override
    def start_decoding(self, num_bits: int) -> PayloadDecoder:
        return _HuffmanDecoder(self, num_bits)


class _Code(NamedTuple):
    """What decoding needs: each word's byte and length, by the first bits of what is to be read.

    Shapes:
        entries: (2^num_peek_bits,) ``uint16``, 16 · byte + length.
    """

    entries: np.ndarray
    num_peek_bits: int
    min_length: int


class _Fault(NamedTuple):
    problem: str
    problem_position: int


class _HuffmanDecoder(PayloadDecoder):
    """Bytes come out as their words are complete; once the table is read, few bits are held."""

    def __init__(self, codec: Codec, num_bits: int) -> None:
        super().__init__(codec, num_bits)
        self._held = np.zeros(0, dtype=np.uint8)
        self._code: _Code | None = None

    @override
    def feed(self, payload: np.ndarray) -> np.ndarray:
        payload = np.concatenate([self._held, payload])
        start = 0
        if self._code is None:
            opened = _open_prefix(payload[:_MAX_PREFIX_BITS], has_table=self.num_bits >= 8)
            self._held = payload
            if isinstance(opened, _Fault):
                if opened.problem != _PREFIX_CUT:
                    self.problem, self.problem_position = opened
                return payload[:0]
            self._code, start = opened
        wanted = self.num_bits - self.num_decoded
        source, num_read = _decode_from(pack(payload), start, self._code, wanted)
        self._held = payload[num_read:]
        self.num_read += num_read
        self.num_decoded += source.num_bits
        return np.unpackbits(source.data, count=source.num_bits)

    @override
    def finish(self) -> np.ndarray:
        if not self.is_done and self.problem is None:
            is_open = self._code is not None
            self.problem = cut_payload(self.num_decoded, self.num_bits) if is_open else _PREFIX_CUT
            self.problem_position = self.num_read + len(self._held)
        return np.zeros(0, dtype=np.uint8)


_PREFIX_CUT = "the payload ends within the code table"


def _selector(number: int) -> np.ndarray:
    return np.array([number >> place & 1 for place in range(3, -1, -1)], dtype=np.uint8)


@cache
def _shared_words(table: SharedTable) -> np.ndarray:
    return words_of(table.lengths())


@cache
def _shared_code(number: int) -> _Code | None:
    for table in SHARED_TABLES.values():
        if table.number == number:
            return _code_of(table.lengths())
    return None


def _code_of(lengths: np.ndarray) -> _Code:
    num_peek_bits = int(lengths.max())
    min_length = int(lengths[lengths > 0].min(initial=num_peek_bits))
    return _Code(spread_words(lengths, num_peek_bits), num_peek_bits, min_length)


def _open_prefix(bits: np.ndarray, *, has_table: bool) -> tuple[_Code, int] | _Fault:
    """The code that a payload is written in and where its words begin, or what is wrong."""
    if len(bits) < _SELECTOR_BITS:
        return _Fault(_PREFIX_CUT, len(bits))
    number = int(np.packbits(bits[:_SELECTOR_BITS])[0]) >> 4
    if number:
        code = _shared_code(number)
        if code is None:
            return _Fault(f"no shared table has the number {number}", 0)
        return code, _SELECTOR_BITS
    lengths = np.zeros(256, dtype=np.uint8)
    if not has_table:
        return _code_of(lengths), _SELECTOR_BITS
    status, byte, position = parse_table(bits, _SELECTOR_BITS, lengths)
    if status == TABLE_CUT:
        return _Fault(_PREFIX_CUT, len(bits))
    if status == TABLE_OK:
        if byte >= 0:
            return _Code(np.array([byte << 4], dtype=np.uint16), 0, 0), position
        return _code_of(lengths), position
    reason = "do not make a complete code" if status == TABLE_INCOMPLETE else "go beyond byte 255"
    return _Fault(f"the words of its table {reason}", position)


def _write(prefix: np.ndarray, source: Packed, words: np.ndarray) -> Packed:
    """The prefix, a word for each byte of the source, and its last few bits."""
    num_bytes, num_left = divmod(source.num_bits, 8)
    out = np.empty(len(prefix) // 8 + 2 * num_bytes + 8, dtype=np.uint8)
    packed_prefix = np.packbits(prefix)
    out[: len(packed_prefix)] = packed_prefix
    tail = int(source.data[-1]) >> (8 - num_left) if num_left else 0
    num_bits = encode_words(source.data[:num_bytes], words, out, len(prefix), tail, num_left)
    return Packed(out[: -(-num_bits // 8)], num_bits)


def _decode_from(payload: Packed, start: int, code: _Code, num_bits: int) -> tuple[Packed, int]:
    """Up to ``num_bits`` source bits from payload bit ``start`` on, and the bits read."""
    num_wanted = num_bytes = num_bits // 8
    if code.min_length:
        num_bytes = min(num_bytes, (payload.num_bits - start) // code.min_length)
    out = np.zeros(num_bytes + 1, dtype=np.uint8)
    num_done, position = decode_words(
        payload.data, payload.num_bits, start, code.entries, code.num_peek_bits, out[:num_bytes]
    )
    num_left = 0
    if num_done == num_wanted:
        num_left = min(num_bits % 8, payload.num_bits - position)
        for place in range(num_left):
            bit = payload.data[position >> 3] >> (7 - (position & 7)) & 1
            out[num_done] |= bit << (7 - place)
            position += 1
    num_out = 8 * num_done + num_left
    return Packed(out[: -(-num_out // 8)], num_out), position
