"""The job ``inspect``: the bits of a frame, and what each stretch of them means."""

from itertools import takewhile
from typing import Any

import numpy as np

from bit_transformer.codecs.codec import Packed
from bit_transformer.codecs.frame import (
    choose_codec,
    frame_codec,
    open_header,
    read_frame,
    write_frame,
)
from bit_transformer.codecs.header import FrameHeader
from bit_transformer.dashboard.failures import describe
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker.channel import JobContext
from bit_transformer.dashboard.worker.data import is_whole_bytes, source_packed
from bit_transformer.dashboard.worker.segments import Segment, payload_segments
from bit_transformer.errors import InputError

__all__ = ["header_segments", "inspect", "segments_of"]

_FURTHEST_BIT = 1 << 22
_CODEC_BITS = {0: 2, 1: 2, 2: 3, 3: 3}
_LIBRARY_CODEC_BITS, _OUTSIDE_CODEC_BITS, _FIRST_OUTSIDE = 6, 12, 12


def inspect(arguments: dict[str, Any], context: JobContext, results: ResultStore) -> dict[str, Any]:
    """The answer to an ``InspectRequest``.

    Raises:
        InputError: there is no such codec, or the view begins too far in.
        CodecError: the header cannot be read.
        MissingDependencyError: the codec's package is not installed.
    """
    del results
    context.check()
    first, last = arguments["first_bit"], arguments["first_bit"] + arguments["max_bits"]
    if last > _FURTHEST_BIT:
        raise InputError(
            f"the view ends at bit {last:,}, and is explained up to bit {_FURTHEST_BIT:,}; "
            "begin earlier"
        )
    source = source_packed(arguments["source"])
    if arguments["codec"] is not None:
        source = write_frame(source, choose_codec(arguments["codec"]))
    max_bits = 8 * arguments["max_bytes"]
    header = open_header(source, max_bits=max_bits)
    is_padded = arguments["codec"] is None and is_whole_bytes(arguments["source"])
    content = read_frame(source, max_bits=max_bits, is_padded=is_padded, wants_prefix=True)
    segments = segments_of(source, header, content.num_read, last)
    bits = np.unpackbits(source.data[: -(-last // 8)])[first : min(last, source.num_bits)]
    return {
        "codec": frame_codec(header).name,
        "num_bits": source.num_bits,
        "num_source_bits": header.num_source_bits,
        "first_bit": first,
        "bits": "".join(map(str, bits.tolist())),
        "segments": [
            one._asdict()
            for one in segments
            if one.start < last and one.start + one.num_bits > first
        ],
        "is_cut": last < source.num_bits,
        "error": None if content.error is None else describe(content.error, "inspect").model_dump(),
    }


def segments_of(frame: Packed, header: FrameHeader, num_read: int, last_bit: int) -> list[Segment]:
    """What the bits of a frame mean, up to ``last_bit`` or a little further, without gaps.

    Args:
        num_read: bits that a reader needs; what follows is padding, or not part of the frame.
    """
    bits = np.unpackbits(frame.data[: -(-(last_bit + 64) // 8)])[: frame.num_bits].tolist()
    codec = frame_codec(header).name
    found = header_segments(bits, header, codec)
    payload = payload_segments(codec, bits[: max(num_read, header.num_bits)], header)
    found += takewhile(lambda one: one.start < last_bit, payload)
    end = found[-1].start + found[-1].num_bits
    if end < frame.num_bits and end < last_bit:
        rest = bits[end:]
        is_padding = frame.num_bits - end < 8 and not any(rest) and end >= num_read
        kind, label = ("padding", "zeros up to a whole byte") if is_padding else (
            "unread", "not read: the frame is damaged here, or longer than it says"
        )  # fmt: skip
        found.append(Segment(end, frame.num_bits - end, kind, label))
    return found


def header_segments(bits: list[int], header: FrameHeader, codec: str) -> list[Segment]:
    """The three parts of a header."""
    number = header.codec_number
    size = _CODEC_BITS.get(
        number, _LIBRARY_CODEC_BITS if number < _FIRST_OUTSIDE else _OUTSIDE_CODEC_BITS
    )
    is_in_bits = bool(bits[size])
    length = header.num_source_bits if is_in_bits else header.num_source_bits // 8
    unit = "bits" if is_in_bits else "bytes"
    rest = header.num_bits - size - 1
    return [
        Segment(0, size, "header", f"codec: {codec}"),
        Segment(size, 1, "header", f"length in {unit}"),
        Segment(size + 1, rest, "header", f"length: {length:,} {unit}"),
    ]
