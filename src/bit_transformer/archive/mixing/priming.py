"""Models that have seen the primer, made once and lent to one block after another.

Priming takes as long as coding so many bytes, so a primed model is kept, in memory and by
``keeping`` on disk, and each block works on a copy. A small block changes little of a copy, so the
copy is mended afterwards, bucket by bucket from a journal, instead of being made anew.

With an engine, the mixers must have seen how far the engine is to be believed beside models that
know the text's like and not the text. So pieces from all over the primer are kept back from the
first pass and read in a second one, with the engine, as lanes.

Invariants: a lent model is exactly the primed one, whatever was coded with it before; models are
lent to one block at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from bit_transformer.archive.mixing.coder import new_coder
from bit_transformer.archive.mixing.keeping import MIN_PRIMER_BYTES, keep, kept_name, recall
from bit_transformer.archive.mixing.layout import USES
from bit_transformer.archive.mixing.levels import LevelSettings
from bit_transformer.archive.mixing.maps import MAP_USES
from bit_transformer.archive.mixing.model import (
    Model,
    copy_model,
    copy_without_bytes,
    new_model,
    new_registers,
)
from bit_transformer.archive.mixing.predictor import PRIME, code_steps

if TYPE_CHECKING:
    from bit_transformer.archive.engine.interface import Engine

__all__ = ["NO_ODDS", "Lender", "PrimedModels", "odds_along", "primed_models"]

NO_ODDS = np.zeros((0, 0, 0), dtype=np.int16)
_NOTHING = np.zeros(1, dtype=np.uint8)
_MAX_ODDS_BYTES = 1 << 26
_ONE_AT_A_TIME = Lock()
_LAST: dict[tuple[LevelSettings, int, bytes, bytes], PrimedModels] = {}
_MAX_LAST = 2
_MAX_PIECE_BYTES = 1024
_MIN_PIECES_BYTES = 4096
_PIECES_PART = 4
"""At most a fourth of the primer is kept back, and nothing if that is less than 4096 bytes."""


class Lender:
    """Lends copies of one model, and mends what comes back.

    Args:
        model: which is never changed.
        copied: how it is copied.
    """

    def __init__(self, model: Model, copied: Callable[[Model], Model]):
        self._model = model
        self._copied = copied
        self._spare: list[Model] = []

    def lend(self) -> Model:
        """A model for one block."""
        try:
            return self._spare.pop()
        except IndexError:
            return self._copied(self._model)

    def take_back(self, model: Model) -> None:
        """Mend a model that was lent, if little enough was done with it."""
        used = int(model.journal[0])
        if used >= model.journal.size:
            return
        buckets = model.journal[1 : 1 + used] >> 4
        model.buckets.reshape(-1, 16)[buckets] = self._model.buckets.reshape(-1, 16)[buckets]
        for array, lent in zip(model[1:], self._model[1:], strict=True):
            array[...] = lent
        self._spare.append(model)


class PrimedModels:
    """Models that saw one primer at one level.

    ``remembering`` lends them whole, to go with ``history``, the primer; ``forgetting`` lends what
    they learned about mixing. Beside an engine, which knows what is usual, statistics of other
    texts are in the way of the block's own.

    Args:
        settings: a level's.
        log_buckets: base-2 logarithm of the number of buckets.
        primer: what the models see.
        engine: whose predictions the mixers see, too, for a part of the primer.
    """

    def __init__(
        self, settings: LevelSettings, log_buckets: int, primer: bytes, engine: Engine | None
    ):
        self._num_pieces = settings.num_pieces if engine is not None else 0
        self._settings = settings
        self.history, self._num_whole = _arranged(primer, self._num_pieces)
        self._primed = self._made(settings, log_buckets, primer, engine)
        self.remembering = Lender(self._primed, copy_model)

    @cached_property
    def forgetting(self) -> Lender:
        """Lends what is left without the primer's bytes; made for who asks an engine."""
        return Lender(copy_without_bytes(self._primed), copy_without_bytes)

    def _made(
        self, settings: LevelSettings, log_buckets: int, primer: bytes, engine: Engine | None
    ) -> Model:
        """The model that has read the primer, made now or before."""
        if len(primer) < MIN_PRIMER_BYTES:
            return self._taught(new_model(settings, log_buckets), engine)
        name = kept_name(settings, log_buckets, primer, _hash_of(engine))
        model = new_model(settings, log_buckets)
        if not recall(model, name):
            model = self._taught(new_model(settings, log_buckets), engine)
            keep(model, name)
        return model

    def _taught(self, model: Model, engine: Engine | None) -> Model:
        """The new model, when it has read the primer."""
        num_whole = self._num_whole
        _read(model, self.history, 0, num_whole, 1, NO_ODDS)
        if engine is not None and num_whole < self.history.size:
            pieces = self.history[num_whole:].reshape(self._num_pieces, -1)
            odds = odds_along(engine, pieces)
            _read(model, self.history, num_whole, pieces.shape[1], self._num_pieces, odds)
        model.journal[0] = 0
        _unsettle(model, self._settings)
        model.scratch[USES] = 0  # so that the mixers are quick again in what is new
        return model


