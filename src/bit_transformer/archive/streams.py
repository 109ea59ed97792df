"""Archives as Python's binary files: write into one, read and seek in one.

A file that is read holds the content of the whole archive, one file's bytes after another's;
``reading`` and ``writing`` below know which bytes are whose. Reading from the first byte to the
last checks everything that there is to check; seeking decodes the one block that is asked for and
checks that block.
"""

import io
import os
from bisect import bisect_right
from pathlib import Path
from typing import BinaryIO, Literal, overload

from typing_extensions import Buffer

from bit_transformer.archive.coding import BlockCoder
from bit_transformer.archive.models import ModelChoice, make_coder, model_finder
from bit_transformer.archive.reading import (
    ArchiveReader,
    Block,
    BlockInfo,
    ModelFinder,
)
from bit_transformer.archive.writing import ArchiveWriter
from bit_transformer.bits.files import reading_errors, writing_errors
from bit_transformer.errors import InputError

__all__ = ["ReadStream", "WriteStream", "open_archive"]


class WriteStream(io.BufferedIOBase):
    """Takes bytes, writes an archive of them; closing it writes the end.

    After an exception in its ``with`` block the end is missing, so what is there is no archive.

    Args:
        file: where the archive goes.
        owns_file: whether ``file`` is closed with this one.
    """

    def __init__(
        self,
        file: BinaryIO,
        coder: BlockCoder,
        *,
        block_bytes: int | None = None,
        owns_file: bool = False,
    ) -> None:
        self._file = file
        self._owns_file = owns_file
        self._writer: ArchiveWriter | None = ArchiveWriter(file, coder, block_bytes=block_bytes)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take bytes; how many there were."""
        if self._writer is None:
            raise ValueError("write to a closed archive")
        view = memoryview(data).cast("B")
        self._writer.write(view)
        return len(view)

    def close(self) -> None:
        """Compress what is left and write the end."""
        self._finish(is_complete=True)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._finish(is_complete=kind is None)

    def __del__(self) -> None:
        """An archive that nobody closed stays without an end."""
        self._finish(is_complete=False)

    def _finish(self, *, is_complete: bool) -> None:
        writer, self._writer = getattr(self, "_writer", None), None
        try:
            if writer is not None and is_complete:
                writer.close()
        finally:
            if writer is not None and self._owns_file:
                self._file.close()
            super().close()


class ReadStream(io.RawIOBase):
    """The content of an archive as a file.

    Args:
        file: where the archive comes from.
        owns_file: whether ``file`` is closed with this one.
    """

    def __init__(
        self,
        file: BinaryIO,
        find_model: ModelFinder,
        *,
        num_threads: int | None = None,
        owns_file: bool = False,
    ) -> None:
        self._file = file
        self._owns_file = owns_file
        self._options = (find_model, num_threads)
        self._origin = file.tell() if file.seekable() else 0
        self._reader = ArchiveReader(file, find_model, num_threads=num_threads)
        self._forward = self._reader.blocks()
        self._is_forward = True
        self._block = b""
        self._block_start = 0
        self._position = 0
        self._index: list[BlockInfo] | None = None
        self._starts: list[int] = []

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Whether the archive's file is."""
        return self._file.seekable()

    def tell(self) -> int:
        """The place of the next byte."""
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill the buffer as far as the current block does; 0 at the end.

        Raises:
            ArchiveError: the archive is damaged, or needs another model.
        """
        view = memoryview(buffer).cast("B")
        offset = self._position - self._block_start
        if len(view) and not 0 <= offset < len(self._block):
            if not self._load():
                return 0
            offset = self._position - self._block_start
        part = self._block[offset : offset + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; beyond the end, reading gives nothing.

        Raises:
            io.UnsupportedOperation: the archive comes through a pipe.
            InputError: the place is before the first byte.
        """
        if not self.seekable():
            raise io.UnsupportedOperation("an archive from a pipe is read from front to back")
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        if origin is None:
            origin = self._num_bytes()
        if origin + offset < 0:
            raise InputError(f"place {origin + offset} is before the first byte; seek to 0 or more")
        self._position = origin + offset
        return self._position

    def close(self) -> None:
        """Close this file, and the archive's where it is owned."""
        if self._owns_file and not self.closed:
            self._file.close()
        super().close()

    def _load(self) -> bool:
        """Have the block that holds the position; whether there is one."""
        if self._position == 0 and not self._is_forward:
            self._reader = self._fresh_reader()
            self._forward, self._is_forward = self._reader.blocks(), True
            self._block, self._block_start = b"", 0
        is_next = self._position == self._block_start + len(self._block)
        if self._is_forward and is_next:
            for block in self._forward:
                self._block_start += len(self._block)
                self._block = block.content
                if block.content:
                    return True
            return False
        return self._load_by_index()

    def _load_by_index(self) -> bool:
        index = self._blocks()
        self._is_forward = False
        if not 0 <= self._position < self._num_bytes():
            self._block, self._block_start = b"", self._position
            return False
        number = bisect_right(self._starts, self._position) - 1
        self._block = self._decode(index[number]).content
        self._block_start = self._starts[number]
        return True

    def _decode(self, info: BlockInfo) -> Block:
        if self._reader.is_short:
            return next(self._fresh_reader().blocks())
        return self._reader.block_at(info.position)

    def _blocks(self) -> list[BlockInfo]:
        """Where each block stands, and in ``_starts`` where its content does."""
        if self._index is None:
            self._reader = self._fresh_reader()
            self._is_forward = False
            self._index = list(self._reader.infos())
            place = 0
            for info in self._index:
                self._starts.append(place)
                place += info.header.num_content_bytes
            self._starts.append(place)
        return self._index

    def _num_bytes(self) -> int:
        self._blocks()
        return self._starts[-1]

    def _fresh_reader(self) -> ArchiveReader:
        self._file.seek(self._origin)
        find_model, num_threads = self._options
        return ArchiveReader(self._file, find_model, num_threads=num_threads)


