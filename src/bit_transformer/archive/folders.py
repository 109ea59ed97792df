"""What goes into an archive from the disk: files, folders and links, with times and modes.

Files of one kind are put side by side, because what a block has seen helps with what follows.
Times and modes are kept; owners are not, and pipes, sockets and devices are left out.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bit_transformer.archive.pieces import Kind, Piece, check_name
from bit_transformer.archive.writing import ArchiveWriter
from bit_transformer.bits.files import is_temporary, reading_errors
from bit_transformer.errors import DataError, InputError

__all__ = ["Source", "add_sources", "find_sources", "remove_sources"]

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Source:
    """A file, folder or link on the disk, and what the archive will say about it."""

    path: Path
    piece: Piece
    num_bytes: int


def find_sources(
    paths: Sequence[Path], *, leave_out: Path | None = None, note: Callable[[str], None]
) -> list[Source]:
    """Everything at and below these paths, in the order in which it is archived.

    Each path is archived under its last part. Links that are named are followed; links that are
    found in folders are kept as links.

    Args:
        leave_out: the archive itself, which may stand in a folder that goes into it.
        note: told what is left out, and why.

    Raises:
        DataError: a path does not exist or cannot be read.
        InputError: two paths have the same last part.
    """
    found: dict[str, Source] = {}
    kept_out = None if leave_out is None else leave_out.absolute()
    for given in paths:
        with reading_errors(given):
            given.stat()
        for source in _walk(given, _name_of(given), is_given=True, note=note):
            if source.path.absolute() == kept_out or is_temporary(source.path):
                continue
            name = source.piece.name
            check_name(name)
            if name in found:
                raise InputError(
                    f"{found[name].path} and {source.path} would both be called {name} in the "
                    "archive; rename one, or make two archives"
                )
            found[name] = source
    return sorted(found.values(), key=_order)


def add_sources(writer: ArchiveWriter, sources: Sequence[Source]) -> None:
    """Put them all into the archive.

    Raises:
        DataError: a file cannot be read any more.
    """
    for source in sources:
        writer.begin(source.piece)
        if source.piece.kind == Kind.FILE:
            with reading_errors(source.path), source.path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    writer.write(chunk)
        writer.finish()


def remove_sources(sources: Sequence[Source]) -> list[Path]:
    """Remove what was archived from the disk, and give back what could not or must not go.

    Files that have changed since they were found stay, and so do folders that are not empty.
    """
    kept = []
    for source in reversed(sources):
        path, piece = source.path, source.piece
        try:
            status = path.lstat()
            is_same = (status.st_size, status.st_mtime_ns) == (source.num_bytes, piece.mtime_ns)
            if piece.kind == Kind.FOLDER:
                path.rmdir()
            elif piece.kind == Kind.LINK or is_same:
                path.unlink()
            else:
                kept.append(path)
        except OSError:
            kept.append(path)
    return kept


def _walk(
    path: Path, name: str, *, is_given: bool = False, note: Callable[[str], None]
) -> Iterator[Source]:
    with reading_errors(path):
        status = path.stat() if is_given else path.lstat()
    mode, mtime_ns = stat.S_IMODE(status.st_mode) & 0o777, status.st_mtime_ns
    if stat.S_ISREG(status.st_mode):
        yield Source(path, Piece(name, mode=mode, mtime_ns=mtime_ns), status.st_size)
    elif stat.S_ISLNK(status.st_mode):
        target = str(path.readlink()).replace(os.sep, "/")
        yield Source(path, Piece(name, kind=Kind.LINK, target=target), 0)
    elif stat.S_ISDIR(status.st_mode):
        if not name:
            raise InputError(f"{path} has no name to call it by in an archive; name its contents")
        yield Source(path, Piece(name, kind=Kind.FOLDER, mode=mode, mtime_ns=mtime_ns), 0)
        with reading_errors(path):
            children = sorted(path.iterdir())
        for child in children:
            yield from _walk(child, f"{name}/{child.name}", note=note)
    elif is_given:
        raise DataError(f"{path} is no file and no folder; only these are archived")
    else:
        note(f"{path} is left out: it is no file, folder or link")


def _name_of(path: Path) -> str:
    """The last part of a path, of a link the link's; what ``.`` and ``..`` stand for."""
    name = path.absolute().name
    return path.resolve().name if name in ("", "..") else name


def _order(source: Source) -> tuple[int, str, str]:
    """Folders, which others stand in, then files by kind, then links, which lead to others."""
    piece = source.piece
    rank = {Kind.FOLDER: 0, Kind.FILE: 1, Kind.LINK: 2}[piece.kind]
    suffix = source.path.suffix.lower() if piece.kind == Kind.FILE else ""
    return rank, suffix, piece.name
