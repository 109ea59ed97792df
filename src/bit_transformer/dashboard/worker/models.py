"""The models that jobs use: read from a run's checkpoint, and kept while they are wanted."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bit_transformer.checkpoint import load_metadata, load_model, resolve_checkpoint
from bit_transformer.dashboard.worker.channel import JobContext
from bit_transformer.data.coding import Coding
from bit_transformer.errors import RunError
from bit_transformer.model import BitTransformerLM
from bit_transformer.runs import RunFolder

__all__ = ["LoadedModel", "load"]

_MOST_MODELS = 2


@dataclass(frozen=True)
class LoadedModel:
    """A model, and how it was trained.

    Args:
        codecs: those of its training.
        is_direct: it was trained on compressed bits, too.
    """

    model: BitTransformerLM
    coding: Coding
    step: int
    codecs: tuple[str, ...]
    is_direct: bool


_loaded: OrderedDict[tuple[Path, int], LoadedModel] = OrderedDict()


def load(run: str, prefer: Literal["newest", "best"], context: JobContext) -> LoadedModel:
    """The model of a run's checkpoint.

    Raises:
        CheckpointError: there is none yet, or it is damaged.
    """
    folder = resolve_checkpoint(run, prefer=prefer)
    key = (folder, folder.stat().st_mtime_ns)
    found = _loaded.get(key)
    if found is None:
        context.preparing(f"loading the model of step {_step(folder):,}")
        while len(_loaded) >= _MOST_MODELS:
            _loaded.popitem(last=False)
        found = _loaded[key] = _read(run, folder)
    _loaded.move_to_end(key)
    return found


def _read(run: str, folder: Path) -> LoadedModel:
    metadata, config = load_metadata(folder), _config(run)
    model = load_model(folder)
    model.eval()
    codecs = config.get("codecs") or metadata.get("codecs") or ()
    return LoadedModel(
        model=model,
        coding=Coding.of(metadata),
        step=_step(folder),
        codecs=tuple(str(codec) for codec in codecs),
        is_direct=(config.get("direct_prob") or 0) > 0,
    )


def _config(run: str) -> dict[str, Any]:
    try:
        return RunFolder(Path(run)).read_config()
    except RunError:
        return {}


def _step(folder: Path) -> int:
    digits = folder.name.removeprefix("step_")
    return int(digits) if digits.isdecimal() else 0
