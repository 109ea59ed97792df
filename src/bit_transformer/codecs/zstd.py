"""Zstandard: fast and small, with levels, and with dictionaries for short messages.

A payload is the blocks of one Zstandard frame (RFC 8878). The frame's own header is left out: the
decoder writes one from the declared length, so that a payload cannot ask for a larger window than
its source needs. A payload that was made with a dictionary begins with a byte that begins no
block, and the checksum of the dictionary: with another one, wrong bytes would come out unnoticed.

Python 3.14 has the library; before that it is a dependency of ours.
"""

import zlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from typing_extensions import override

from bit_transformer.codecs.libraries import LibraryCodec
from bit_transformer.codecs.reading import BufferingReader, Reader, Reading, read_payload
from bit_transformer.errors import InputError
from bit_transformer.lazy import load_zstd

__all__ = ["ZstdCodec", "train_dictionary"]

_MAGIC = b"\x28\xb5\x2f\xfd"
_PLAIN_DESCRIPTOR = b"\x00"
"""A frame header without content size, checksum and dictionary number."""

_HEADER_BYTES = len(_MAGIC) + len(_PLAIN_DESCRIPTOR) + 1

_MIN_WINDOW_LOG = 10
_MAX_WINDOW_LOG = 27

_BLOCK_BYTES = 1 << 17
"""Bytes of the source in one block, at most."""

_DICTIONARY_MARK = b"\xff"
"""As the first byte of a block, it would name the block type that the format reserves."""

_CHECKSUM_BYTES = 4

_TRAINED_MAGIC = b"\x37\xa4\x30\xec"


class ZstdCodec(LibraryCodec):
    """Zstandard's blocks, at a level, with a dictionary or without.

    Args:
        dictionary: what :func:`train_dictionary` made, or any bytes that messages resemble.

    Raises:
        InputError: there is no such level, or the dictionary is empty or damaged.
    """

    name = "zstd"
    number = 4
    levels = range(-7, 23)
    default_level = 3

    def __init__(self, level: int | None = None, dictionary: bytes | None = None) -> None:
        super().__init__(level)
        self.dictionary = dictionary
        self._library = load_zstd()
        self._dictionary, self._compressor = _set_up(self._library, self.level, dictionary)

    @override
    def compress(self, data: memoryview) -> bytes:
        frame = self._compressor.compress(data, mode=self._compressor.FLUSH_FRAME)
        assert frame.startswith(_MAGIC + _PLAIN_DESCRIPTOR), frame[:_HEADER_BYTES].hex()
        return self._mark() + frame[_HEADER_BYTES:]

    @override
    def decompress(self, payload: memoryview, num_bytes: int) -> Reading:
        mark = self._mark()
        if bytes(payload[: len(mark)]) != mark:
            problem = "it was made without the dictionary, or with another one"
            return Reading(b"", 0, problem)
        if not mark and payload[:1] == _DICTIONARY_MARK:
            return Reading(b"", 0, "it needs the dictionary with which it was made")
        header = _MAGIC + _PLAIN_DESCRIPTOR + _window(num_bytes)

        def start() -> Reader:
            reader = BufferingReader(self._library.ZstdDecompressor(zstd_dict=self._dictionary))
            reader.read(header, 0)
            return reader

        data, num_read, problem = read_payload(
            start, payload[len(mark) :], num_bytes, (self._library.ZstdError,)
        )
        return Reading(data, len(mark) + num_read, problem)

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        # A block takes a header of three bytes and at least one more.
        return -(-num_bits // (8 * _BLOCK_BYTES)) * 32

    @override
    def payload_prefix(self) -> np.ndarray:
        return np.unpackbits(np.frombuffer(self._mark(), dtype=np.uint8))

    @override
    def configured(
        self,
        *,
        level: int | None = None,
        table: str | None = None,
        dictionary: bytes | None = None,
    ) -> "ZstdCodec":
        super().configured(table=table)
        if level is None and dictionary is None:
            return self
        return ZstdCodec(
            self.level if level is None else level,
            self.dictionary if dictionary is None else dictionary,
        )

    def _mark(self) -> bytes:
        if self.dictionary is None:
            return b""
        checksum = zlib.crc32(self.dictionary)
        return _DICTIONARY_MARK + checksum.to_bytes(_CHECKSUM_BYTES, "big")


def train_dictionary(samples: Sequence[bytes], num_bytes: int = 8192) -> bytes:
    """A dictionary of about ``num_bytes`` for messages that resemble these.

    Args:
        samples: at least a hundred times as many bytes as the dictionary shall have, in messages
            of the length that it is meant for.

    Raises:
        InputError: the samples are too few or too short, or ``num_bytes`` is.
    """
    library = load_zstd()
    try:
        return library.train_dict(samples, num_bytes).dict_content
    except (library.ZstdError, ValueError) as error:
        raise InputError(
            f"no dictionary of {num_bytes} bytes comes of {len(samples)} samples with "
            f"{sum(map(len, samples))} bytes: {error}; give more samples or a smaller num_bytes"
        ) from error


def _window(num_bytes: int) -> bytes:
    """The byte by which a frame asks for the smallest window that holds its source."""
    window_log = min(max((num_bytes - 1).bit_length(), _MIN_WINDOW_LOG), _MAX_WINDOW_LOG)
    return bytes([(window_log - _MIN_WINDOW_LOG) << 3])


def _set_up(library: ModuleType, level: int, dictionary: bytes | None) -> tuple[Any, Any]:
    """The library's dictionary, or None, and a compressor.

    The compressor is kept: making one takes longer than compressing a short message with it.

    Raises:
        InputError: the dictionary is empty or damaged.
    """
    parameter = library.CompressionParameter
    options = {
        parameter.compression_level: level,
        parameter.content_size_flag: 0,
        parameter.checksum_flag: 0,
        parameter.dict_id_flag: 0,
    }
    if dictionary is None:
        return None, library.ZstdCompressor(options=options)
    try:
        loaded = library.ZstdDict(dictionary, is_raw=not dictionary.startswith(_TRAINED_MAGIC))
        return loaded, library.ZstdCompressor(options=options, zstd_dict=loaded.as_digested_dict)
    except (library.ZstdError, ValueError) as error:
        raise InputError(
            f"these {len(dictionary)} bytes are no dictionary: {error}; make one with "
            "train_dictionary, or give at least 8 bytes of typical data"
        ) from error
