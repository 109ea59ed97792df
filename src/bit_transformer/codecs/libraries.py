"""Codecs of well-kept libraries, on whole bytes: deflate, lzma, brotli, lz4.

They compress better than this room's own codes, or faster; but few bit strings are payloads of
theirs, so that a model which writes them will err. Each uses its library's raw format: checksums
are left out, and so is what a frame says already.

The source is filled up with zeros to whole bytes, and the payload of an empty one is empty.
Levels are the libraries' own, and decoders do not need them. How damaged payloads are read stands
in :mod:`~bit_transformer.codecs.reading`; the codec with dictionaries has a module of its own,
:mod:`~bit_transformer.codecs.zstd`.

Invariant: windows are sized by the declared length, never by the payload. Only brotli chooses its
own, of 16 MiB at most.
"""

import lzma
import zlib
from abc import abstractmethod
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from typing_extensions import override

from bit_transformer.codecs.codec import Packed, PackedCodec, PackedDecoded, first_bits
from bit_transformer.codecs.lz4_block import read_damaged_block
from bit_transformer.codecs.reading import BufferingReader, Reader, Reading, read_payload
from bit_transformer.errors import InputError, MissingDependencyError

__all__ = ["BrotliCodec", "DeflateCodec", "LibraryCodec", "Lz4Codec", "LzmaCodec"]


_LZMA_MIN_WINDOW = 1 << 12
_LZMA_MAX_WINDOW = 1 << 26

_LZ4_FIRST_THOROUGH = 3

_LZ4_MAX_RATIO = 255
"""Bytes that one byte of an LZ4 block stands for, at most."""


