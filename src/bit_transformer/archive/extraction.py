"""What comes out of an archive onto the disk: all of it or nothing, and nowhere else.

Content is written under numbers into a temporary folder, and moved to its names when the archive
has been checked to its end. An archive may be hostile: names cannot lead out of the folder, no
link that is there or comes along is written through, and links that lead outside are left out.

Invariants: nothing that exists is replaced unless that was asked for; nothing is put in place
before the whole archive has proved right.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO

from bit_transformer.archive.pieces import Kind, Piece, check_name
from bit_transformer.archive.reading import Block
from bit_transformer.bits.files import writing_errors
from bit_transformer.errors import ArchiveError, InputError, StorageError

__all__ = ["Extraction"]


_MANY_FILES = 32
"""From here on, flushing each file alone takes longer than flushing everything."""


@dataclass
class _Staged:
    piece: Piece
    path: Path
    file: BinaryIO | None = field(default=None, repr=False)


class Extraction:
    """Puts blocks onto the disk; used as a context, which moves things into place at its end.

    Args:
        folder: where names begin.
        only_name: what to call the file, of which there must be one only, or the bytes of an
            archive without names; None leaves files their own names.
        force: whether files that exist may be replaced.

    Attributes:
        paths: what has been put in place.
        left_out: links that were not made, since they lead out of the folder.
    """

    def __init__(self, folder: Path, only_name: str | None = None, *, force: bool = False) -> None:
        self._folder = folder
        self._only_name = only_name
        self._force = force
        self._staged: dict[str, _Staged] = {}
        self._others: list[Piece] = []
        self._names: dict[str, Kind] = {}
        self._parents: set[str] = set()
        self._staging: Path | None = None
        self._is_new_folder = not folder.exists()
        self.paths: list[Path] = []
        self.left_out: list[str] = []

    def __enter__(self) -> "Extraction":
        with writing_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._staging = Path(tempfile.mkdtemp(prefix=".unpacked.unfinished-", dir=self._folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with writing_errors(self._folder):
                    self._put_in_place()
        finally:
            for staged in self._staged.values():
                if staged.file is not None:
                    staged.file.close()
            assert self._staging is not None
            shutil.rmtree(self._staging, ignore_errors=True)
            if self._is_new_folder and not self.paths:
                with suppress(OSError):  # somebody else may have put something there
                    self._folder.rmdir()

    def take(self, block: Block) -> None:
        """Write a block's content.

        Raises:
            ArchiveError: a name is refused, or stands for two things.
            InputError: something that may not be replaced is in the way.
            StorageError: the disk is full, or may not be written.
        """
        with writing_errors(self._folder):
            if not block.pieces:
                self._take_bare(block.content)
                return
            start = 0
            for piece in block.pieces:
                if piece.kind == Kind.FILE:
                    self._take_file(piece, block.content[start : start + piece.num_bytes])
                    start += piece.num_bytes
                else:
                    self._claim(piece.name, piece.kind)
                    self._others.append(piece)

    def _take_bare(self, content: bytes) -> None:
        if self._only_name is None:
            raise InputError(
                "the archive holds bytes without a name; say where they go with -o FILE "
                "(out= in Python)"
            )
        staged = self._staged.get(self._only_name) or self._stage(Piece(self._only_name))
        assert staged.file is not None
        staged.file.write(content)

    def _take_file(self, piece: Piece, content: bytes) -> None:
        if self._only_name is not None:
            piece = replace(piece, name=self._only_name)
        staged = self._staged.get(piece.name) if piece.offset else None
        if staged is None or staged.file is None:
            staged = self._stage(piece)
        assert staged.file is not None
        staged.file.write(content)
        if piece.is_last:
            staged.file.close()
            staged.file = None

    def _stage(self, piece: Piece) -> _Staged:
        self._claim(piece.name, piece.kind)
        assert self._staging is not None
        path = self._staging / str(len(self._staged))
        staged = _Staged(piece, path, path.open("xb"))
        self._staged[piece.name] = staged
        return staged

    def _claim(self, name: str, kind: Kind) -> None:
        if self._only_name is not None and self._names:
            raise InputError(
                f"the archive holds more than one file, and {self._folder / self._only_name} can "
                "be one only; name a folder, with a slash at its end"
            )
        if name in self._names:
            raise ArchiveError(f"the archive holds {name!r} twice; do not trust it")
        check_name(name)
        self._names[name] = kind
        above = [str(one) for one in PurePosixPath(name).parents][:-1]
        self._parents.update(above)
        for folder in [*above, *([name] if name in self._parents else [])]:
            if self._names.get(folder, Kind.FOLDER) != Kind.FOLDER:
                raise ArchiveError(
                    f"the archive holds {folder!r} both as a folder and as something else; "
                    "do not trust it"
                )
        self._check_free(self._place(name), kind)

    def _place(self, name: str) -> Path:
        return self._folder.joinpath(*PurePosixPath(name).parts)

    def _check_free(self, place: Path, kind: Kind) -> None:
        if place.is_dir() and (kind == Kind.FOLDER or not place.is_symlink()):
            return  # folders are shared; what is no folder is refused when it is put in place
        if os.path.lexists(place) and not self._force:
            raise InputError(f"{place} exists; choose another place with -o, or pass --force")

    def _put_in_place(self) -> None:
        folders = [piece for piece in self._others if piece.kind == Kind.FOLDER]
        places = [self._checked_place(name) for name in self._staged]
        for place in places:
            self._check_free(place, Kind.FILE)
            if place.is_dir() and not place.is_symlink():
                raise StorageError(f"cannot write {place}: a folder is in the way; move it")
        for piece in folders:
            self._make_folder(self._checked_place(piece.name))
        self._flush()
        for place, staged in zip(places, self._staged.values(), strict=True):
            self._make_folder(place.parent)
            _keep_facts(staged.path, staged.piece)
            staged.path.replace(place)
            self.paths.append(place)
        self._make_links([piece for piece in self._others if piece.kind == Kind.LINK])
        for piece in sorted(folders, key=lambda piece: piece.name, reverse=True):
            _keep_facts(self._place(piece.name), piece)
            self.paths.append(self._place(piece.name))

    def _flush(self) -> None:
        """Have all that was written on the disk; the system's whole cache where files are many."""
        for staged in self._staged.values():
            if staged.file is not None:
                staged.file.close()
                staged.file = None
        if len(self._staged) > _MANY_FILES and hasattr(os, "sync"):
            os.sync()
            return
        for staged in self._staged.values():
            with staged.path.open("rb+") as file:
                os.fsync(file.fileno())

    def _checked_place(self, name: str) -> Path:
        """The place of a name, no part of whose way there is a link."""
        place = self._folder
        for part in PurePosixPath(name).parts[:-1]:
            place /= part
            if place.is_symlink():
                raise ArchiveError(
                    f"{place} is a link, and {name!r} would be written through it; unpack into "
                    "another folder"
                )
        return self._place(name)

    def _make_folder(self, place: Path) -> None:
        if place.is_symlink() and place != self._folder:
            raise ArchiveError(f"{place} is a link and not a folder; unpack into another folder")
        place.mkdir(parents=True, exist_ok=True)

    def _make_links(self, pieces: list[Piece]) -> None:
        """Make all links, then take away those that lead outside, until none does."""
        made: dict[str, Path] = {}
        for piece in pieces:
            place = self._checked_place(piece.name)
            self._make_folder(place.parent)
            if os.path.lexists(place):
                self._check_free(place, Kind.LINK)
                place.unlink()
            place.symlink_to(piece.target)
            made[piece.name] = place
        root = os.path.realpath(self._folder)
        is_settled = False
        while not is_settled:
            is_settled = True
            for name, place in list(made.items()):
                if not _is_inside(os.path.realpath(place), root):
                    place.unlink()
                    del made[name]
                    self.left_out.append(name)
                    is_settled = False
        self.paths.extend(made.values())


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _keep_facts(path: Path, piece: Piece) -> None:
    if piece.mode is not None:
        path.chmod(piece.mode)
    if piece.mtime_ns is not None:
        os.utime(path, ns=(piece.mtime_ns, piece.mtime_ns))
