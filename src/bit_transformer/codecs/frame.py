"""Frames: a header that says which codec and how many bits, then the codec's payload.

This module writes and reads them on numpy arrays, and needs no PyTorch; worker processes use it.
:mod:`~bit_transformer.codecs.compression` is the same on tensors. The format is on the page
docs/formats/frame.md.

Invariants: a frame alone, with its length, gives back the source. The declared length is checked
against the caller's limit, and against the payload, before memory is taken for it. ``"auto"``
never costs more than the stored form. An empty source has no payload, whatever the codec.
"""

from typing import NamedTuple

import numpy as np

from bit_transformer.codecs.codec import Codec, Packed, first_bits, pack, unpack
from bit_transformer.codecs.header import MAX_HEADER_BITS, FrameHeader, read_header, write_header
from bit_transformer.codecs.registry import codec_by_number, get_codec
from bit_transformer.errors import CodecError, InputError

__all__ = [
    "AUTO_CODECS",
    "DEFAULT_MAX_BITS",
    "FrameContent",
    "check_length",
    "choose_codec",
    "compress_array",
    "decompress_array",
    "frame_codec",
    "header_cut",
    "open_header",
    "payload_error",
    "read_frame",
    "write_frame",
]

DEFAULT_MAX_BITS = 1 << 30
"""Source bits that a frame may declare unless the caller allows more: 128 MiB of bytes."""

AUTO_CODECS = ("stored", "rle", "huffman", "huffman:english", "lz", "zstd")
"""What ``"auto"`` tries: codes that are quick, need no optional package, and differ in kind."""

_SLOW_CODECS = ("lz",)
_MAX_SLOW_BITS = 1 << 19
"""Longer sources are not tried with the slow ones, which gain on others for short ones only."""

_DAMAGED = "compress the source again, or take the valid prefix with decompress_prefix"


class FrameContent(NamedTuple):
    """What came out of a frame: the longest valid prefix, and the error that stopped it.

    Args:
        num_source_bits: what the header declares, or None when it cannot be read.
        num_read: bits of the frame that were needed.
    """

    source: Packed
    codec: str | None
    num_source_bits: int | None
    num_read: int
    error: CodecError | None


def compress_array(bits: np.ndarray, codec: str | Codec = "auto") -> np.ndarray:
    """The frame of these bits. Shapes: (T,) to (N,), ``uint8`` zeros and ones.

    The caller has made sure that the values are zeros and ones.
    """
    return unpack(write_frame(pack(bits), codec))


def decompress_array(frame: np.ndarray, *, max_bits: int = DEFAULT_MAX_BITS) -> np.ndarray:
    """The source bits of a frame. Shapes: (N,) to (T,), ``uint8`` zeros and ones.

    Raises:
        CodecError: the frame is cut, damaged or longer than ``max_bits`` allows.
    """
    content = read_frame(pack(frame), max_bits=max_bits)
    if content.error is not None:
        raise content.error
    return unpack(content.source)


def choose_codec(
    codec: str | Codec,
    *,
    level: int | None = None,
    table: str | None = None,
    dictionary: bytes | None = None,
) -> str | Codec:
    """The codec with these settings, or ``"auto"`` as it is.

    Raises:
        InputError: there is no such codec, or it has no such setting; ``"auto"`` has none.
    """
    if codec != "auto":
        return get_codec(codec).configured(level=level, table=table, dictionary=dictionary)
    if (level, table, dictionary) != (None, None, None):
        raise InputError("codec='auto' chooses the settings too; name the codec that they are for")
    return "auto"


def write_frame(source: Packed, codec: str | Codec = "auto") -> Packed:
    """The frame of packed source bits, packed.

    Raises:
        InputError: there is no such codec.
    """
    if codec == "auto":
        return _write_smallest(source)
    return _join(*_encode(source, get_codec(codec)))


