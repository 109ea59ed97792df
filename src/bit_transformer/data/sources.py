"""Which files a list of paths stands for.

A file that is named outright must be readable, or that is an error. In a folder, only regular
files count; those that cannot be taken are reported with the reason, and the rest is used. Names
that begin with a dot and ``__pycache__`` are passed over without a word. A symbolic link to a file
is followed if it stays within the given folders; one to a folder never is, since what it could
show is either found by itself or lies outside.

The order is that of the given paths, and by relative path within a folder: the same on every
machine, whatever the file system's order.
"""

import os
import stat
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from bit_transformer.bits.files import reading_errors
from bit_transformer.data.config import DataConfig
from bit_transformer.data.manifest import MANIFEST_NAME, Skipped
from bit_transformer.errors import DataError

__all__ = [
    "STANDARD_LIBRARY_RULES",
    "Found",
    "Rules",
    "SourceFile",
    "find_files",
    "reading_source",
    "standard_library_files",
    "standard_library_root",
]


@dataclass(frozen=True)
class SourceFile:
    """A file to be read.

    Args:
        path: where it is.
        label: its name for people: relative to the folder that was given.
        num_bytes: its size when it was found.
        modified_ns: when it was last written, in nanoseconds since 1970.
    """

    path: Path
    label: str
    num_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Rules:
    """Which of a folder's files to take; see :class:`~bit_transformer.data.DataConfig`."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    include_hidden: bool = False

    @classmethod
    def of(cls, config: DataConfig) -> "Rules":
        """The rules in a configuration."""
        return cls(tuple(config.include), tuple(config.exclude), config.include_hidden)

    def takes_name(self, name: str) -> bool:
        """Whether hidden names, of files or folders, let this one through."""
        return self.include_hidden or not (name.startswith(".") or name == "__pycache__")

    def excludes(self, name: str, relative: str) -> bool:
        """Whether a pattern leaves out this file, or this folder with all it holds."""
        return _matches(self.exclude, name, relative)

    def includes(self, name: str, relative: str) -> bool:
        """Whether the patterns, if there are any, ask for this file."""
        return not self.include or _matches(self.include, name, relative)


STANDARD_LIBRARY_RULES = Rules(
    include=("*.py",), exclude=("test", "tests", "idle_test", "site-packages", "dist-packages")
)
"""What of the standard library's folder is its source."""


