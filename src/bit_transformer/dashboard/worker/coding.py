"""The jobs of the codec lab: ``compare``, ``compress`` and ``decompress``."""

import time
from typing import Any

import numpy as np

from bit_transformer.codecs.codec import Codec, Packed
from bit_transformer.codecs.frame import (
    FrameContent,
    choose_codec,
    frame_codec,
    open_header,
    read_frame,
    write_frame,
)
from bit_transformer.codecs.registry import codec_names, get_codec
from bit_transformer.dashboard.failures import describe
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker.channel import JobContext
from bit_transformer.dashboard.worker.data import is_whole_bytes, source_packed
from bit_transformer.errors import BitTransformerError, CodecError, DataError, InputError

__all__ = ["compare", "compress", "decompress", "frame_facts", "ratios"]

FRAME_SUFFIX = ".frame"
_SHARED = ("huffman:english",)
_WARM_UP_BYTES = 1 << 12
_PREVIEW_BYTES = 4096


def compare(arguments: dict[str, Any], context: JobContext, results: ResultStore) -> dict[str, Any]:
    """The answer to a ``CompareRequest``.

    Raises:
        InputError: there is no data.
    """
    del results
    source = source_packed(arguments["source"])
    if not source.num_bits:
        raise InputError("there is no data to compress; give at least one bit")
    names = arguments["codecs"] or [*codec_names(), *_SHARED]
    found = []
    for name in dict.fromkeys(names):
        context.check()
        found.append(_measured(name, source, arguments["level"]))
    good = [one for one in found if "error" not in one]
    smallest = min((one["num_bits"] for one in good), default=None)
    for one in good:
        one["is_smallest"] = one["num_bits"] == smallest
    found.sort(key=lambda one: one.get("num_bits", float("inf")))
    return {"num_source_bits": source.num_bits, "results": found}


def compress(
    arguments: dict[str, Any], context: JobContext, results: ResultStore
) -> dict[str, Any]:
    """The answer to a ``CompressRequest``.

    Raises:
        InputError: there is no such codec, or it has no such setting.
        MissingDependencyError: its package is not installed.
        StorageError: the disk is full.
    """
    context.check()
    source = source_packed(arguments["source"])
    codec = choose_codec(arguments["codec"], level=arguments["level"], table=arguments["table"])
    frame = write_frame(source, codec)
    name = f"{arguments['source']['name']}{FRAME_SUFFIX}"
    return {
        "download": results.add(name, frame.data.tobytes()).model_dump(),
        "frame": frame_facts(frame, source.num_bits),
        **ratios(source.num_bits, frame.num_bits),
    }


def decompress(
    arguments: dict[str, Any], context: JobContext, results: ResultStore
) -> dict[str, Any]:
    """The answer to a ``DecompressRequest``.

    Raises:
        CodecError: the frame is damaged, and all of it was asked for; or nothing of it can be
            read.
        MissingDependencyError: the codec's package is not installed.
        StorageError: the disk is full.
    """
    context.check()
    wants_prefix = arguments["mode"] == "prefix"
    content = read_frame(
        source_packed(arguments["source"]),
        max_bits=8 * arguments["max_bytes"],
        is_padded=is_whole_bytes(arguments["source"]),
        wants_prefix=wants_prefix,
    )
    if content.error is not None and (not wants_prefix or content.codec is None):
        raise content.error
    data = content.source.data.tobytes()
    name = arguments["source"]["name"].removesuffix(FRAME_SUFFIX)
    return {
        "download": results.add(name or "data", data).model_dump(),
        "preview": _preview(data),
        "codec": content.codec,
        "is_complete": content.error is None,
        "num_frame_bits": content.num_read,
        "num_source_bits": content.num_source_bits,
        "num_decoded_bits": content.source.num_bits,
        "error": _told(content.error),
    }


def frame_facts(frame: Packed, max_bits: int) -> dict[str, Any]:
    """What a frame's header says, as JSON."""
    header = open_header(frame, max_bits=max_bits)
    return {
        "codec": frame_codec(header).name,
        "num_source_bits": header.num_source_bits,
        "header_bits": header.num_bits,
        "num_payload_bits": frame.num_bits - header.num_bits,
    }


def ratios(num_source_bits: int, num_bits: int) -> dict[str, float | None]:
    """How much smaller; None where there is nothing to compare."""
    return {
        "compressed_fraction": num_bits / num_source_bits if num_source_bits else None,
        "compression_ratio": num_source_bits / num_bits if num_bits else None,
    }


def _measured(name: str, source: Packed, level: int | None) -> dict[str, Any]:
    try:
        codec = name if name == "auto" else _codec(name, level)
        frame, encode_s, decode_s = _timed(name, codec, source)
    except BitTransformerError as error:
        return {"name": name, "error": describe(error, "compare").model_dump()}
    return {
        "name": name,
        "num_bits": frame.num_bits,
        "header_bits": open_header(frame, max_bits=source.num_bits).num_bits,
        **ratios(source.num_bits, frame.num_bits),
        "encode_s": encode_s,
        "decode_s": decode_s,
    }


def _codec(name: str, level: int | None) -> Codec:
    codec = get_codec(name)
    has_levels = getattr(codec, "level", None) is not None
    return codec.configured(level=level) if level is not None and has_levels else codec


def _timed(name: str, codec: str | Codec, source: Packed) -> tuple[Packed, float, float]:
    """The frame, and the seconds of writing and of reading it."""
    first = source.data[:_WARM_UP_BYTES]
    # Compiles what is compiled, and loads what is loaded, before the time counts.
    read_frame(write_frame(Packed(first, 8 * len(first)), codec))
    start = time.perf_counter()
    frame = write_frame(source, codec)
    middle = time.perf_counter()
    content = read_frame(frame, max_bits=source.num_bits)
    end = time.perf_counter()
    _check(name, source, content)
    return frame, middle - start, end - middle


def _check(name: str, source: Packed, content: FrameContent) -> None:
    is_same = content.source.num_bits == source.num_bits and np.array_equal(
        content.source.data, source.data
    )
    if content.error is not None or not is_same:
        raise DataError(f"the codec {name!r} does not give the data back; please report it")


def _preview(data: bytes) -> dict[str, Any]:
    first = data[:_PREVIEW_BYTES]
    try:
        text = first.decode()
    except UnicodeDecodeError as error:
        is_cut_inside = len(data) > len(first) and error.start >= len(first) - 3
        text = first[: error.start].decode() if is_cut_inside else None
    return {"text": text, "hex": first.hex(), "is_cut": len(data) > len(first)}


def _told(error: CodecError | None) -> dict[str, Any] | None:
    return None if error is None else describe(error, "decompress").model_dump()
