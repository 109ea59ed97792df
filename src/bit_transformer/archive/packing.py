"""Bytes, files and folders to archives.

``unpacking`` is the way back, ``streams`` are archives as Python files. An archive comes into being
under a temporary name; where that is asked for, it is unpacked and compared before it gets its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import overload

from typing_extensions import Buffer

from bit_transformer.archive.coding import BlockCoder
from bit_transformer.archive.folders import Source, add_sources, find_sources
from bit_transformer.archive.models import ModelChoice, make_coder
from bit_transformer.archive.pieces import Kind
from bit_transformer.archive.reading import ArchiveReader
from bit_transformer.archive.writing import ArchiveWriter
from bit_transformer.bits.files import atomic_path, reading_errors, writing_errors
from bit_transformer.errors import ArchiveError, InputError

__all__ = ["ARCHIVE_SUFFIX", "ArchiveSummary", "compress"]

ARCHIVE_SUFFIX = ".btz"
"""What the name of an archive ends in."""

PathLike = str | Path
Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


@dataclass(frozen=True)
class ArchiveSummary:
    """An archive that was made.

    Args:
        sha256: of the content, in hexadecimal digits.
        sources: what went in.
    """

    path: Path
    num_files: int
    num_content_bytes: int
    num_archive_bytes: int
    sha256: str
    sources: list[Source]


@overload
def compress(
    source: Buffer,
    *,
    level: str = ...,
    model: ModelChoice = ...,
    num_threads: int | None = ...,
    block_bytes: int | None = ...,
) -> bytes: ...


@overload
def compress(
    source: PathLike | Sequence[PathLike],
    out: PathLike | None = None,
    *,
    level: str = ...,
    model: ModelChoice = ...,
    num_threads: int | None = ...,
    block_bytes: int | None = ...,
    verify: bool = ...,
    force: bool = ...,
    progress: Progress | None = ...,
    note: Callable[[str], None] = ...,
) -> ArchiveSummary: ...


def compress(
    source: Buffer | PathLike | Sequence[PathLike],
    out: PathLike | None = None,
    *,
    level: str = "default",
    model: ModelChoice = "default",
    num_threads: int | None = None,
    block_bytes: int | None = None,
    verify: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _text: None,
) -> bytes | ArchiveSummary:
    """An archive: of bytes as bytes, of files and folders as a file.

    Args:
        source: bytes, or a path, or several; a string is a path.
        out: where a file goes; beside the only path, with ``.btz`` added, if not given.
        level: ``fast``, ``default`` or ``best``.
        model: ``default`` (the one in the package, if there is one), ``none``, the path of an
            exported model, of a run or of a checkpoint, or a model that is open.
        num_threads: how many blocks are compressed at once; changes nothing in the archive.
        block_bytes: how much is compressed as one, a power of two.
        verify: unpack the archive before it gets its name, and compare.
        force: whether a file at ``out`` may be replaced.
        note: told what is left out, and why.

    Raises:
        InputError: an argument does not fit, or ``out`` exists.
        DataError: a file cannot be read.
        ArchiveError: the model is none, or the archive did not come back as it was.
        StorageError: the archive cannot be written.

    Example:
        >>> archive = compress(b"as if it were nothing, " * 20, level="fast", model="none")
        >>> len(archive) < 70
        True
    """
    coder = make_coder(level, model, num_threads)
    if isinstance(source, str | Path):
        paths = [Path(source)]
    elif isinstance(source, Sequence) and not isinstance(source, bytes | bytearray | memoryview):
        paths = [Path(one) for one in source]
    else:
        return _compress_bytes(source, coder, block_bytes)
    target = _archive_path(paths, out)
    if target.exists() and not force:
        raise InputError(f"{target} exists; choose another name with -o, or pass --force")
    sources = find_sources(paths, leave_out=target, note=note)
    total = sum(one.num_bytes for one in sources)
    with atomic_path(target) as temporary:
        with writing_errors(target), temporary.open("xb") as file:
            told = None if progress is None else lambda done: progress(done, total)
            writer = ArchiveWriter(file, coder, block_bytes=block_bytes, progress=told)
            add_sources(writer, sources)
            writer.close()
        if verify:
            _verify(temporary, coder, writer)
    return ArchiveSummary(
        target,
        sum(one.piece.kind == Kind.FILE for one in sources),
        writer.num_content_bytes,
        writer.num_archive_bytes,
        writer.digest.hex(),
        sources,
    )


def _compress_bytes(source: Buffer, coder: BlockCoder, block_bytes: int | None) -> bytes:
    file = BytesIO()
    writer = ArchiveWriter(file, coder, block_bytes=block_bytes)
    writer.write(memoryview(source))
    writer.close()
    return file.getvalue()


def _archive_path(paths: Sequence[Path], out: PathLike | None) -> Path:
    if not paths:
        raise InputError("there is nothing to compress; name at least one file or folder")
    if out is not None:
        return Path(out)
    if len(paths) > 1:
        raise InputError(
            f"{len(paths)} paths go into one archive, so it needs a name; give one with -o FILE "
            "(out= in Python)"
        )
    with reading_errors(paths[0]):
        paths[0].stat()
    named = paths[0] if paths[0].name else paths[0].resolve()
    return named.with_name(named.name + ARCHIVE_SUFFIX)


def _verify(archive: Path, coder: BlockCoder, writer: ArchiveWriter) -> None:
    """Unpack the archive and compare with what went in."""
    with archive.open("rb") as file:
        reader = ArchiveReader(file, lambda _header: coder.model, num_threads=coder.num_threads)
        digest = sha256()
        for block in reader.blocks():
            digest.update(block.content)
    if digest.digest() != writer.digest:
        raise ArchiveError(
            "the archive did not unpack to what went in, so it was not kept; report this as a "
            "fault of the program"
        )
