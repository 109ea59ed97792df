"""Which model an archive is made with, and which one an archive that exists asks for.

A model is named by a file that ``engine`` exported, by a run or checkpoint folder, which is made
exact on the way, by ``default`` for the one that comes with the package, or by ``none``. A primer
may take the place of the model's own, or stand without a model.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bit_transformer.archive.coding import (
    ArchiveModel,
    BlockCoder,
    count_threads,
    level_of,
    to_level,
)
from bit_transformer.archive.container import Header
from bit_transformer.archive.mixing.interface import MAX_PRIMER_BYTES, Level
from bit_transformer.archive.reading import ModelFinder
from bit_transformer.bits.files import reading_errors
from bit_transformer.errors import InputError

__all__ = [
    "DEFAULT_MODEL_PATH",
    "ModelChoice",
    "Primed",
    "choose_model",
    "make_coder",
    "model_finder",
    "read_primer",
]

DEFAULT_MODEL_PATH = Path(__file__).parent / "models" / "default.btm"
"""The model that comes with the package, if one does."""

DEFAULT = "default"
NONE = "none"


@dataclass(frozen=True)
class Primed:
    """A model with a primer of one's own; ``model`` may be ``none``."""

    model: str | Path | None
    primer: bytes


ModelChoice = str | Path | ArchiveModel | Primed | None
"""A model, a path to one, ``default``, or ``none`` or None for context models alone."""


def choose_model(
    choice: ModelChoice, level: Level, num_threads: int | None = None
) -> ArchiveModel | None:
    """The model to compress with.

    ``default`` means none at the level ``fast``, and where the package comes without one.

    Raises:
        DataError: there is no such file.
        ArchiveError: the file is no exported model.
        CheckpointError: the folder holds no checkpoint.
        ConfigError: the run's model is of a kind that archives cannot use.
    """
    if isinstance(choice, ArchiveModel):
        return choice
    if isinstance(choice, Primed):
        base = choose_model(choice.model, level, num_threads)
        engine = None if base is None else base.engine
        name = "the given primer" if base is None else f"{base.name} with the given primer"
        return ArchiveModel(engine, choice.primer, name)
    if choice is None or choice == NONE:
        return None
    if choice == DEFAULT:
        if level is Level.FAST or not DEFAULT_MODEL_PATH.exists():
            return None
        choice = DEFAULT_MODEL_PATH
    return _open(Path(choice), count_threads(num_threads))


def model_finder(choice: ModelChoice, num_threads: int | None = None) -> ModelFinder:
    """What gives an archive the model that it asks for, or else the one that is offered.

    The package's own model is always tried, whatever is offered.
    """

    def find(header: Header) -> ArchiveModel | None:
        if not header.model_hash:
            return None
        offered = choose_model(choice, level_of(header) or Level.DEFAULT, num_threads)
        if offered is not None and offered.hash.startswith(header.model_hash):
            return offered
        if DEFAULT_MODEL_PATH.exists():
            own = _open(DEFAULT_MODEL_PATH, count_threads(num_threads))
            if own.hash.startswith(header.model_hash):
                return own
        return offered

    return find


def make_coder(level: str, model: ModelChoice, num_threads: int | None) -> BlockCoder:
    """The coder for new archives.

    Raises:
        InputError: there is no such level, or the number of threads is not positive.
        ArchiveError, CheckpointError, ConfigError, DataError: as :func:`choose_model`.
    """
    chosen, threads = to_level(level), count_threads(num_threads)
    return BlockCoder(chosen, choose_model(model, chosen, threads), num_threads=threads)


def read_primer(path: Path) -> bytes:
    """A file's bytes as a primer; of a long one the last 256 KB, which are the freshest.

    Raises:
        DataError: it cannot be read.
        InputError: it is empty.
    """
    with reading_errors(path), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MAX_PRIMER_BYTES))
        primer = file.read(MAX_PRIMER_BYTES)
    if not primer:
        raise InputError(f"{path} is empty; a primer is what the data will be like")
    return primer


def _open(path: Path, num_threads: int) -> ArchiveModel:
    """The model in a file or folder; opened once while it does not change."""
    if path.is_dir():
        from bit_transformer.checkpoint import resolve_checkpoint

        path = resolve_checkpoint(path, prefer="best")
    with reading_errors(path):
        status = path.stat()
    return _opened(path, (status.st_mtime_ns, status.st_size), num_threads)


@lru_cache(maxsize=2)
def _opened(path: Path, _change: tuple[int, int], num_threads: int) -> ArchiveModel:
    from bit_transformer.archive.engine import engine_of, read_model

    if path.is_dir():
        return ArchiveModel(engine_of(path, num_threads=num_threads), name=str(path))
    model = read_model(path)
    return ArchiveModel(model.engine(num_threads=num_threads), model.primer, str(path))
