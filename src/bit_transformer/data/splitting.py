"""Which bytes of which file belong to training, validation and test.

Two ways, and the files decide which:

* *whole files*, where there are many: every file stands wholly on one side. Files are taken in
  the order of a hash of their content, so the choice depends on nothing but the files, and a file
  keeps its side, but for a few at the border, when others are added.
* *cut files*, where whole files cannot come near the asked shares: every file is cut into a first
  part for training, a middle part for validation and a last part for the test, so that each split
  has something of each file.

Either way each byte of each file has exactly one side. Files with equal content must have been
reduced to one before; this module relies on it. Files that merely resemble each other, such as
two versions of one text, can still stand on both sides of a split by whole files.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bit_transformer.data.manifest import Method, SplitName

__all__ = ["Part", "Sized", "choose_split"]

_SALT = b"bit-transformer split 1"

_MIN_FILES_HELD_OUT = 8
"""With fewer whole files than this, a held-out split is an accident rather than a sample."""

_TOLERANCE = Fraction(1, 4)
"""How far, in proportion, a share of whole files may be from the one asked for."""


@dataclass(frozen=True)
class Sized:
    """A file as this module sees it: what it holds, by its hash, and how much."""

    sha256: str
    num_bytes: int


@dataclass(frozen=True)
class Part:
    """A stretch of a file, and the split it belongs to."""

    split: SplitName
    start: int
    num_bytes: int


def choose_split(
    files: Sequence[Sized], valid_fraction: float, test_fraction: float
) -> tuple[Method, list[list[Part]]]:
    """The method, and each file's parts in the order of the file.

    Args:
        files: files of different content.
    """
    valid, test = _exact(valid_fraction), _exact(test_fraction)
    sides = _by_whole_files(files, valid, test)
    if sides is None:
        return "cut files", [_cut(file.num_bytes, valid, test) for file in files]
    parts = [[Part(side, 0, file.num_bytes)] for file, side in zip(files, sides, strict=True)]
    return "whole files", parts


def _exact(fraction: float) -> Fraction:
    """The decimal fraction that a person wrote, so that 0.9 of 10 bytes are 9."""
    return Fraction(repr(float(fraction)))


def _cut(num_bytes: int, valid: Fraction, test: Fraction) -> list[Part]:
    """The parts of a file that each split has its share of; parts of no bytes are left out."""
    valid_start = int(num_bytes * (1 - valid - test))
    test_start = int(num_bytes * (1 - test))
    parts = [
        Part("train", 0, valid_start),
        Part("valid", valid_start, test_start - valid_start),
        Part("test", test_start, num_bytes - test_start),
    ]
    return [part for part in parts if part.num_bytes]


def _by_whole_files(
    files: Sequence[Sized], valid: Fraction, test: Fraction
) -> list[SplitName] | None:
    """Each file's side, or None if whole files cannot come near the asked shares."""
    sides: list[SplitName] = ["train"] * len(files)
    order = sorted(range(len(files)), key=lambda i: _salted_hash(files[i]))
    total = sum(file.num_bytes for file in files)
    held_out: list[tuple[SplitName, Fraction]] = [("test", test * total), ("valid", valid * total)]
    for name, asked in held_out:
        if not asked:
            continue
        if _is_mostly_large(files, asked):
            return None
        taken = _take_about(asked, [i for i in order if sides[i] == "train"], files)
        if taken is None:
            return None
        for i in taken:
            sides[i] = name
    return sides


def _take_about(asked: Fraction, order: list[int], files: Sequence[Sized]) -> list[int] | None:
    """The first files, in this order, that together have about as many bytes as asked."""
    taken, num_bytes = [], 0
    for i in order:
        if num_bytes >= asked:
            break
        if num_bytes + files[i].num_bytes <= asked * (1 + _TOLERANCE):
            taken.append(i)
            num_bytes += files[i].num_bytes
    is_near = num_bytes >= asked * (1 - _TOLERANCE)
    return taken if is_near and len(taken) >= _MIN_FILES_HELD_OUT else None


def _is_mostly_large(files: Sequence[Sized], asked: Fraction) -> bool:
    """Whether most bytes are in files too large to be held out, so that others would stand in."""
    large = sum(file.num_bytes for file in files if file.num_bytes > asked)
    return 2 * large > sum(file.num_bytes for file in files)


def _salted_hash(file: Sized) -> bytes:
    return hashlib.sha256(_SALT + bytes.fromhex(file.sha256)).digest()
