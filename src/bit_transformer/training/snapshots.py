"""The checkpoints of a run: written whole, thinned out, found again, read back.

A snapshot is a folder ``checkpoints/step_XXXXXXXX`` with the model's two files and the training's
own, described in ``state``. Unlike :mod:`bit_transformer.checkpoint`, which knows one model in
one folder, this module knows a run that goes on from there.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bit_transformer.bits.files import is_temporary
from bit_transformer.checkpoint import (
    BEST_NAME,
    best_checkpoint,
    load_metadata,
    load_model,
    read_manifest,
    sha256_of,
    write_model,
)
from bit_transformer.errors import CheckpointError, RunError
from bit_transformer.model import BitTransformerLM, ModelConfig
from bit_transformer.runs import RunFolder, read_json, write_json_atomically
from bit_transformer.training.processes import Processes
from bit_transformer.training.state import (
    Counters,
    OptimizerEntry,
    TrainState,
    describe_optimizers,
    optimizer_tensors,
    restore_optimizers,
)

__all__ = [
    "TrainingFile",
    "load_weights",
    "newest_snapshot",
    "read_training_file",
    "restore",
    "save_snapshot",
    "saved_corpus_digest",
]

TRAINING_NAME = "training.json"
OPTIMIZER_NAME = "optimizer"
VERSION = 1


class TrainingFile(BaseModel):
    """What ``training.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["bit-transformer-training"] = "bit-transformer-training"
    version: Literal[1] = VERSION
    counters: Counters
    optimizer: list[OptimizerEntry]
    files: dict[str, str]


def save_snapshot(
    run: RunFolder, state: TrainState, processes: Processes, *, keep: int, metadata: dict[str, Any]
) -> Path:
    """The folder that now holds the whole training; older ones than the ``keep`` newest are gone.

    The best checkpoint is kept besides.

    Raises:
        StorageError: the disk is full, or may not be written; earlier snapshots are as they were.
    """
    folder = run.checkpoint_path(state.counters.step)
    weights = processes.whole_weights(state.model)
    with processes.new_folder(folder) as temporary:
        processes.save_tensors(temporary / OPTIMIZER_NAME, optimizer_tensors(state))
        if processes.is_first:
            write_model(temporary, state.model.config, weights, metadata)
            _write_training_file(temporary, state)
    if processes.is_first:
        _note_best(run, state.counters)
        _remove_old(run, keep)
    return folder


def newest_snapshot(run: RunFolder) -> Path:
    """The snapshot of the last step that a resumed run can start from.

    Raises:
        RunError: the run was stopped before it saved one.
    """
    snapshots = [path for _, path in run.checkpoints() if (path / TRAINING_NAME).is_file()]
    if not snapshots:
        raise RunError(f"{run.path} has no checkpoint to resume from; start the training anew")
    return snapshots[-1]


def load_weights(folder: Path, config: ModelConfig) -> BitTransformerLM:
    """The model of a snapshot, on the CPU.

    Raises:
        CheckpointError: it is damaged, or its configuration is not ``config``.
    """
    with _naming_a_way_out(folder):
        if read_manifest(folder).config != config:
            raise CheckpointError(f"{folder} holds a model of another shape than the run's")
        return load_model(folder)


def saved_corpus_digest(folder: Path) -> str | None:
    """What identifies the data that a snapshot was trained on, where that was noted."""
    with _naming_a_way_out(folder):
        digest = load_metadata(folder).get("corpus")
    return digest if isinstance(digest, str) else None


def restore(folder: Path, state: TrainState, processes: Processes) -> None:
    """Give the optimisers and counters of ``state`` the values that they had in a snapshot.

    Raises:
        CheckpointError: a file is missing, truncated, corrupted, or of another configuration.
    """
    with _naming_a_way_out(folder):
        saved = read_training_file(folder)
        _check_files(folder / OPTIMIZER_NAME, saved.files)
        tensors = restore_optimizers(state, saved.optimizer, processes)
        if tensors:
            processes.load_tensors(folder / OPTIMIZER_NAME, tensors)
    state.counters = saved.counters


def read_training_file(folder: Path) -> TrainingFile:
    """What the ``training.json`` of a snapshot says.

    Raises:
        CheckpointError: it is missing, no JSON, too new, or does not fit.
    """
    path = folder / TRAINING_NAME
    try:
        content = read_json(path)
    except RunError as error:
        raise CheckpointError(str(error)) from error
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise CheckpointError(
            f"{path} has format version {version}, and this library reads up to {VERSION}; "
            "install a newer bit-transformer to resume from it"
        )
    try:
        return TrainingFile.model_validate(content)
    except ValidationError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def _write_training_file(folder: Path, state: TrainState) -> None:
    files = sorted((folder / OPTIMIZER_NAME).glob("*.safetensors"))
    content = TrainingFile(
        counters=state.counters,
        optimizer=describe_optimizers(state),
        files={path.name: sha256_of(path) for path in files},
    )
    write_json_atomically(
        folder / TRAINING_NAME, content.model_dump(mode="json", exclude_none=True)
    )


def _check_files(folder: Path, hashes: dict[str, str]) -> None:
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if there != set(hashes):
        raise CheckpointError(
            f"{folder} should hold {', '.join(sorted(hashes)) or 'nothing'} and holds "
            f"{', '.join(sorted(there)) or 'nothing'}"
        )
    for name, expected in hashes.items():
        if sha256_of(folder / name) != expected:
            raise CheckpointError(f"{folder / name} is corrupted: its SHA-256 is not the noted one")


@contextmanager
def _naming_a_way_out(folder: Path) -> Iterator[None]:
    """Say, in the errors of damaged snapshots, how to resume all the same."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}. To resume from the checkpoint before it, delete {folder}"
        ) from error


def _note_best(run: RunFolder, counters: Counters) -> None:
    if counters.best_step is None or not run.checkpoint_path(counters.best_step).is_dir():
        return
    note = {
        "checkpoint": run.checkpoint_path(counters.best_step).name,
        "step": counters.best_step,
        "bits_per_byte": counters.best_bits_per_byte,
    }
    write_json_atomically(run.checkpoints_path / BEST_NAME, note)


def _remove_old(run: RunFolder, keep: int) -> None:
    best = best_checkpoint(run)
    for _, path in run.checkpoints()[:-keep]:
        if path != best:  # renamed first: a half-deleted folder must not look like a whole one
            path.rename(path.with_name(f".{path.name}.unfinished-removal"))
    for path in run.checkpoints_path.iterdir():
        if is_temporary(path):  # these, and what a process left that was killed while saving
            shutil.rmtree(path, ignore_errors=True)
