"""From a trained run to an exported model: quantised, primed, described, written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bit_transformer.archive.engine.model_file import ModelFile, write_model
from bit_transformer.archive.engine.quantisation import quantise
from bit_transformer.archive.engine.step import StepEngine
from bit_transformer.checkpoint import load_model, resolve_checkpoint

__all__ = ["engine_of", "export_model"]


def export_model(
    checkpoint: str | Path,
    path: str | Path,
    *,
    primer: bytes = b"",
    metadata: Mapping[str, Any] | None = None,
    table_step: float | None = None,
) -> ModelFile:
    """The exported model, which is now at ``path``.

    Args:
        checkpoint: a run folder, of which the best checkpoint is taken, or a checkpoint folder.
        primer: what the adaptive models read before they begin, at most 256 KB.
        metadata: anything JSON can say, kept in the file.
        table_step: how coarse the hashed tables are; see ``quantise``.

    Raises:
        CheckpointError: there is no checkpoint, or it is damaged.
        ConfigError: the engine cannot run this kind of model; the message says what it would take.
        InputError: the primer is too long, or the metadata is no JSON.
        StorageError: the place may not be written, or the disk is full.
    """
    model = load_model(resolve_checkpoint(checkpoint, prefer="best"))
    exported = ModelFile(quantise(model, table_step=table_step), primer, metadata or {})
    write_model(path, exported)
    return exported


def engine_of(checkpoint: str | Path, *, num_threads: int = 1) -> StepEngine:
    """The exact engine of a run's best checkpoint, or of a checkpoint folder.

    Raises:
        CheckpointError: there is no checkpoint, or it is damaged.
        ConfigError: the engine cannot run this kind of model; the message says what it would take.
    """
    model = load_model(resolve_checkpoint(checkpoint, prefer="best"))
    return StepEngine(quantise(model), num_threads=num_threads)
