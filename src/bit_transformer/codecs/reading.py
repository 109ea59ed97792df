"""How a library's decompressor is read: all that is valid comes out, and no more than was declared.

The codecs of :mod:`~bit_transformer.codecs.libraries` differ in their decompressors; what happens
when one of them fails, stops early or will not stop is the same for all, and stands here.

Invariant: at most ``num_bytes + 1`` bytes are asked of a decompressor.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["BufferingReader", "Reader", "Reading", "read_payload"]

_CHUNK_BYTES = 4096
"""Steps in which a damaged payload is searched for its last valid byte."""


class Reading(NamedTuple):
    """What came out of a payload, the bytes of it that were read, and what was wrong, if anything.

    ``data`` is the longest valid prefix. ``problem`` is None only if the payload ends where it
    should, with all bytes out.
    """

    data: bytes | bytearray
    num_read: int
    problem: str | None = None


class Reader(ABC):
    """One decompression of one library, fed in parts."""

    @abstractmethod
    def read(self, data: bytes | memoryview, limit: int) -> bytes:
        """Up to about ``limit`` bytes out; with no ``data``, what earlier data still holds."""

    @property
    @abstractmethod
    def is_ended(self) -> bool:
        """Whether the end of the stream has been read."""

    @property
    @abstractmethod
    def num_unused(self) -> int:
        """Bytes that were given behind the end of the stream."""


class BufferingReader(Reader):
    """A decompressor with the interface of ``lzma`` and ``zstd``: it keeps what it cannot use."""

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    def read(self, data: bytes | memoryview, limit: int) -> bytes:
        """Up to ``limit`` bytes out."""
        return self._decompressor.decompress(data, limit)

    @property
    def is_ended(self) -> bool:
        """Whether the end of the stream has been read."""
        return self._decompressor.eof

    @property
    def num_unused(self) -> int:
        """Bytes that were given behind the end of the stream."""
        return len(self._decompressor.unused_data)


def read_payload(
    start: Callable[[], Reader],
    payload: memoryview,
    num_bytes: int,
    errors: tuple[type[Exception], ...],
) -> Reading:
    """What a payload holds of ``num_bytes``.

    Args:
        start: makes a fresh reader.
        errors: what the library raises on bad data.
    """
    whole = _Attempt(start(), num_bytes, errors)
    if whole.feed(payload):
        return whole.result()
    coarse = _Attempt(start(), num_bytes, errors)
    for first in range(0, len(payload), _CHUNK_BYTES):
        if not coarse.feed(payload[first : first + _CHUNK_BYTES]):
            break
    else:  # only data behind the end was in the way
        return coarse.result()
    fine = _Attempt(start(), num_bytes, errors)
    for part in _ending_in_bytes(payload[: coarse.num_given + _CHUNK_BYTES], coarse.num_given):
        if not fine.feed(part):
            break
    return fine.result()


def _ending_in_bytes(payload: memoryview, num_whole: int) -> Iterator[memoryview]:
    """The first bytes in one part, the others one by one."""
    if num_whole:
        yield payload[:num_whole]
    for place in range(num_whole, len(payload)):
        yield payload[place : place + 1]


class _Attempt:
    """One pass over a payload, in parts of any size."""

    def __init__(self, reader: Reader, num_bytes: int, errors: tuple[type[Exception], ...]) -> None:
        self._reader = reader
        self._num_bytes = num_bytes
        self._errors = errors
        self._parts: list[bytes] = []
        self._num_out = 0
        self._problem: str | None = None
        self._num_behind = 0
        self.num_given = 0

    def feed(self, data: bytes | memoryview) -> bool:
        """Whether nothing was found wrong with this part; it counts as given only then."""
        given = len(data)
        if self._reader.is_ended:
            self._num_behind += given
        while not self._reader.is_ended and self._num_out <= self._num_bytes:
            try:
                part = self._reader.read(data, self._num_bytes + 1 - self._num_out)
            except self._errors as error:
                self._problem = f"the library reports {str(error) or type(error).__name__!r}"
                return False
            data = b""
            if not part:
                break
            self._parts.append(part)
            self._num_out += len(part)
        self.num_given += given
        return True

    def result(self) -> Reading:
        """What came out of the parts that were fed."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if len(data) > self._num_bytes:
            problem = f"more comes out than the {self._num_bytes} bytes that were declared"
            return Reading(data[: self._num_bytes], self.num_given, problem)
        if self._problem is not None:
            return Reading(data, self.num_given, self._problem)
        progress = f"after {len(data)} of {self._num_bytes} bytes"
        if not self._reader.is_ended:
            missing = "before its end mark" if len(data) == self._num_bytes else progress
            return Reading(data, self.num_given, f"the payload ends {missing}")
        num_read = self.num_given - self._num_behind - self._reader.num_unused
        if len(data) < self._num_bytes:
            return Reading(data, num_read, f"the end mark comes {progress}")
        return Reading(data, num_read)
