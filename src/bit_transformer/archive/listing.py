"""What is in an archive: its names and sizes without decoding anything, or all of it, tested."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from bit_transformer.archive.coding import level_of
from bit_transformer.archive.models import ModelChoice, model_finder
from bit_transformer.archive.pieces import Kind, Piece
from bit_transformer.archive.reading import ArchiveReader

__all__ = ["Entry", "Listing", "check_archive", "list_archive"]


@dataclass(frozen=True)
class Entry:
    """A file, folder or link in an archive; ``name`` is empty for bytes without one."""

    name: str
    kind: Kind
    num_bytes: int
    mode: int | None
    mtime_ns: int | None
    target: str


@dataclass(frozen=True)
class Listing:
    """What an archive says about itself.

    Args:
        level: its name, or its number where this release does not know it.
        model: the hash of the model that it needs, in hexadecimal digits, empty for none.
        sha256: of the content; a short archive has it only when its content has been decoded.
        block_bytes: no block has more.
        num_stored_blocks: blocks that did not become smaller.
    """

    entries: list[Entry]
    level: str
    model: str
    num_content_bytes: int
    num_archive_bytes: int
    num_blocks: int
    num_stored_blocks: int
    block_bytes: int
    sha256: str | None


def list_archive(file: BinaryIO) -> Listing:
    """What an archive holds, from its records alone, which are checked; no model is needed.

    Raises:
        ArchiveError: a record is damaged, or the archive is cut.
    """
    reader = ArchiveReader(file)
    entries = _Entries()
    num_blocks = num_stored = num_bytes = 0
    for info in reader.infos():
        entries.add(info.pieces, info.header.num_content_bytes)
        num_blocks += 1
        num_stored += info.header.is_stored
        num_bytes += info.header.num_content_bytes
    digest = None if reader.end is None else reader.end.digest.hex()
    return _listing(reader, entries, num_bytes, num_blocks, num_stored, digest)


def check_archive(
    file: BinaryIO,
    *,
    model: ModelChoice = "default",
    num_threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Listing:
    """What an archive holds, after all of it has been decoded and every checksum compared.

    Args:
        progress: called with the bytes of the archive that are done.

    Raises:
        ArchiveError: anything is not as it was written, or the archive needs another model.
    """
    reader = ArchiveReader(
        file, model_finder(model, num_threads), num_threads=num_threads, progress=progress
    )
    entries, digest = _Entries(), sha256()
    num_blocks = num_bytes = 0
    for block in reader.blocks():
        entries.add(block.pieces, len(block.content))
        digest.update(block.content)
        num_blocks += 1
        num_bytes += len(block.content)
    return _listing(
        reader, entries, num_bytes, num_blocks, reader.num_stored_blocks, digest.hexdigest()
    )


class _Entries:
    """Joins the pieces of files to files."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._pieces: dict[str, Piece] = {}

    def add(self, pieces: list[Piece], num_content_bytes: int) -> None:
        for piece in pieces or [Piece("", num_content_bytes)]:
            self._sizes[piece.name] = self._sizes.get(piece.name, 0) + piece.num_bytes
            self._pieces.setdefault(piece.name, piece)

    def to_list(self) -> list[Entry]:
        return [
            Entry(name, one.kind, self._sizes[name], one.mode, one.mtime_ns, one.target)
            for name, one in self._pieces.items()
        ]


def _listing(
    reader: ArchiveReader,
    entries: _Entries,
    num_content_bytes: int,
    num_blocks: int,
    num_stored_blocks: int,
    digest: str | None,
) -> Listing:
    header = reader.header
    level = level_of(header)
    return Listing(
        entries=entries.to_list(),
        level=str(header.level) if level is None else level,
        model=header.model_hash.hex(),
        num_content_bytes=num_content_bytes,
        num_archive_bytes=reader.num_read,
        num_blocks=num_blocks,
        num_stored_blocks=num_stored_blocks,
        block_bytes=header.block_bytes,
        sha256=digest,
    )
