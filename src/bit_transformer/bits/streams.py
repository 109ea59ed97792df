"""Bits from files and streams, and into files.

A file holds whole bytes, so only bit counts that are multiples of eight come back as they went
in; others are refused unless the writer asks for padding.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from torch import Tensor

from bit_transformer.bits.files import reading_errors, write_bytes_atomically
from bit_transformer.bits.packing import bits_to_bytes, bytes_to_bits
from bit_transformer.errors import InputError

__all__ = ["iter_bits", "read_bits", "write_bits"]


def read_bits(path: str | os.PathLike[str]) -> Tensor:
    """All bits of a file, shape (8 · its bytes,), ``uint8``.

    Raises:
        DataError: the file is missing, may not be read, or is a folder.
    """
    with reading_errors(path):
        data = Path(path).read_bytes()
    return bytes_to_bits(data)


def write_bits(path: str | os.PathLike[str], bits: Tensor, *, pad: bool = False) -> None:
    """Put these bits into a file: all of them, or what was there before.

    Args:
        pad: fill the last byte with zero bits when there are not whole bytes.

    Raises:
        BitsError: not a bit tensor of shape (T,), or not whole bytes and no ``pad``.
        StorageError: the place may not be written, or the disk is full.
    """
    write_bytes_atomically(path, bits_to_bytes(bits, pad=pad))


def iter_bits(
    source: str | os.PathLike[str] | BinaryIO, chunk_bytes: int = 1 << 20
) -> Iterator[Tensor]:
    """The bits of a file or of an open binary stream, in tensors of up to ``8 * chunk_bytes``.

    A stream is read to its end and left open.

    Raises:
        InputError: ``chunk_bytes`` is not positive, or the stream yields text.
        DataError: the file is missing, may not be read, or is a folder.
    """
    if chunk_bytes < 1:
        raise InputError(f"chunk_bytes={chunk_bytes} must be at least 1")
    if not isinstance(source, str | os.PathLike):
        yield from _iter_stream(source, chunk_bytes)
        return
    with reading_errors(source), Path(source).open("rb") as file:
        yield from _iter_stream(file, chunk_bytes)


def _iter_stream(stream: BinaryIO, chunk_bytes: int) -> Iterator[Tensor]:
    while data := stream.read(chunk_bytes):
        if isinstance(data, str):
            raise InputError("the stream yields text; open it in binary mode, or use its .buffer")
        yield bytes_to_bits(data)