def open_header(frame: Packed, *, max_bits: int) -> FrameHeader:
    """The frame's header, when it is well-formed and within the limit.

    Raises:
        CodecError: it is not.
    """
    first = np.unpackbits(frame.data[: MAX_HEADER_BITS // 8])[: frame.num_bits]
    header = read_header(first)
    if header is None:
        raise header_cut(frame.num_bits)
    check_length(header, max_bits)
    return header


def header_cut(num_bits: int) -> CodecError:
    """The error for a frame that ends within its header, after ``num_bits``."""
    return CodecError(
        f"the bits end after {num_bits}, within the header",
        codec=None,
        bit_position=num_bits,
        fix="give the whole frame",
    )


def check_length(header: FrameHeader, max_bits: int) -> None:
    """Refuse a declared length that is above the limit.

    Raises:
        CodecError: it is.
    """
    if header.num_source_bits > max_bits:
        raise CodecError(
            f"it declares {header.num_source_bits} source bits, more than max_bits={max_bits}",
            codec=None,
            bit_position=0,
            fix="pass a larger max_bits if you trust where the frame comes from",
        )


def frame_codec(header: FrameHeader, dictionary: bytes | None = None) -> Codec:
    """The codec that a header names.

    Raises:
        CodecError: no codec has this number.
        InputError: a dictionary was given, and the codec has none.
        MissingDependencyError: its package is not installed.
    """
    codec = codec_by_number(header.codec_number)
    if codec is None:
        raise CodecError(
            f"no codec has the number {header.codec_number}",
            codec=None,
            bit_position=0,
            fix="register it with register_codec, or update bit-transformer",
        )
    return codec.configured(dictionary=dictionary)


def read_frame(
    frame: Packed,
    *,
    max_bits: int = DEFAULT_MAX_BITS,
    is_padded: bool = False,
    wants_prefix: bool = False,
    dictionary: bytes | None = None,
) -> FrameContent:
    """What is in a frame, as far as it can be read.

    Args:
        is_padded: up to seven zero bits may follow the frame, as when it came in whole bytes.
        wants_prefix: decode even a payload that is too short for the declared length.

    Raises:
        InputError: a dictionary was given, and the codec has none.
        MissingDependencyError: the codec's package is not installed.
    """
    empty = Packed(np.zeros(0, dtype=np.uint8), 0)
    try:
        header = open_header(frame, max_bits=max_bits)
        codec = frame_codec(header, dictionary)
    except CodecError as error:
        return FrameContent(empty, None, None, 0, error)
    content = FrameContent(empty, codec.name, header.num_source_bits, header.num_bits, None)
    if header.num_source_bits:
        content = _read_payload(frame, codec, content, wants_prefix)
    if content.error is None:
        content = content._replace(error=_trailing_error(frame, content, is_padded))
    return content


def _read_payload(
    frame: Packed, codec: Codec, content: FrameContent, wants_prefix: bool
) -> FrameContent:
    """The content with its source, given that without."""
    num_source_bits, header_bits = content.num_source_bits or 0, content.num_read
    payload = _bits_from(frame, header_bits)
    least = codec.min_payload_bits(num_source_bits)
    if payload.num_bits < least and not wants_prefix:
        reason = (
            f"{num_source_bits} source bits need {least} payload bits or more, "
            f"and there are {payload.num_bits}"
        )
        return content._replace(error=payload_error(codec, reason, frame.num_bits))
    decoded = codec.decode_packed(payload, num_source_bits)
    error = None
    if decoded.problem is not None:
        position = decoded.problem_position
        error = payload_error(
            codec, decoded.problem, None if position is None else header_bits + position
        )
    num_read = header_bits + decoded.num_read
    return content._replace(source=decoded.source, num_read=num_read, error=error)


def payload_error(codec: Codec, reason: str, position: int | None) -> CodecError:
    """The error for a payload that does not decode."""
    return CodecError(reason, codec=codec.name, bit_position=position, fix=_DAMAGED)


def _trailing_error(frame: Packed, content: FrameContent, is_padded: bool) -> CodecError | None:
    num_left = frame.num_bits - content.num_read
    if num_left == 0:
        return None
    if is_padded and num_left < 8 and not frame.data[-1] & (1 << num_left) - 1:
        return None
    return CodecError(
        f"the frame ends here, and {num_left} more bits follow",
        codec=content.codec,
        bit_position=content.num_read,
        fix=f"cut the bits after {content.num_read}; split_frames parts padded frames",
    )


def _write_smallest(source: Packed) -> Packed:
    best = _encode(source, get_codec("stored"))
    for name in AUTO_CODECS[1:] if source.num_bits else ():
        if name in _SLOW_CODECS and source.num_bits > _MAX_SLOW_BITS:
            continue
        header, payload = _encode(source, get_codec(name))
        if len(header) + payload.num_bits < len(best[0]) + best[1].num_bits:
            best = header, payload
    return _join(*best)


def _encode(source: Packed, codec: Codec) -> tuple[np.ndarray, Packed]:
    header = write_header(codec.number, source.num_bits)
    return header, codec.encode_packed(source) if source.num_bits else source


def _join(header: np.ndarray, payload: Packed) -> Packed:
    """Header and payload as one string of packed bits."""
    num_whole, shift = divmod(len(header), 8)
    num_bits = len(header) + payload.num_bits
    data = np.zeros(-(-num_bits // 8) + 1, dtype=np.uint8)
    packed_header = np.packbits(header)
    data[: len(packed_header)] = packed_header
    end = num_whole + len(payload.data)
    data[num_whole:end] |= payload.data >> shift
    if shift:
        data[num_whole + 1 : end + 1] |= payload.data << (8 - shift)
    return Packed(data[: -(-num_bits // 8)], num_bits)


def _bits_from(packed: Packed, start: int) -> Packed:
    """The packed bits from position ``start`` on."""
    num_whole, shift = divmod(start, 8)
    num_bits = packed.num_bits - start
    data = packed.data[num_whole:]
    if shift:
        shifted = data << shift
        shifted[:-1] |= data[1:] >> (8 - shift)
        data = shifted
    return first_bits(Packed(data[: -(-num_bits // 8)], num_bits), num_bits)