class LibraryCodec(PackedCodec):
    """A codec on whole bytes, at one of the levels that its library knows.

    Args:
        level: from quick to thorough; None means ``default_level``.

    Raises:
        InputError: there is no such level.
    """

    levels: ClassVar[range]
    default_level: ClassVar[int]

    def __init__(self, level: int | None = None) -> None:
        self.level = self.default_level if level is None else level
        if self.level not in self.levels:
            raise InputError(
                f"{self.name} has no level {level}; choose one from {self.levels[0]} "
                f"to {self.levels[-1]}"
            )

    @override
    def encode_packed(self, source: Packed) -> Packed:
        if not source.num_bits:
            return source
        payload = np.frombuffer(self.compress(source.data.data), dtype=np.uint8)
        return Packed(payload, 8 * len(payload))

    @override
    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded:
        if not num_bits:
            return PackedDecoded(Packed(payload.data[:0], 0), 0)
        whole_bytes = np.ascontiguousarray(payload.data[: payload.num_bits // 8]).data
        data, num_read, problem = self.decompress(whole_bytes, -(-num_bits // 8))
        bits = min(8 * len(data), num_bits)
        source = Packed(np.frombuffer(data, dtype=np.uint8), 8 * len(data))
        where = None if problem is None else 8 * num_read
        return PackedDecoded(first_bits(source, bits), 8 * num_read, problem, where)

    @override
    def configured(
        self,
        *,
        level: int | None = None,
        table: str | None = None,
        dictionary: bytes | None = None,
    ) -> "LibraryCodec":
        super().configured(table=table, dictionary=dictionary)
        return self if level is None else type(self)(level)

    @abstractmethod
    def compress(self, data: memoryview) -> bytes:
        """The payload of some bytes."""

    @abstractmethod
    def decompress(self, payload: memoryview, num_bytes: int) -> Reading:
        """What the payload holds of ``num_bytes``."""


class DeflateCodec(LibraryCodec):
    """Raw deflate (RFC 1951), by zlib."""

    name = "deflate"
    number = 5
    levels = range(10)
    default_level = 6

    @override
    def compress(self, data: memoryview) -> bytes:
        compressor = zlib.compressobj(self.level, zlib.DEFLATED, -zlib.MAX_WBITS)
        return compressor.compress(data) + compressor.flush()

    @override
    def decompress(self, payload: memoryview, num_bytes: int) -> Reading:
        return read_payload(_DeflateReader, payload, num_bytes, (zlib.error,))

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        # A match is 258 bytes at most and takes a code of at least one bit each for its length
        # and its distance.
        return num_bits // 8 // 258 * 2


class _DeflateReader(Reader):
    """zlib hands back what it has not used, and takes a limit of zero for none."""

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(-zlib.MAX_WBITS)

    @override
    def read(self, data: bytes | memoryview, limit: int) -> bytes:
        kept = self._decompressor.unconsumed_tail
        return self._decompressor.decompress(kept + bytes(data) if kept else data, limit)

    @property
    @override
    def is_ended(self) -> bool:
        return self._decompressor.eof

    @property
    @override
    def num_unused(self) -> int:
        return len(self._decompressor.unused_data)


class LzmaCodec(LibraryCodec):
    """Raw LZMA2, as within an xz file, by the standard library."""

    name = "lzma"
    number = 8
    levels = range(10)
    default_level = 6

    @override
    def compress(self, data: memoryview) -> bytes:
        filters = [{**_lzma_filter(len(data)), "preset": self.level}]
        return lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters)

    @override
    def decompress(self, payload: memoryview, num_bytes: int) -> Reading:
        filters = [_lzma_filter(num_bytes)]

        def start() -> Reader:
            return BufferingReader(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))

        return read_payload(start, payload, num_bytes, (lzma.LZMAError,))

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        # A chunk holds 2 MiB at most and takes a header of three bytes and at least one more.
        return -(-num_bits // (8 << 21)) * 32


def _lzma_filter(num_bytes: int) -> dict[str, Any]:
    """The filter for so many bytes, whose window both directions must agree on."""
    fitting_bytes = 1 << (num_bytes - 1).bit_length()
    window_bytes = min(max(fitting_bytes, _LZMA_MIN_WINDOW), _LZMA_MAX_WINDOW)
    return {"id": lzma.FILTER_LZMA2, "dict_size": window_bytes}


class BrotliCodec(LibraryCodec):
    """Brotli (RFC 7932), whose dictionary of English and HTML helps short messages."""

    name = "brotli"
    number = 7
    levels = range(12)
    default_level = 9

    def __init__(self, level: int | None = None) -> None:
        self._library = _import("brotli", "brotli", "the codec brotli")
        super().__init__(level)

    @override
    def compress(self, data: memoryview) -> bytes:
        return self._library.compress(data, quality=self.level)

    @override
    def decompress(self, payload: memoryview, num_bytes: int) -> Reading:
        def start() -> Reader:
            return _BrotliReader(self._library.Decompressor())

        return read_payload(start, payload, num_bytes, (self._library.error,))

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        # A meta-block holds 16 MiB at most and takes a header of at least two bytes.
        return -(-num_bits // (8 << 24)) * 16


class _BrotliReader(Reader):
    """Brotli gives out 32 KiB at a time, whatever the limit, and refuses what follows its end."""

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    @override
    def read(self, data: bytes | memoryview, limit: int) -> bytes:
        return self._decompressor.process(data, output_buffer_limit=limit)

    @property
    @override
    def is_ended(self) -> bool:
        return self._decompressor.is_finished()

    @property
    @override
    def num_unused(self) -> int:
        return 0


class Lz4Codec(LibraryCodec):
    """An LZ4 block: the quickest to decode. Levels from 3 on search thoroughly."""

    name = "lz4"
    number = 6
    levels = range(1, 13)
    default_level = 1

    def __init__(self, level: int | None = None) -> None:
        self._library = _import("lz4.block", "lz4", "the codec lz4")
        super().__init__(level)

    @override
    def compress(self, data: memoryview) -> bytes:
        if self.level < _LZ4_FIRST_THOROUGH:
            return self._library.compress(data, store_size=False, acceleration=1)
        return self._library.compress(
            data, store_size=False, mode="high_compression", compression=self.level
        )

    @override
    def decompress(self, payload: memoryview, num_bytes: int) -> Reading:
        # What cannot come out is not made room for.
        limit = min(num_bytes, _LZ4_MAX_RATIO * len(payload))
        try:
            data = self._library.decompress(payload, uncompressed_size=limit)
        except self._library.LZ4BlockError:
            return read_damaged_block(payload, num_bytes)
        if len(data) < num_bytes:
            problem = f"the payload ends after {len(data)} of {num_bytes} bytes"
            return Reading(data, len(payload), problem)
        return Reading(data, len(payload))

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        return num_bits // 8 // _LZ4_MAX_RATIO * 8


def _import(module: str, package: str, purpose: str) -> Any:
    """An optional library.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingDependencyError(package, "codecs", purpose) from None
