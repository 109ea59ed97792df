"""Intact blocks of a damaged archive onto the disk, files as far as they are known.

A file that is wholly known gets its name; one with gaps gets its name and ``.partial``, with zeros
where bytes are lost, so that what is there stands in its place. ``extraction`` is for archives
that are whole, and puts nothing on the disk otherwise.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bit_transformer.archive.pieces import Kind, Piece
from bit_transformer.archive.reading import Block
from bit_transformer.bits.files import writing_errors
from bit_transformer.errors import ArchiveError, InputError

__all__ = ["PARTIAL_SUFFIX", "Restored", "restore_blocks"]

PARTIAL_SUFFIX = ".partial"
"""What is added to the name of a file that has gaps."""


@dataclass
class Restored:
    """One file, as far as it is known.

    Args:
        name: its name in the archive.
        path: where it is now.
        ranges: first byte and one after the last of each part that is known, in order.
        is_complete: whether that is the whole file.
    """

    name: str
    path: Path
    ranges: list[tuple[int, int]] = field(default_factory=list)
    is_complete: bool = False

    @property
    def num_bytes(self) -> int:
        """How many bytes are known."""
        return sum(end - start for start, end in self.ranges)


def restore_blocks(
    blocks: Iterable[tuple[int, Block]],
    block_bytes: int,
    folder: Path,
    only_name: str,
    *,
    force: bool = False,
) -> list[Restored]:
    """Write what the blocks hold, and say how much of each file that is.

    Folders and links are not restored, nor are times and modes.

    Args:
        blocks: with their numbers, in any order.
        block_bytes: no block has more; the blocks of a bare stream have just as many, but for
            the last one.
        only_name: what to call the bytes of an archive without names.

    Raises:
        InputError: something is in the way, and ``force`` was not asked for.
        StorageError: the disk is full, or may not be written.
    """
    known: dict[str, Restored] = {}
    ends: dict[str, int] = {}
    for number, block in blocks:
        start = 0
        for piece in block.pieces or [_bare_piece(number, block, block_bytes, only_name)]:
            content = block.content[start : start + piece.num_bytes]
            start += piece.num_bytes
            if piece.kind != Kind.FILE or piece.offset > number * block_bytes:
                continue
            restored = known.get(piece.name)
            if restored is None:
                restored = known[piece.name] = _begin(folder, piece.name, force=force)
            with writing_errors(restored.path), restored.path.open("r+b") as file:
                file.seek(piece.offset)
                file.write(content)
            restored.ranges.append((piece.offset, piece.offset + piece.num_bytes))
            if piece.is_last:
                ends[piece.name] = piece.offset + piece.num_bytes
    for restored in known.values():
        _finish(restored, ends.get(restored.name))
    return list(known.values())


def _bare_piece(number: int, block: Block, block_bytes: int, only_name: str) -> Piece:
    return Piece(only_name, len(block.content), number * block_bytes, is_last=False)


def _begin(folder: Path, name: str, *, force: bool) -> Restored:
    """An empty file under the name that files with gaps have."""
    parts = PurePosixPath(name).parts
    place = folder
    for part in parts[:-1]:
        place /= part
        if place.is_symlink():
            raise ArchiveError(
                f"{place} is a link, and {name!r} would be written through it; unpack into "
                "another folder"
            )
    path = place / (parts[-1] + PARTIAL_SUFFIX)
    for taken in (path, place / parts[-1]):
        if (taken.exists() or taken.is_symlink()) and not force:
            raise InputError(f"{taken} exists; choose another place with -o, or pass --force")
    with writing_errors(path):
        place.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link
        path.touch()
    return Restored(name, path)


def _finish(restored: Restored, end: int | None) -> None:
    """Join the ranges, and give the file its name if it has no gap."""
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(restored.ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif stop > start or end == 0:
            joined.append((start, stop))
    restored.ranges = joined
    restored.is_complete = end is not None and joined == [(0, end)]
    if restored.is_complete:
        place = restored.path.with_name(restored.path.name.removesuffix(PARTIAL_SUFFIX))
        with writing_errors(place):
            restored.path.replace(place)
        restored.path = place
