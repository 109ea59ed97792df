"""The first bits of a frame: which codec, and how many bits the source has.

The layout is on the page docs/formats/frame.md. Both parts are prefix codes that spend few bits
on what is common: two or three for the library's own codecs, and for the length about
log2 n + 2 log2 log2 n bits, Elias's delta code, where n counts whole bytes when it can.
"""

from typing import NamedTuple

import numpy as np

from bit_transformer.codecs.bit_reader import BitReader, EndOfBitsError
from bit_transformer.codecs.registry import FIRST_FREE_NUMBER, LAST_NUMBER
from bit_transformer.errors import CodecError

__all__ = ["MAX_HEADER_BITS", "FrameHeader", "read_header", "write_header"]

MAX_HEADER_BITS = 96
"""No header is longer: 12 bits for the codec, 1 for the unit, at most 73 for the length."""

_MAX_LENGTH_BITS = 63
"""Lengths are below 2^62 - 1, so that one more fits machine words everywhere."""


class FrameHeader(NamedTuple):
    """What a header says, and how many bits it takes to say it."""

    codec_number: int
    num_source_bits: int
    num_bits: int


def write_header(codec_number: int, num_source_bits: int) -> np.ndarray:
    """The header's bits, shape (H,), ``uint8``."""
    is_odd = num_source_bits % 8 > 0
    length = num_source_bits if is_odd else num_source_bits // 8
    text = _codec_code(codec_number) + str(int(is_odd)) + _delta_code(length + 1)
    return np.frombuffer(text.encode(), dtype=np.uint8) - ord("0")


def read_header(bits: np.ndarray) -> FrameHeader | None:
    """The header at the beginning of these bits, or None when they end within it.

    Raises:
        CodecError: another version of the format, or a malformed length.
    """
    reader = BitReader(bits[:MAX_HEADER_BITS].tolist())
    try:
        return _read_header(reader)
    except EndOfBitsError:
        return None


def _read_header(reader: BitReader) -> FrameHeader:
    number = _read_codec_number(reader)
    is_odd = reader.read(1)
    start = reader.position
    length = _read_delta(reader) - 1
    if is_odd and length % 8 == 0:
        raise _error(f"a length of {length} bits is written as if it were not whole bytes", start)
    return FrameHeader(number, length if is_odd else 8 * length, reader.position)


def _codec_code(number: int) -> str:
    if number < 2:
        return f"{number:02b}"
    if number < 4:
        return f"{number + 2:03b}"
    if number < FIRST_FREE_NUMBER:
        return f"110{number - 4:03b}"
    assert number <= LAST_NUMBER
    return f"1110{number - FIRST_FREE_NUMBER:08b}"


def _read_codec_number(reader: BitReader) -> int:
    number = reader.read(2)
    if number < 2:
        return number
    number = 2 * number + reader.read(1) - 2
    if number < 4:
        return number
    if number == 4:
        return 4 + reader.read(3)
    if reader.read(1):
        raise CodecError(
            "it is of another version than 1, which this release reads",
            codec=None,
            bit_position=0,
            fix="decompress it with the release that wrote it, or check that it is a frame",
        )
    return FIRST_FREE_NUMBER + reader.read(8)


def _delta_code(value: int) -> str:
    """Elias's delta code: the number of digits in the gamma code, the digits but the first."""
    digits = f"{value:b}"
    count = f"{len(digits):b}"
    return "0" * (len(count) - 1) + count + digits[1:]


def _read_delta(reader: BitReader) -> int:
    start = reader.position
    num_zeros = 0
    while not reader.read(1):
        num_zeros += 1
        if num_zeros == _MAX_LENGTH_BITS.bit_length():
            raise _error("the length has more than 62 digits", start)
    num_digits = (1 << num_zeros) + reader.read(num_zeros)
    if num_digits >= _MAX_LENGTH_BITS:
        raise _error("the length has more than 62 digits", start)
    return (1 << num_digits - 1) + reader.read(num_digits - 1)


def _error(reason: str, position: int) -> CodecError:
    fix = "check that these are the bits of a frame, from its first one on"
    return CodecError(reason, codec=None, bit_position=position, fix=fix)