@overload
def open_archive(
    file: str | Path | BinaryIO,
    mode: Literal["rb"] = "rb",
    *,
    model: ModelChoice = ...,
    num_threads: int | None = ...,
) -> io.BufferedReader: ...


@overload
def open_archive(
    file: str | Path | BinaryIO,
    mode: Literal["wb", "xb"],
    *,
    level: str = ...,
    model: ModelChoice = ...,
    num_threads: int | None = ...,
    block_bytes: int | None = ...,
) -> WriteStream: ...


def open_archive(
    file: str | Path | BinaryIO,
    mode: Literal["rb", "wb", "xb"] = "rb",
    *,
    level: str = "default",
    model: ModelChoice = "default",
    num_threads: int | None = None,
    block_bytes: int | None = None,
) -> io.BufferedReader | WriteStream:
    r"""A Python file that reads an archive's content, or writes an archive of what it is given.

    Memory stays bounded whatever the size. ``seek`` decodes only the block that is asked for.

    Args:
        file: a path, or a file that is open for bytes; pipes will do.
        mode: ``rb`` to read; ``wb`` to write, ``xb`` to write where nothing is yet.

    Raises:
        InputError: the mode is another one.
        ArchiveError: see :func:`compress` and :func:`decompress`; also while reading.
        DataError: the archive cannot be read.
        StorageError: the archive cannot be written.

    Example:
        >>> file = io.BytesIO()
        >>> with open_archive(file, "wb", level="fast", model="none") as archive:
        ...     _ = archive.write(b"one line\n")
        >>> _ = file.seek(0)
        >>> open_archive(file).read()
        b'one line\n'
    """
    if mode not in ("rb", "wb", "xb"):
        raise InputError(f"an archive is opened with the mode 'rb', 'wb' or 'xb', not {mode!r}")
    is_path = isinstance(file, str | Path)
    if mode == "rb":
        opened = _open(Path(file), mode) if is_path else file
        finder = model_finder(model, num_threads)
        raw = ReadStream(opened, finder, num_threads=num_threads, owns_file=is_path)
        return io.BufferedReader(raw)
    coder = make_coder(level, model, num_threads)
    opened = _open(Path(file), mode) if is_path else file
    return WriteStream(opened, coder, block_bytes=block_bytes, owns_file=is_path)


def _open(path: Path, mode: Literal["rb", "wb", "xb"]) -> BinaryIO:
    with reading_errors(path) if mode == "rb" else writing_errors(path):
        return path.open(mode)
