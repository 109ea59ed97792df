"""Everything a predictor has learned, as arrays: made, copied, and sized.

Invariants: sizes follow from the level, the kind of block and the lengths of primer and block
alone, all of which the decoder knows; a model that saw the primer can be copied and used for
many blocks.
"""

from typing import NamedTuple

import numpy as np

from bit_transformer.archive.mixing import layout
from bit_transformer.archive.mixing.contexts import (
    ABOVE,
    BEGIN,
    END,
    LINE,
    NUM_CONTEXTS,
    NUM_REGISTERS,
    POSITION,
)
from bit_transformer.archive.mixing.levels import LevelSettings
from bit_transformer.archive.mixing.maps import BUCKET, EVEN_ENTRY, NUM_POINTS, POINT_SPACING
from bit_transformer.archive.mixing.tables import Array, load_tables

__all__ = ["Model", "copy_model", "copy_without_bytes", "new_model", "new_registers"]

_JOURNAL = 1 << 18
_ENGINE_WEIGHT = 40_000
_ENGINE_MAP_WEIGHT = 10_000
_USES_BELIEVED = 6
_USES_STRAIGHT = 8
"""As how often used a map entry begins that says something from the first: how soon it changes."""


class Model(NamedTuple):
    """Arrays that kernels read and write.

    Shapes: ``buckets`` uint32, sixteen to a bucket; ``maps`` uint32, see ``layout``; ``indirect``
    int32, what followed one and two bytes lately; ``positions`` int32 (4, n), where the last
    bytes, and the last forms, occurred before; ``weights`` and ``final_weights`` int32 (rows,
    inputs), ``row_uses`` int32 (rows,); ``points`` uint32, refinements. ``chosen`` int64 (C,), the
    contexts in use; ``pace`` int64, how fast to learn. ``journal`` int64, how many buckets were
    looked up and which, full once it has as many as it can hold. The rest is scratch of one bit,
    and tables.
    """

    buckets: Array
    maps: Array
    indirect: Array
    positions: Array
    weights: Array
    row_uses: Array
    final_weights: Array
    points: Array
    chosen: Array
    pace: Array
    hashes: Array
    places: Array
    journal: Array
    inputs: Array
    outputs: Array
    rows: Array
    point_rows: Array
    scratch: Array
    stretch: Array
    squash: Array
    next_state: Array
    rates: Array
    char_class: Array


def new_model(settings: LevelSettings, log_buckets: int, *, is_text: bool = True) -> Model:
    """A model that has seen nothing, with 2 to the ``log_buckets`` buckets."""
    chosen = settings.text_contexts if is_text else settings.binary_contexts
    num_inputs = layout.num_inputs(len(chosen), settings.num_others)
    set_sizes = layout.SET_SIZES[: settings.num_sets]
    num_sets = len(set_sizes)
    tables = load_tables()
    weights = np.full(
        (sum(set_sizes), num_inputs), settings.first_weights // num_inputs, dtype=np.int32
    )
    engine_input = len(chosen) * layout.INPUTS_PER_CONTEXT + layout.ENGINE_INPUT
    weights[:, engine_input] = _ENGINE_WEIGHT
    weights[:, engine_input + 1] = _ENGINE_MAP_WEIGHT
    return Model(
        buckets=_aligned_zeros(BUCKET << log_buckets),
        maps=_fresh_maps(len(chosen), tables.squash),
        indirect=np.zeros(256 + 32768, dtype=np.int32),
        positions=np.zeros((4, 1 << max(10, log_buckets - 4)), dtype=np.int32),
        weights=weights,
        row_uses=np.zeros(sum(set_sizes), dtype=np.int32),
        final_weights=np.full((_final_rows(num_sets), num_sets), 65536 // num_sets, dtype=np.int32),
        points=_straight_points(tables.squash, settings),
        chosen=np.array(chosen, dtype=np.int64),
        pace=np.array(settings.pace, dtype=np.int64),
        hashes=np.zeros(NUM_CONTEXTS, dtype=np.int64),
        places=np.zeros((3, len(chosen)), dtype=np.int64),
        journal=np.zeros(_JOURNAL, dtype=np.int64),
        inputs=np.zeros(num_inputs, dtype=np.int32),
        outputs=np.zeros(num_sets, dtype=np.int32),
        rows=np.zeros(num_sets, dtype=np.int64),
        point_rows=np.zeros(settings.num_points, dtype=np.int64),
        scratch=np.zeros(layout.NUM_SCRATCH, dtype=np.int64),
        **tables._asdict(),
    )


def copy_model(model: Model) -> Model:
    """A model that has learned the same and learns on by itself."""
    buckets = _aligned_zeros(model.buckets.size)
    buckets[:] = model.buckets
    return Model(buckets, *(array.copy() for array in model[1:]))


def copy_without_bytes(model: Model) -> Model:
    """What a model has learned about mixing, and nothing of the bytes that it has seen."""
    forgotten = {
        "buckets": _aligned_zeros(model.buckets.size),
        "positions": np.zeros_like(model.positions),
        "indirect": np.zeros_like(model.indirect),
    }
    kept = {name: array for name, array in model._asdict().items() if name not in forgotten}
    return Model(**forgotten, **{name: array.copy() for name, array in kept.items()})


def new_registers(begins: list[int], ends: list[int]) -> np.ndarray:
    """Registers of lanes that begin and end at these positions of the history."""
    registers = np.zeros((len(begins), NUM_REGISTERS), dtype=np.int64)
    for name in (POSITION, BEGIN, LINE, ABOVE):
        registers[:, name] = begins
    registers[:, END] = ends
    return registers


def _final_rows(num_sets: int) -> int:
    """How many rows the mixers of the second layer choose from."""
    more = layout.FORM_FINAL_ROWS if num_sets > layout.EARLIER_SETS else 0
    return layout.FINAL_ROWS + more


def _fresh_maps(num_contexts: int, squash: np.ndarray) -> np.ndarray:
    """Map entries at even odds, but for the engine's, which begin by believing it."""
    maps = np.full(layout.num_maps(num_contexts), EVEN_ENTRY, dtype=np.uint32)
    maps[layout.ENGINE_MAPS : layout.RUN_BYTE_MAPS] = np.repeat(_believed(64, squash), 64)
    believed = _believed(32, squash) | _USES_BELIEVED
    maps[layout.ENGINE_BYTE_MAPS : layout.RELIANCE_MAPS] = np.repeat(believed, 4096)
    return maps


def _believed(num_buckets: int, squash: np.ndarray) -> np.ndarray:
    """Map entries that say what the engine says, one for each part of its range."""
    width = 4096 // num_buckets
    odds = np.arange(num_buckets) * width + width // 2 - 2048
    return squash[odds + 3072].astype(np.uint32) << 16


def _aligned_zeros(size: int) -> np.ndarray:
    """uint32 zeros whose first element begins a line of cache."""
    raw = np.zeros(size + 15, dtype=np.uint32)
    offset = (-raw.ctypes.data % 64) // 4
    return raw[offset : offset + size]


def _straight_points(squash: np.ndarray, settings: LevelSettings) -> np.ndarray:
    """Refinements that leave every probability as it is."""
    along = np.minimum(np.arange(NUM_POINTS) * POINT_SPACING, squash.size - 1)
    uses = 0 if settings.pace[layout.POINT_SHIFT] else _USES_STRAIGHT
    straight = (squash[along].astype(np.uint32) << 16) | np.uint32(uses)
    return np.tile(straight, sum(layout.POINT_ROWS[: settings.num_points]))
