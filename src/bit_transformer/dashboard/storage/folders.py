"""The folders whose files may be read, and the only way to a file in them.

A path is resolved first, with every link in it, and must then lie below a root; what is opened is
compared with what was resolved, so that exchanging a folder for a link in between gains nothing.
Names that begin with a dot are left out.
"""

import os
import stat
from pathlib import Path

from bit_transformer.bits.files import reading_errors
from bit_transformer.dashboard.schemas.storage import FileEntry, FileListing
from bit_transformer.errors import DashboardError

__all__ = ["ReadableFolders"]

_MOST_ENTRIES = 2000


class ReadableFolders:
    """The allowed roots."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self.roots = tuple(root.expanduser().resolve() for root in roots)

    def check(self, path: str) -> Path:
        """The resolved path of a file or folder below a root.

        Raises:
            DashboardError: it lies elsewhere, is hidden, or is not there. Which of these is not
                told apart for places outside the roots.
        """
        if "\0" in path or not path:
            raise self._refusal(path)
        given = Path(path).expanduser() if not path.startswith("~") else Path(path)
        if not given.is_absolute():
            raise self._refusal(path)
        try:
            found = given.resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise self._refusal(path) from error
        root = next((root for root in self.roots if found.is_relative_to(root)), None)
        if root is None or any(part.startswith(".") for part in found.relative_to(root).parts):
            raise self._refusal(path)
        return found

    def read(self, path: str, max_bytes: int) -> bytes:
        """The content of a file below a root.

        Raises:
            DashboardError: see :meth:`check`; or it is no regular file, or too large.
        """
        found = self.check(path)
        with reading_errors(found):
            handle = os.open(found, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
        try:
            opened = os.fstat(handle)
            again = found.resolve().stat()
            is_same = (opened.st_dev, opened.st_ino) == (again.st_dev, again.st_ino)
            if not is_same or self.check(path) != found:
                raise self._refusal(path)
            if not stat.S_ISREG(opened.st_mode):
                raise DashboardError(
                    f"{path} is no ordinary file; name one that is", status=422, kind="DataError"
                )
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(max_bytes + 1)
        finally:
            os.close(handle)
        if len(content) > max_bytes:
            raise DashboardError(
                f"{path} is larger than the {max_bytes:,} bytes that are read here; "
                "use a part of it",
                status=413,
                kind="TooLargeError",
                fallbacks=("shorter",),
            )
        return content

    def listing(self, path: str | None) -> FileListing:
        """What a folder holds; of None, the roots.

        Raises:
            DashboardError: see :meth:`check`; or it is no folder.
        """
        if path is None:
            entries = [
                FileEntry(
                    name=root.name or str(root), path=str(root), kind="folder", num_bytes=None
                )
                for root in self.roots
            ]
            return FileListing(path=None, parent=None, entries=entries, is_cut=False)
        folder = self.check(path)
        if not folder.is_dir():
            raise DashboardError(f"{path} is no folder; list the one it is in", status=422)
        with reading_errors(folder), os.scandir(folder) as scanned:
            visible = [one for one in scanned if not one.name.startswith(".")]
        entries = [entry for one in visible if (entry := _entry(one)) is not None]
        entries.sort(key=lambda entry: (entry.kind == "file", entry.name.lower()))
        return FileListing(
            path=str(folder),
            parent=None if folder in self.roots else str(folder.parent),
            entries=entries[:_MOST_ENTRIES],
            is_cut=len(entries) > _MOST_ENTRIES,
        )

    def _refusal(self, path: str) -> DashboardError:
        roots = ", ".join(map(str, self.roots))
        allowed = f"below {roots}" if roots else "there are no allowed folders"
        return DashboardError(
            f"{path[:300]!r} is not a readable place; choose one {allowed}, upload the file, or "
            "start the dashboard with --root FOLDER",
            status=403,
            kind="PathError",
            fallbacks=("upload",),
        )


def _entry(one: os.DirEntry[str]) -> FileEntry | None:
    """A file or folder itself; links and what is neither are left out."""
    try:
        status = one.stat(follow_symlinks=False)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return FileEntry(name=_text(one.name), path=_text(one.path), kind="folder", num_bytes=None)
    if stat.S_ISREG(status.st_mode):
        return FileEntry(
            name=_text(one.name), path=_text(one.path), kind="file", num_bytes=status.st_size
        )
    return None


def _text(name: str) -> str:
    return name.encode("utf-8", errors="backslashreplace").decode()
