"""The bytes that a model is measured on: files, or what its training held out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bit_transformer.bits.files import reading_errors
from bit_transformer.checkpoint import load_metadata
from bit_transformer.data import DataConfig, prepare_corpus
from bit_transformer.errors import CheckpointError, DataError

__all__ = ["HeldOut", "read_files", "read_split"]


@dataclass(frozen=True)
class HeldOut:
    """Bytes, and where they are from in words."""

    content: bytes
    source: str


def read_split(checkpoint: Path, split_name: str, limit_bytes: int | None) -> HeldOut:
    """The first bytes of a split of the corpus that a checkpoint was trained on.

    Raises:
        CheckpointError: the checkpoint does not say what it was trained on.
        DataError: the files have changed since, so that held-out bytes may have been learned; or
            they are gone, or the split is empty.
    """
    metadata = load_metadata(checkpoint)
    if "data" not in metadata:
        raise CheckpointError(
            f"{checkpoint} does not say what it learned from; name the files to evaluate on"
        )
    corpus = prepare_corpus(DataConfig.model_validate(metadata["data"]))
    if metadata.get("corpus", corpus.digest) != corpus.digest:
        raise DataError(
            f"the files that {checkpoint} learned from have changed since, so what is held out "
            "now may have been learned then; name the files to evaluate on"
        )
    split = {split.name: split for split in corpus.splits()}[split_name]
    if not len(split):
        raise DataError(f"the {split_name} split of {corpus.path} is empty; name files instead")
    content = split.bytes[:limit_bytes].tobytes()
    return HeldOut(content, f"the {split_name} split, {_share(len(content), len(split))}")


def read_files(paths: Sequence[Path], limit_bytes: int | None) -> HeldOut:
    """The first bytes of the files, one after the other.

    Raises:
        DataError: a file is missing or cannot be read, or all are empty.
    """
    parts, num_read, total = [], 0, 0
    for path in paths:
        with reading_errors(path), path.open("rb") as file:
            parts.append(file.read(-1 if limit_bytes is None else limit_bytes - num_read))
            num_read += len(parts[-1])
            total += path.stat().st_size
    names = ", ".join(map(str, paths))
    if not num_read:
        raise DataError(f"there are no bytes to evaluate on in {names}; name files with data")
    return HeldOut(b"".join(parts), f"{names}, {_share(num_read, total)}")


def _share(num_bytes: int, total: int) -> str:
    return "all of it" if num_bytes >= total else f"the first {num_bytes:,} of {total:,} bytes"