def primed_models(
    settings: LevelSettings, log_buckets: int, primer: bytes, engine: Engine | None
) -> PrimedModels:
    """The models for this primer; the last ones asked for are kept."""
    key = (settings, log_buckets, primer, _hash_of(engine))
    with _ONE_AT_A_TIME:  # threads that begin together want the same ones
        models = _LAST.pop(key, None) or PrimedModels(settings, log_buckets, primer, engine)
        _LAST[key] = models
        if len(_LAST) > _MAX_LAST:
            del _LAST[next(iter(_LAST))]
    return models


def _hash_of(engine: Engine | None) -> bytes:
    return b"" if engine is None else engine.model_hash


def _unsettle(model: Model, settings: LevelSettings) -> None:
    """Let what settled on the primer move again, so that it learns from something new."""
    np.minimum(model.row_uses, settings.primed_row_uses, out=model.row_uses)
    uses = np.minimum(model.maps & MAP_USES, min(settings.primed_map_uses, MAP_USES))
    model.maps[:] = (model.maps & ~np.uint32(MAP_USES)) | uses.astype(np.uint32)


def odds_along(engine: Engine, lanes_LT: np.ndarray) -> np.ndarray:
    """The engine's log-odds at the nodes that the bytes of each lane pass.

    Shapes: ``lanes_LT`` uint8 (lanes, steps); the result int16 (steps, lanes, 8).
    """
    lanes, steps = lanes_LT.shape
    along = np.empty((steps, lanes, 8), dtype=np.int16)
    state = engine.start(lanes)
    at_once = max(1, _MAX_ODDS_BYTES // (lanes * 512))
    for first in range(0, steps, at_once):
        some = np.ascontiguousarray(lanes_LT[:, first : first + at_once])
        odds = engine.extend(state, some)
        for bit_index in range(8):
            nodes = (1 << bit_index) | (some.astype(np.int64) >> (8 - bit_index))
            taken = np.take_along_axis(odds, nodes[:, :, None], axis=2)[:, :, 0]
            along[first : first + at_once, :, bit_index] = taken.T
    return along


def _arranged(primer: bytes, num_pieces: int) -> tuple[np.ndarray, int]:
    """The primer with its kept-back pieces at the end, and how many bytes stand before them."""
    data = np.frombuffer(bytearray(primer), dtype=np.uint8)
    piece_bytes = min(data.size // (_PIECES_PART * max(num_pieces, 1)), _MAX_PIECE_BYTES)
    if piece_bytes * num_pieces < _MIN_PIECES_BYTES:
        return data, data.size
    is_piece = np.zeros(data.size, dtype=bool)
    for piece in range(num_pieces):
        begin = (2 * piece + 1) * (data.size - piece_bytes) // (2 * num_pieces)
        is_piece[begin : begin + piece_bytes] = True
    whole = data[~is_piece]
    return np.concatenate([whole, data[is_piece]]), whole.size


def _read(
    model: Model, history: np.ndarray, begin: int, num_steps: int, lanes: int, odds: np.ndarray
) -> None:
    """Let a model learn so many bytes of each of the lanes that follow one another."""
    begins = [begin + lane * num_steps for lane in range(lanes)]
    code_steps(
        model,
        new_registers(begins, [first + num_steps for first in begins]),
        history.copy(),
        begin,
        max(num_steps, 1),
        num_steps,
        PRIME,
        history,
        new_coder(),
        _NOTHING,
        odds,
        np.zeros(1),
    )
