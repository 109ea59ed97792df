"""A model's weights and configuration as a folder, and back.

A checkpoint is a folder with two files:

    model.json           format name and version, the model's configuration, what the writer noted
                         (``metadata``), and the length and SHA-256 of the weights
    model.safetensors    every parameter once, under its name in the module tree

``training`` puts its own files beside these two and keeps checkpoints in a run's ``checkpoints``
folder; this room knows only how to find them there.

Invariants: a folder under its final name is whole (it is written under a temporary name, flushed
to the disk, renamed); reading never unpickles, never runs what it reads, and allocates no more
than the weights file really holds; what is loaded has the hash that was written.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bit_transformer.bits.files import atomic_folder
from bit_transformer.errors import CheckpointError, InputError, StorageError
from bit_transformer.model.config import ModelConfig
from bit_transformer.model.cost import parameter_count
from bit_transformer.runs import RunFolder

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from bit_transformer.model import BitTransformerLM

__all__ = [
    "BEST_NAME",
    "MANIFEST_NAME",
    "WEIGHTS_NAME",
    "Manifest",
    "best_checkpoint",
    "load_metadata",
    "load_model",
    "read_manifest",
    "resolve_checkpoint",
    "save_checkpoint",
    "sha256_of",
    "weights_of",
    "write_model",
]

FORMAT = "bit-transformer-checkpoint"
VERSION = 1
MANIFEST_NAME = "model.json"
WEIGHTS_NAME = "model.safetensors"
BEST_NAME = "best.json"
PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
MAX_MANIFEST_BYTES = 1 << 24
WEIGHT_BYTES = 4


class Manifest(BaseModel):
    """What ``model.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["bit-transformer-checkpoint"] = FORMAT
    version: Literal[1] = VERSION
    config: ModelConfig
    metadata: dict[str, Any]
    weights_bytes: int = Field(ge=8)
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")


def save_checkpoint(
    folder: str | Path, model: "BitTransformerLM", *, metadata: Mapping[str, Any] | None = None
) -> Path:
    """The folder that now holds ``model``, whole or not at all; one that was there is replaced.

    Args:
        metadata: anything JSON can say, for :func:`load_metadata`.

    Raises:
        InputError: the metadata is no JSON.
        StorageError: the disk is full, or the place may not be written.
    """
    folder = Path(folder)
    with atomic_folder(folder, replace=True) as temporary:
        write_model(temporary, model.config, weights_of(model), metadata or {})
    return folder


def load_model(folder: str | Path, *, device: "str | torch.device" = "cpu") -> "BitTransformerLM":
    """The model of a checkpoint, in evaluation mode on ``device``.

    Args:
        folder: whatever :func:`resolve_checkpoint` understands.

    Raises:
        CheckpointError: there is no checkpoint, or it is truncated, corrupted, too new, a pickle,
            or its tensors are not those of its configuration.
    """
    import torch

    from bit_transformer.model import BitTransformerLM

    folder = resolve_checkpoint(folder)
    manifest = read_manifest(folder)
    _check_weights_file(folder / WEIGHTS_NAME, manifest)
    with torch.random.fork_rng(devices=[]):
        model = BitTransformerLM(manifest.config)
    _load_weights(folder / WEIGHTS_NAME, model)
    return model.to(device).eval()


def load_metadata(folder: str | Path) -> dict[str, Any]:
    """What the writer of a checkpoint noted about it.

    Raises:
        CheckpointError: there is no checkpoint, or its ``model.json`` is not one.
    """
    return read_manifest(resolve_checkpoint(folder)).metadata


def resolve_checkpoint(path: str | Path, *, prefer: Literal["newest", "best"] = "newest") -> Path:
    """The checkpoint that a checkpoint folder, a run folder or its ``checkpoints`` stands for.

    Args:
        prefer: which of a run's checkpoints: of the last step, or of the lowest held-out loss
            (the newest where none was evaluated).

    Raises:
        CheckpointError: there is none, or ``path`` is something else.
    """
    path = Path(path)
    if (path / MANIFEST_NAME).is_file():
        return path
    if not path.is_dir():
        raise CheckpointError(_why_no_folder(path))
    run = RunFolder(path)
    if path.name == run.checkpoints_path.name:
        run = RunFolder(path.absolute().parent)
    checkpoints = [folder for _, folder in run.checkpoints()]
    if not checkpoints:
        raise CheckpointError(_why_no_checkpoint(path))
    best = best_checkpoint(run) if prefer == "best" else None
    return best or checkpoints[-1]


def best_checkpoint(run: RunFolder) -> Path | None:
    """The checkpoint of ``run`` with the lowest held-out loss, where one is noted and there.

    Raises:
        CheckpointError: the note is damaged.
    """
    note = run.checkpoints_path / BEST_NAME
    if not note.is_file():
        return None
    name = _read_json(note).get("checkpoint")
    return next((folder for _, folder in run.checkpoints() if folder.name == name), None)


def read_manifest(folder: Path) -> Manifest:
    """What the ``model.json`` of a checkpoint folder says.

    Raises:
        CheckpointError: it is missing, no JSON, of another format, too new, or does not fit.
    """
    path = folder / MANIFEST_NAME
    content = _read_json(path)
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this library: its format is "
            f"{content.get('format')!r}, not {FORMAT!r}"
        )
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise CheckpointError(
            f"{path} has format version {version}, and this library reads up to {VERSION}; "
            "install a newer bit-transformer to read it"
        )
    try:
        return Manifest.model_validate(content)
    except (ValidationError, ValueError) as error:
        raise CheckpointError(f"{path} does not describe a model: {error}") from error


