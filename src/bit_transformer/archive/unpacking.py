"""Archives to bytes, files and folders.

``packing`` is the way there. What is unpacked is put in place when the archive has been checked
to its end; from an archive that is damaged, ``salvage`` gets what is intact.
"""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, overload

from typing_extensions import Buffer

from bit_transformer.archive.damage import find_header, salvage_blocks
from bit_transformer.archive.extraction import Extraction
from bit_transformer.archive.models import ModelChoice, model_finder
from bit_transformer.archive.packing import ARCHIVE_SUFFIX
from bit_transformer.archive.pieces import Kind
from bit_transformer.archive.reading import ArchiveReader
from bit_transformer.archive.restoring import Restored, restore_blocks
from bit_transformer.bits.files import reading_errors
from bit_transformer.errors import ArchiveError

__all__ = [
    "DEFAULT_MAX_BYTES",
    "Unpacked",
    "decompress",
    "salvage",
    "size_of",
    "unpack",
    "unpacking_place",
]

DEFAULT_MAX_BYTES = 1 << 30
"""The most content that ``decompress`` gives as bytes, unless the caller says otherwise."""

PathLike = str | Path
Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


@dataclass(frozen=True)
class Unpacked:
    """What was unpacked.

    Args:
        paths: what has been put in place.
        left_out: names of links that were not made, since they lead out of the folder.
    """

    paths: list[Path]
    left_out: list[str]
    num_content_bytes: int


@overload
def decompress(
    source: Buffer,
    *,
    model: ModelChoice = ...,
    num_threads: int | None = ...,
    max_bytes: int = ...,
) -> bytes: ...


@overload
def decompress(
    source: PathLike,
    out: PathLike | None = None,
    *,
    model: ModelChoice = ...,
    num_threads: int | None = ...,
    force: bool = ...,
    progress: Progress | None = ...,
) -> Unpacked: ...


def decompress(
    source: Buffer | PathLike,
    out: PathLike | None = None,
    *,
    model: ModelChoice = "default",
    num_threads: int | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    force: bool = False,
    progress: Progress | None = None,
) -> bytes | Unpacked:
    """What an archive holds: the content of bytes as bytes, that of a file as files.

    Args:
        source: bytes, or the path of an archive; a string is a path.
        out: where files go: an existing folder, or a string that ends in a slash, is the folder
            that names begin in; else, for an archive of one file, it is that file. The archive's
            own folder, if not given.
        model: what the archive was made with, as in :func:`compress`.
        max_bytes: bytes that hold more are refused; does not concern files.
        force: whether files that exist may be replaced.

    Raises:
        ArchiveError: the archive is damaged, cut, too new or hostile, needs another model, or
            holds more than ``max_bytes``.
        InputError: an argument does not fit, or something is in the way.
        DataError: the archive cannot be read.
        StorageError: files cannot be written.
    """
    if not isinstance(source, str | Path):
        return _decompress_bytes(source, model, num_threads, max_bytes)
    path = Path(source)
    with reading_errors(path), path.open("rb") as file:
        folder, only_name = unpacking_place(path, out, file)
        return unpack(
            file,
            folder,
            only_name,
            model=model,
            num_threads=num_threads,
            force=force,
            progress=progress,
        )


def unpack(
    file: BinaryIO,
    folder: Path,
    only_name: str | None = None,
    *,
    model: ModelChoice = "default",
    num_threads: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Unpacked:
    """Put what the archive in an open file holds into a folder; the file may be a pipe.

    Args:
        only_name: see :class:`Extraction`.
        progress: called with bytes of the archive.

    Raises:
        ArchiveError, InputError, StorageError: as :func:`decompress`.
    """
    num_archive_bytes = size_of(file)
    told = None if progress is None else lambda done: progress(done, num_archive_bytes)
    finder = model_finder(model, num_threads)
    reader = ArchiveReader(file, finder, num_threads=num_threads, progress=told)
    num_bytes = 0
    with Extraction(folder, only_name, force=force) as extraction:
        for block in reader.blocks():
            extraction.take(block)
            num_bytes += len(block.content)
    return Unpacked(extraction.paths, extraction.left_out, num_bytes)


def salvage(
    source: PathLike,
    out: PathLike | None = None,
    *,
    model: ModelChoice = "default",
    num_threads: int | None = None,
    force: bool = False,
) -> list[Restored]:
    """What is intact in a damaged archive, as files; files with gaps are called ``.partial``.

    Args:
        out: the folder that names begin in, made if it is not there; the archive's own folder,
            if not given. Bytes without a name are called like the archive.

    Raises:
        ArchiveError: nothing can be salvaged, or the archive needs another model.
        InputError: something is in the way.
        DataError: the archive cannot be read.
        StorageError: files cannot be written.
    """
    path = Path(source)
    with reading_errors(path), path.open("rb") as file:
        if not path.stat().st_size:
            raise ArchiveError(f"{path} is empty; there is nothing to salvage")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as archive:
            header = find_header(archive)
            blocks = salvage_blocks(
                archive, model_finder(model, num_threads), num_threads=num_threads
            )
            folder = path.parent if out is None else Path(out)
            name = _stem(path) or path.name
            return restore_blocks(blocks, header.block_bytes, folder, name, force=force)


def unpacking_place(archive: Path, out: PathLike | None, file: BinaryIO) -> tuple[Path, str | None]:
    """The folder that an archive's names begin in, and what its only file is to be called.

    Args:
        file: the archive, open at its beginning, and left there. Of a pipe that is given an
            ``out`` which is no folder, one file is expected.

    Raises:
        ArchiveError: the archive's records are damaged.
    """
    if not file.seekable():
        num_files, is_bare = 1, False
    else:
        num_files, is_bare = _count_files(file)
    if out is None or Path(out).is_dir() or str(out).endswith(("/", os.sep)):
        folder = archive.parent if out is None else Path(out)
        return folder, _stem(archive) if is_bare else None
    if num_files == 1:
        return Path(out).parent, Path(out).name
    return Path(out), None


def _count_files(file: BinaryIO) -> tuple[int, bool]:
    """How many names the archive holds, 2 for more; and whether it holds bytes without a name."""
    num_begun, has_names = 0, False
    for info in ArchiveReader(file).infos():
        has_names = has_names or bool(info.pieces)
        num_begun += sum(piece.offset == 0 for piece in info.pieces)
        if num_begun > 1 or not all(piece.kind == Kind.FILE for piece in info.pieces):
            num_begun = 2
            break
    file.seek(0)
    return (num_begun, False) if has_names else (1, True)


def _stem(archive: Path) -> str | None:
    """What the bytes in an archive are called if nothing else says it."""
    return archive.stem if archive.suffix == ARCHIVE_SUFFIX else None


def size_of(file: BinaryIO) -> int:
    """How many bytes there are from here to the end of a file; 0 where that is not known."""
    if not file.seekable():
        return 0
    place = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(place)
    return end - place


def _decompress_bytes(
    source: Buffer, model: ModelChoice, num_threads: int | None, max_bytes: int
) -> bytes:
    reader = ArchiveReader(
        BytesIO(source), model_finder(model, num_threads), num_threads=num_threads
    )
    parts, num_bytes = [], 0
    for block in reader.blocks():
        num_bytes += len(block.content)
        if num_bytes > max_bytes:
            raise ArchiveError(
                f"the archive holds more than max_bytes={max_bytes}; raise that, or read it in "
                "parts with open_archive"
            )
        parts.append(block.content)
    return b"".join(parts)
