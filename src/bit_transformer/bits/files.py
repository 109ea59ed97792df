"""Files that are either wholly there or not there at all, and errors that name them.

Everything the package writes passes through here: it is made under a temporary name beside its
destination, flushed to the disk, and renamed. A full disk or a killed process therefore leaves
the old file as it was, and at worst a temporary one that :func:`is_temporary` recognises.
This module knows nothing of bits, and imports no PyTorch; its neighbour ``streams`` moves bits.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from bit_transformer.errors import DataError, StorageError

__all__ = [
    "CACHE_VARIABLE",
    "atomic_folder",
    "atomic_path",
    "is_temporary",
    "reading_errors",
    "user_cache_folder",
    "write_bytes_atomically",
    "writing_errors",
]

CACHE_VARIABLE = "BIT_TRANSFORMER_CACHE"
_TEMPORARY_MARK = ".unfinished-"

_WRITE_PROBLEMS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EFBIG: "the file is larger than the file system allows",
    errno.EACCES: "permission was refused",
    errno.EPERM: "permission was refused",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the device reports an error",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "something else is already there",
    errno.EISDIR: "a folder is in the way",
    errno.ENOTEMPTY: "a folder is in the way",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open",
}
if hasattr(errno, "EDQUOT"):
    _WRITE_PROBLEMS[errno.EDQUOT] = "the disk quota is used up; free some space"

_READ_PROBLEMS = {
    errno.ENOENT: "there is no such file; check the path",
    errno.EACCES: "permission to read it was refused",
    errno.EPERM: "permission to read it was refused",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EIO: "the device reports an error",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EMFILE: "too many files are open",
}


@contextmanager
def writing_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """A block whose failures to write become a :class:`StorageError` that names ``path``.

    Errors about another file (a source that cannot be read, say) pass unchanged.
    """
    path = Path(path)
    try:
        yield
    except OSError as error:
        if error.errno not in _WRITE_PROBLEMS or not _concerns(error, path):
            raise
        problem = _WRITE_PROBLEMS[error.errno]
        raise StorageError(f"cannot write {path}: {problem}, or choose another place") from error


@contextmanager
def reading_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """A block whose failures to read become a :class:`DataError` that names ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno not in _READ_PROBLEMS or not _concerns(error, Path(path)):
            raise
        raise DataError(f"cannot read {path}: {_READ_PROBLEMS[error.errno]}") from error


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path that becomes ``path`` when the block ends well, and vanishes otherwise.

    The block creates the file and closes it. A file already at ``path`` stays until it is
    replaced in one step. Missing parent folders are made.

    Raises:
        StorageError: the place may not be written, a folder is in the way, or the disk is full.
    """
    path = Path(path)
    with writing_errors(path):
        if path.is_dir():
            raise StorageError(f"cannot write {path}: a folder is in the way; choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(path)
        try:
            yield temporary
            _flush_file(temporary)
            temporary.replace(path)
            _flush_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """A temporary folder that becomes ``path`` when the block ends well, and vanishes otherwise.

    No system renames a folder over a full one in one step: with ``replace``, the old folder is
    moved aside first and deleted last, so a crash between the two leaves both, and destroys none.

    Raises:
        StorageError: something is at ``path`` already (without ``replace``), the place may not
            be written, or the disk is full.
    """
    path = Path(path)
    with writing_errors(path):
        if not replace and path.exists():
            raise StorageError(f"cannot write {path}: it exists; remove it or choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(path)
        temporary.mkdir()
        try:
            yield temporary
            _flush_tree(temporary)
            if replace:
                _move_folder(temporary, path)
            else:  # fails, as it should, if another process has put something there meanwhile
                temporary.rename(path)
            _flush_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_bytes_atomically(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Put a file with these bytes at ``path``: the whole of it, or what was there before."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def user_cache_folder() -> Path:
    """Where what can be made again is kept for this user: as the system has it, or as they say."""
    named = os.environ.get(CACHE_VARIABLE)
    if named and named != "off":
        return Path(named)
    return user_cache_path("bit-transformer", appauthor=False)


def is_temporary(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is named like something unfinished that a killed process left behind."""
    name = Path(path).name
    return name.startswith(".") and _TEMPORARY_MARK in name


def _temporary_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{_TEMPORARY_MARK}{secrets.token_hex(6)}")


def _concerns(error: OSError, path: Path) -> bool:
    """Whether an error is about ``path``, its parents, or what is temporarily in its place."""
    if error.filename is None or isinstance(error.filename, int):
        return True
    seen = Path(os.fsdecode(error.filename)).absolute()
    asked = path.absolute()
    places = {asked, *asked.parents}
    return (
        seen in places
        or asked in seen.parents
        or any(
            is_temporary(place) and place.parent == asked.parent for place in (seen, *seen.parents)
        )
    )


def _move_folder(source: Path, path: Path) -> None:
    if not path.exists():
        source.rename(path)
        return
    aside = _temporary_beside(path)
    path.rename(aside)
    try:
        source.rename(path)
    except OSError:
        aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    """Make renames inside a folder last; a no-op where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_tree(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            _flush_file(Path(folder, name))
        _flush_folder(Path(folder))
