"""``corpus.json``: the format that vouches for a corpus folder.

    {"format": "bit-transformer-corpus", "version": 1,
     "method": "whole files" | "cut files" | "given files",
     "valid_fraction": 0.05, "test_fraction": 0.05,
     "splits": {"train": {"num_bytes": N, "sha256": "..."}, "valid": ..., "test": ...},
     "files": [{"path": "docs/a.txt", "num_bytes": N, "sha256": "...",
                "parts": [{"split": "train", "start": 0, "num_bytes": N, "offset": 0}, ...]}, ...],
     "duplicates": [{"path": "copy.txt", "same_as": "docs/a.txt"}, ...],
     "skipped": [{"path": "pipe", "reason": "..."}, ...]}

A part is ``num_bytes`` from ``start`` on of its file, found at ``offset`` of its split. Each file's
parts cover it once, from its beginning to its end. Each split's parts, in the order of this list,
fill it without gaps. Paths are for people, relative to what was given. Readers refuse a version
they do not know, and any manifest that breaks these rules.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bit_transformer.bits.files import reading_errors
from bit_transformer.errors import DataError

__all__ = [
    "MANIFEST_NAME",
    "SPLIT_NAMES",
    "VERSION",
    "Duplicate",
    "FilePart",
    "Manifest",
    "Method",
    "Skipped",
    "SourceRecord",
    "SplitName",
    "SplitRecord",
    "read_manifest",
]

FORMAT = "bit-transformer-corpus"
VERSION = 1
MANIFEST_NAME = "corpus.json"

SplitName = Literal["train", "valid", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)

Method = Literal["whole files", "cut files", "given files"]

Count = Annotated[int, Field(ge=0, lt=2**63)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FilePart(_Record):
    """A stretch of one file, and where it lies in its split."""

    split: SplitName
    start: Count
    num_bytes: Count
    offset: Count


class SourceRecord(_Record):
    """A file whose bytes are in the corpus."""

    path: str
    num_bytes: Count
    sha256: Digest
    parts: tuple[FilePart, ...]


class Duplicate(_Record):
    """A file that was left out because an equal one is in the corpus."""

    path: str
    same_as: str


class Skipped(_Record):
    """A file that was found in a folder and could not be taken."""

    path: str
    reason: str


class SplitRecord(_Record):
    """The size and the hash of one split."""

    num_bytes: Count
    sha256: Digest


class Manifest(_Record):
    """What ``corpus.json`` holds."""

    format: Literal["bit-transformer-corpus"] = FORMAT
    version: Literal[1] = VERSION
    method: Method
    valid_fraction: float
    test_fraction: float
    splits: dict[SplitName, SplitRecord]
    files: tuple[SourceRecord, ...]
    duplicates: tuple[Duplicate, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def find_fault(self) -> str | None:
        """The first rule of the format that this breaks, in words; None if it keeps them all."""
        if set(self.splits) != set(SPLIT_NAMES):
            return f"it has the splits {sorted(self.splits)}, not {list(SPLIT_NAMES)}"
        filled: Counter[str] = Counter()
        for file in self.files:
            covered = 0
            for part in file.parts:
                if part.start != covered or part.offset != filled[part.split]:
                    return f"a part of {file.path!r} is not where the one before it ends"
                covered += part.num_bytes
                filled[part.split] += part.num_bytes
            if covered != file.num_bytes:
                return f"the parts of {file.path!r} do not cover the file"
        for name in SPLIT_NAMES:
            if filled[name] != self.splits[name].num_bytes:
                return f"the parts of the {name} split do not fill it"
        return None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the corpus in ``folder``.

    Raises:
        DataError: there is none, it is from a newer version, or it is damaged.
    """
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise DataError(f"there is no corpus folder {folder}; build it first")
    if not path.is_file():
        raise DataError(f"{folder} is not a corpus: it has no {MANIFEST_NAME}")
    with reading_errors(path):
        content = path.read_bytes()
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise DataError(f"{path} {_describe(error)}") from error
    fault = manifest.find_fault()
    if fault:
        raise DataError(f"{path} contradicts itself: {fault}; build the corpus again")
    return manifest


def _describe(error: ValidationError) -> str:
    first: Any = error.errors(include_url=False)[0]
    if first["loc"] == ("version",):
        return (
            f"has version {first['input']!r}, and this program reads version {VERSION}; "
            "update it, or build the corpus again"
        )
    place = ".".join(map(str, first["loc"])) or "it"
    return f"is no valid manifest: {place}: {first['msg']}; build the corpus again"