@dataclass
class Found:
    """What a list of paths stands for: files to read, and files that cannot be."""

    files: list[SourceFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find_files(
    paths: Sequence[Path],
    rules: Rules | None = None,
    progress: Callable[[int], None] | None = None,
) -> Found:
    """All files that ``paths`` stand for, each once.

    Args:
        progress: called with the number of files found so far.

    Raises:
        DataError: a path is missing, unreadable, empty, or neither a file nor a folder; or a
            folder holds no file that can be taken.
    """
    found = Found()
    roots = [_real(path) for path in paths if path.is_dir()]
    seen: set[tuple[int, int]] = set()
    for path in paths:
        walker = _Walker(
            path,
            roots,
            rules or Rules(),
            found,
            seen,
            progress or _ignore,
            has_siblings=len(paths) > 1,
        )
        if path.is_dir():
            walker.take_folder()
        else:
            walker.take_named_file()
    return found


def standard_library_files() -> list[Path]:
    """The Python sources of the running Python's standard library, without its tests, sorted.

    Raises:
        DataError: this Python comes without them.
    """
    found = find_files([standard_library_root()], STANDARD_LIBRARY_RULES)
    return [file.path for file in found.files]


def standard_library_root() -> Path:
    """The folder of the running Python's standard library.

    Raises:
        DataError: this Python comes without one.
    """
    root = Path(sysconfig.get_path("stdlib"))
    if not root.is_dir():
        raise DataError(
            f"this Python has no standard library in {root} to train on; name files or folders"
        )
    return root


@contextmanager
def reading_source(path: Path) -> Iterator[None]:
    """A block in which every failure of the system becomes a :class:`DataError` about ``path``."""
    try:
        with reading_errors(path):
            yield
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; leave it out") from error


class _Walker:
    """Collects what one given path stands for."""

    def __init__(
        self,
        path: Path,
        roots: list[Path],
        rules: Rules,
        found: Found,
        seen: set[tuple[int, int]],
        progress: Callable[[int], None],
        *,
        has_siblings: bool,
    ) -> None:
        self.path = path
        self.roots = roots
        self.rules = rules
        self.found = found
        self.seen = seen
        self.progress = progress
        self.num_taken = 0
        name = _real(path).name
        self.prefix = f"{name}/" if has_siblings and path.is_dir() else ""

    def take_named_file(self) -> None:
        path = self.path
        with reading_source(path):
            status = path.stat()
            problem = _problem(status)
            if problem:
                raise DataError(f"cannot take {path}: it {problem}; name files with data in them")
            path.open("rb").close()
        self._take(path, path.name, status)

    def take_folder(self) -> None:
        for folder, relative_folder in self._folders():
            for entry in folder:
                self._consider(entry, relative_folder + entry.name)
        if not self.num_taken:
            raise DataError(self._nothing_found())

    def _folders(self) -> Iterator[tuple[list[os.DirEntry[str]], str]]:
        """The files of each folder, sorted, with the folder's relative name; top folder first."""
        waiting = [(str(self.path), "")]
        while waiting:
            folder, relative = waiting.pop()
            try:
                with os.scandir(folder) as scan:
                    entries = sorted(scan, key=lambda entry: entry.name)
            except OSError as error:
                if not relative:
                    raise DataError(f"cannot read {folder}: {error.strerror}") from error
                self._skip(relative, f"cannot be read: {error.strerror}")
                continue
            if relative and {MANIFEST_NAME, "train.bin"} <= {entry.name for entry in entries}:
                self._skip(relative, "is a built corpus; give it alone to use it")
                continue
            entries = [entry for entry in entries if self.rules.takes_name(entry.name)]
            below = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            waiting += [
                (entry.path, f"{relative}{entry.name}/")
                for entry in reversed(below)
                if not self.rules.excludes(entry.name, relative + entry.name)
            ]
            yield [entry for entry in entries if entry not in below], relative

    def _consider(self, entry: os.DirEntry[str], relative: str) -> None:
        rules = self.rules
        if rules.excludes(entry.name, relative) or not rules.includes(entry.name, relative):
            return
        try:
            if entry.is_symlink():
                if entry.is_dir():
                    return
                if not self._stays_inside(Path(entry.path)):
                    self._skip(relative, "a symbolic link that leaves the given folders")
                    return
            status = Path(entry.path).stat()  # an entry's own has no inode on Windows
        except OSError as error:
            self._skip(relative, f"cannot be read: {error.strerror}")
            return
        problem = _problem(status)
        if problem is None and not os.access(entry.path, os.R_OK):
            problem = "cannot be read: permission was refused"
        if problem:
            self._skip(relative, problem)
        else:
            self._take(Path(entry.path), relative, status)

    def _take(self, path: Path, label: str, status: os.stat_result) -> None:
        self.num_taken += 1
        identity = (status.st_dev, status.st_ino)
        if identity in self.seen:
            return
        self.seen.add(identity)
        self.found.files.append(
            SourceFile(path, self._readable(label), status.st_size, status.st_mtime_ns)
        )
        self.progress(len(self.found.files))

    def _skip(self, label: str, reason: str) -> None:
        self.found.skipped.append(Skipped(path=self._readable(label), reason=reason))

    def _readable(self, label: str) -> str:
        """A label that any JSON reader takes, also where a name is not valid UTF-8."""
        return os.fsencode(self.prefix + label).decode("utf-8", errors="replace")

    def _stays_inside(self, link: Path) -> bool:
        target = _real(link)
        return any(root in target.parents for root in self.roots)

    def _nothing_found(self) -> str:
        reasons = [f"{item.path} {item.reason}" for item in self.found.skipped[:3]]
        detail = f" ({'; '.join(reasons)})" if reasons else ""
        asked = f" matching {list(self.rules.include)}" if self.rules.include else ""
        return (
            f"the folder {self.path} holds no file{asked} that can be taken{detail}; "
            "hidden files and empty ones do not count"
        )


def _problem(status: os.stat_result) -> str | None:
    """Why a file cannot be a source of bytes, or None if it can."""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_size == 0:
        return "is empty"
    return None


def _matches(patterns: Sequence[str], name: str, relative: str) -> bool:
    bare = [pattern.rstrip("/") for pattern in patterns]
    return any(fnmatchcase(relative if "/" in item else name, item) for item in bare)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _ignore(num_files: int) -> None:
    """The progress that nobody watches."""
    del num_files
