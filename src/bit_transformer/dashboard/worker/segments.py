"""The code words of a payload, one by one, for people to look at.

A second reader of the formats on docs/formats/frame.md, plain where the codecs are quick: it
keeps what each word stands for. Codes of other libraries are one stretch. A reader that meets
the end of the bits stops without a word.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bit_transformer.codecs.bit_reader import BitReader, EndOfBitsError
from bit_transformer.codecs.header import FrameHeader
from bit_transformer.codecs.huffman_tables import SHARED_TABLES
from bit_transformer.codecs.lz_code import CLASS_STARTS, LENGTH_ORDER, MAX_ZEROS, MIN_LENGTH

__all__ = ["Segment", "payload_segments"]

_SHOWN_BYTES = 24
_LONGEST_RUN = (1 << 16) - 1


class Segment(NamedTuple):
    """A stretch of bits with one meaning; kinds as in the interface."""

    start: int
    num_bits: int
    kind: str
    label: str


def payload_segments(codec: str, bits: list[int], header: FrameHeader) -> Iterator[Segment]:
    """The words of the payload that begins behind the header, in their order, without gaps.

    Args:
        bits: those of the frame, as far as a reader needs them.
    """
    reader = BitReader(bits, header.num_bits)
    walk = {"stored": _stored, "rle": _rle, "huffman": _huffman, "lz": _lz}.get(codec)
    if not header.num_source_bits:
        return
    if walk is None:
        if not reader.is_at_end:
            size = len(bits) - reader.position
            yield Segment(reader.position, size, "code", f"{codec}: the library's own code")
        return
    try:
        yield from walk(reader, header.num_source_bits)
    except EndOfBitsError:
        return


def _stored(reader: BitReader, num_bits: int) -> Iterator[Segment]:
    left = num_bits
    while left:
        start, size = reader.position, min(8, left)
        value = reader.read(size)
        left -= size
        label = _byte(value) if size == 8 else f"{size} bits"
        yield Segment(start, size, "literal", label)


def _rle(reader: BitReader, num_bits: int) -> Iterator[Segment]:
    start = reader.position
    bit = reader.read(1)
    yield Segment(start, 1, "literal", f"the first bit: {bit}")
    done = 0
    while done < num_bits:
        start, length = reader.position, 0
        while (num_zeros := reader.zeros(16)) == 16:
            length += _LONGEST_RUN
        length += (1 << num_zeros) + reader.read(num_zeros)
        shown = min(length, num_bits - done)
        name = ("zero", "one")[bit] if shown == 1 else ("zeros", "ones")[bit]
        beyond = f", and {length - shown:,} beyond the end" if length > shown else ""
        yield Segment(start, reader.position - start, "run", f"{shown:,} {name}{beyond}")
        done += length
        bit = 1 - bit


def _huffman(reader: BitReader, num_bits: int) -> Iterator[Segment]:
    start = reader.position
    number = reader.read(4)
    shared = {table.number: (name, table) for name, table in SHARED_TABLES.items()}
    if number in shared:
        name, table = shared[number]
        yield Segment(start, 4, "table", f"shared table: {name}")
        lengths = dict(enumerate(table.lengths().tolist()))
    elif number:
        return
    else:
        yield Segment(start, 4, "table", "a table of its own")
        lengths = {}
        if num_bits >= 8:
            start = reader.position
            lengths = _own_table(reader)
            size = reader.position - start
            yield Segment(start, size, "table", f"the table: {len(lengths)} byte values")
    words = _canonical(lengths)
    for _ in range(num_bits // 8):
        start = reader.position
        value = _word(reader, words)
        yield Segment(start, reader.position - start, "code", _byte(value))
    if num_bits % 8:
        start = reader.position
        reader.read(num_bits % 8)
        yield Segment(start, num_bits % 8, "literal", f"the last {num_bits % 8} bits")


def _own_table(reader: BitReader) -> dict[int, int]:
    """Length of the word of each byte value that has one."""
    count, values, value = reader.read(8) + 1, [], -1
    for _ in range(count):
        num_zeros = reader.zeros(9)
        value += (1 << num_zeros) + reader.read(num_zeros)
        if value > 255:
            raise EndOfBitsError
        values.append(value)
    if count == 1:
        return {values[0]: 0}
    return {value: reader.read(4) for value in values}


def _canonical(lengths: dict[int, int]) -> dict[tuple[int, int], int]:
    """The byte of each word, by the word's length and number."""
    words, word, before = {}, 0, 0
    for value, length in sorted(lengths.items(), key=lambda pair: (pair[1], pair[0])):
        word <<= length - before
        words[length, word] = value
        word, before = word + 1, length
    return words


def _word(reader: BitReader, words: dict[tuple[int, int], int]) -> int:
    value = 0
    for length in range(16):
        if length:
            value = 2 * value + reader.read(1)
        if (length, value) in words:
            return words[length, value]
    raise EndOfBitsError


def _lz(reader: BitReader, num_bits: int) -> Iterator[Segment]:
    data = bytearray()
    num_bytes = -(-num_bits // 8)
    while len(data) < num_bytes:
        start = reader.position
        if not data or not reader.read(1):
            size = min(8, num_bits - 8 * len(data))
            value = reader.read(size)
            data.append(value << 8 - size)
            label = _byte(value) if size == 8 else f"the last {size} bits"
            yield Segment(start, reader.position - start, "literal", label)
            continue
        length, distance = _match_length(reader), _match_distance(reader, len(data))
        first = len(data)
        for _ in range(min(length, num_bytes - first)):
            data.append(data[-distance])
        size = len(data) - first
        shown = _text(bytes(data[first : first + _SHOWN_BYTES])) + ("…" * (size > _SHOWN_BYTES))
        label = f"{size:,} bytes from {distance:,} back: {shown}"
        yield Segment(start, reader.position - start, "match", label)


def _match_length(reader: BitReader) -> int:
    num_zeros = reader.zeros(MAX_ZEROS)
    base = ((1 << num_zeros) - 1) << LENGTH_ORDER
    return MIN_LENGTH + base + reader.read(num_zeros + LENGTH_ORDER)


def _match_distance(reader: BitReader, num_bytes: int) -> int:
    most = min(num_bytes, CLASS_STARTS[-1])
    starts = [start for start in CLASS_STARTS[:-1] if start < most]
    number = _phase_in(reader, len(starts))
    end = min(CLASS_STARTS[number + 1], most)
    return starts[number] + _phase_in(reader, end - starts[number]) + 1


def _phase_in(reader: BitReader, count: int) -> int:
    size = count.bit_length() - 1
    short = (1 << size + 1) - count
    value = reader.read(size)
    return value if value < short else 2 * value + reader.read(1) - short


def _byte(value: int) -> str:
    return f"{_text(bytes([value]))} ({value:#04x})"


def _text(data: bytes) -> str:
    """Bytes as people read them."""
    names = {10: "↵", 9: "⇥", 32: "␣"}
    return "".join(
        names.get(value, chr(value) if 32 < value < 127 else f"\\x{value:02x}") for value in data
    )
