"""A corpus folder, opened: three memory-mapped splits, and the manifest that vouches for them.

    train.bin, valid.bin, test.bin   the bytes of each split: files, or parts of them, in order
    corpus.json                      the manifest: sizes, hashes, and where each byte came from

Files follow one another with nothing in between, since every byte value is data. A window may
therefore span two files, but never two splits: each split is a file of its own, so a cut between
splits, also one through the middle of a source file, is an edge that no window crosses.

A corpus may be larger than memory: pages are read when a window touches them.
"""

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bit_transformer.bits.files import reading_errors
from bit_transformer.data.manifest import SPLIT_NAMES, Manifest, SplitName, read_manifest
from bit_transformer.errors import DataError, InputError

__all__ = ["Corpus", "Split", "open_corpus"]


class Split:
    """The bytes of one split.

    Attributes:
        name: which split this is.
        bytes: all its bytes, mapped from the file. Shapes: (num_bytes,) uint8, read-only.
    """

    def __init__(self, name: str, data: NDArray[np.uint8]) -> None:
        self.name = name
        self.bytes = data

    def __len__(self) -> int:
        return len(self.bytes)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {len(self)} bytes)"

    def windows(self, offsets: ArrayLike, num_bytes: int) -> NDArray[np.uint8]:
        """The windows of ``num_bytes`` that begin at ``offsets``, copied into memory.

        Shapes: offsets (B,) of integers; the result (B, num_bytes) uint8.

        Raises:
            InputError: a window would leave the split, or the arguments are no such numbers.
        """
        places = np.asarray(offsets)
        if places.ndim != 1 or (places.size and places.dtype.kind not in "iu"):
            raise InputError(
                f"offsets has shape {places.shape} and dtype {places.dtype}; it must be a list "
                "of integers"
            )
        if num_bytes < 1:
            raise InputError(f"num_bytes is {num_bytes}; a window has at least one byte")
        if not places.size:
            return np.empty((0, num_bytes), np.uint8)
        last = len(self) - num_bytes
        if int(places.min()) < 0 or int(places.max()) > last:
            raise InputError(
                f"a window of {num_bytes} bytes at {int(places.min())}..{int(places.max())} "
                f"leaves the {self.name} split of {len(self)} bytes; the last offset is {last}"
            )
        # One row of this view per possible offset, made without copying: taking rows from it
        # copies whole windows at a time, ten times as fast as indexing single bytes.
        return np.lib.stride_tricks.sliding_window_view(self.bytes, num_bytes)[places]


@dataclass(frozen=True)
class Corpus:
    """A built corpus: its folder, its manifest, and its three splits.

    A split that holds nothing has length 0.
    """

    path: Path
    manifest: Manifest
    train: Split
    valid: Split
    test: Split

    @property
    def digest(self) -> str:
        """What identifies the content: equal for corpora whose splits have equal bytes."""
        whole = "".join(self.manifest.splits[name].sha256 for name in SPLIT_NAMES)
        return hashlib.sha256(whole.encode()).hexdigest()

    def splits(self) -> Iterator[Split]:
        """The splits, in the order train, valid, test."""
        yield from (self.train, self.valid, self.test)


def open_corpus(folder: Path, *, verify: bool = False) -> Corpus:
    """The corpus in ``folder``.

    Args:
        verify: also read every byte and compare hashes; sizes are always compared.

    Raises:
        DataError: the folder is no corpus, or its files do not match its manifest.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    splits = {name: _open_split(folder, name, manifest) for name in SPLIT_NAMES}
    if verify:
        for name in SPLIT_NAMES:
            _check_hash(folder, splits[name], manifest.splits[name].sha256)
    return Corpus(folder, manifest, **splits)


def _open_split(folder: Path, name: SplitName, manifest: Manifest) -> Split:
    path = folder / f"{name}.bin"
    num_bytes = manifest.splits[name].num_bytes
    with reading_errors(path), path.open("rb") as file:
        size = path.stat().st_size
        if size != num_bytes:
            raise DataError(
                f"{path} has {size} bytes, and its manifest says {num_bytes}; the corpus is "
                "damaged, so build it again"
            )
        if not size:
            return Split(name, np.empty(0, np.uint8))
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Split(name, np.frombuffer(mapped, np.uint8))


def _check_hash(folder: Path, split: Split, expected: str) -> None:
    if hashlib.sha256(split.bytes.data).hexdigest() != expected:
        raise DataError(
            f"{folder / split.name}.bin is not what its manifest describes: its bytes have "
            "changed since the corpus was built, so build it again"
        )