def weights_of(model: "nn.Module") -> dict[str, "Tensor"]:
    """Every parameter and persistent buffer of ``model`` once, by its first name."""
    weights: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            weights[name] = tensor
    return weights


def write_model(
    folder: Path,
    config: ModelConfig,
    weights: Mapping[str, "Tensor"],
    metadata: Mapping[str, Any],
) -> None:
    """Write both files of a checkpoint into ``folder``, which is there and not yet final.

    Raises:
        InputError: the metadata is no JSON.
        StorageError: the disk is full, or the place may not be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    _check_metadata(metadata)
    path = folder / WEIGHTS_NAME
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    try:
        save_file(tensors, path, metadata={"format": "pt"})
        manifest = Manifest(
            config=config,
            metadata=dict(metadata),
            weights_bytes=path.stat().st_size,
            weights_sha256=sha256_of(path),
        )
        text = manifest.model_dump_json(indent=2)
        (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")
        # safetensors makes files that only their owner may read; the user's own mask decides.
        path.chmod((folder / MANIFEST_NAME).stat().st_mode)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"cannot write the weights to {path}: {error}; free some space, or write elsewhere"
        ) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    try:
        json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"a checkpoint's metadata must be JSON: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise CheckpointError(
                f"{path} has {path.stat().st_size} bytes, too many for what it is"
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is corrupted, it is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is corrupted: it holds no JSON object")
    return content


def _check_weights_file(path: Path, manifest: Manifest) -> None:
    """Raise unless the file can hold the configuration's weights and is the one that was saved."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; copy the checkpoint again, with both its files")
    num_bytes = path.stat().st_size
    if num_bytes != manifest.weights_bytes:
        raise CheckpointError(
            f"{path} has {num_bytes} bytes and should have {manifest.weights_bytes}: it is "
            "truncated or was changed; copy it again, or take an earlier checkpoint"
        )
    needed = WEIGHT_BYTES * parameter_count(manifest.config)["total"]
    if num_bytes < needed:
        raise CheckpointError(
            f"{path} has {num_bytes} bytes, and the model that {MANIFEST_NAME} describes has "
            f"{needed} bytes of weights: one of the two files belongs to another model"
        )
    if sha256_of(path) != manifest.weights_sha256:
        raise CheckpointError(
            f"{path} is corrupted: its SHA-256 is not the one that {MANIFEST_NAME} gives; "
            "copy it again, or take an earlier checkpoint"
        )


def _load_weights(path: Path, model: "BitTransformerLM") -> None:
    import torch
    from safetensors import SafetensorError, safe_open

    expected = weights_of(model)
    try:
        with safe_open(path, framework="pt") as file, torch.no_grad():
            _check_names(path, set(file.keys()), set(expected))
            for name, tensor in expected.items():
                found = file.get_tensor(name)
                _check_tensor(path, name, found, tensor)
                tensor.copy_(found)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is corrupted, it is no safetensors file: {error}") from error


def _check_names(path: Path, found: set[str], expected: set[str]) -> None:
    for what, names in (("lacks", expected - found), ("has unknown", found - expected)):
        if names:
            shown = ", ".join(repr(name[:80]) for name in sorted(names)[:3])
            raise CheckpointError(
                f"{path} {what} tensors ({len(names)}: {shown}, ...): it belongs to another model "
                f"than {MANIFEST_NAME} describes"
            )


def _check_tensor(path: Path, name: str, found: "Tensor", expected: "Tensor") -> None:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise CheckpointError(
            f"{path}: {name} is {found.dtype} of shape {tuple(found.shape)} and should be "
            f"{expected.dtype} of shape {tuple(expected.shape)}"
        )
    if found.is_floating_point() and not found.isfinite().all():
        raise CheckpointError(
            f"{path}: {name} holds values that are not finite; take an earlier checkpoint"
        )


def _why_no_folder(path: Path) -> str:
    if not path.exists():
        return f"{path} does not exist; give a checkpoint folder or a run folder"
    if path.suffix in PICKLE_SUFFIXES:
        return (
            f"{path} is a pickle by its name: reading one can run any code, so this library never "
            f"does; give a folder with {MANIFEST_NAME} and {WEIGHTS_NAME}"
        )
    return f"{path} is a file; a checkpoint is a folder with {MANIFEST_NAME} and {WEIGHTS_NAME}"


def _why_no_checkpoint(path: Path) -> str:
    pickles = [file.name for file in sorted(path.iterdir()) if file.suffix in PICKLE_SUFFIXES]
    if pickles:
        return (
            f"{path} holds pickles ({', '.join(pickles[:3])}) and no {MANIFEST_NAME}: reading a "
            "pickle can run any code, so this library never does"
        )
    if (path / WEIGHTS_NAME).is_file():
        return f"{path} has {WEIGHTS_NAME} but no {MANIFEST_NAME}; copy the whole checkpoint"
    return f"{path} holds no finished checkpoint; give a checkpoint folder or a run folder"
