"""Which model an archive is made with, and which one an archive that exists asks for.

A model is named by a file that ``engine`` exported, by a run or checkpoint folder, which is made
exact on the way, by ``default`` for the one that comes with the package, or by ``none``.
"""

from functools import lru_cache
from pathlib import Path

from bit_transformer.archive.coding import ArchiveModel, BlockCoder, count_threads, to_level
from bit_transformer.archive.container import Header
from bit_transformer.archive.mixing.interface import Level
from bit_transformer.archive.reading import ModelFinder
from bit_transformer.errors import ArchiveError

__all__ = ["DEFAULT_MODEL_PATH", "ModelChoice", "choose_model", "make_coder", "model_finder"]

DEFAULT_MODEL_PATH = Path(__file__).parent / "models" / "default.btm"
"""The model that comes with the package, if one does."""

ModelChoice = str | Path | ArchiveModel | None
"""A model, a path to one, ``default``, or ``none`` or None for context models alone."""

DEFAULT = "default"
NONE = "none"


def choose_model(choice: ModelChoice, level: Level) -> ArchiveModel | None:
    """The model to compress with.

    ``default`` means none at the level ``fast``, and where the package comes without one.

    Raises:
        ArchiveError: the file is no exported model.
        CheckpointError: the folder holds no checkpoint.
    """
    if choice == DEFAULT:
        if level is Level.FAST or not DEFAULT_MODEL_PATH.exists():
            return None
        return open_model(DEFAULT_MODEL_PATH)
    if choice is None or choice == NONE:
        return None
    return choice if isinstance(choice, ArchiveModel) else open_model(choice)


def model_finder(choice: ModelChoice) -> ModelFinder:
    """What gives an archive the model that it asks for, or else the one that is offered.

    The package's own model is always tried, whatever is offered.
    """

    def find(header: Header) -> ArchiveModel | None:
        if not header.model_hash:
            return None
        offered = None if choice == DEFAULT else choose_model(choice, Level.DEFAULT)
        if offered is not None and offered.hash.startswith(header.model_hash):
            return offered
        if DEFAULT_MODEL_PATH.exists():
            own = open_model(DEFAULT_MODEL_PATH)
            if offered is None or own.hash.startswith(header.model_hash):
                return own
        return offered

    return find


def make_coder(level: str, model: ModelChoice, num_threads: int | None) -> BlockCoder:
    """The coder for new archives.

    Raises:
        InputError: there is no such level, or the number of threads is not positive.
    """
    chosen = to_level(level)
    return BlockCoder(chosen, choose_model(model, chosen), num_threads=count_threads(num_threads))


@lru_cache(maxsize=2)
def _open_model(path: str, _change: tuple[int, int]) -> ArchiveModel:
    raise ArchiveError(f"{path} cannot be opened yet")


def open_model(path: str | Path) -> ArchiveModel:
    """The model in a file or folder."""
    status = Path(path).stat()
    return _open_model(str(path), (status.st_mtime_ns, status.st_size))
