"""Everything a predictor has learned, as arrays: made, copied, and sized.

Invariants: sizes follow from the level, the primer's length and the block's length alone, all of
which the decoder knows; a model that saw the primer can be copied and used for many blocks.
"""

from typing import NamedTuple

import numpy as np

from bit_transformer.archive.mixing.contexts import NUM_CONTEXTS, NUM_REGISTERS
from bit_transformer.archive.mixing.levels import LevelSettings
from bit_transformer.archive.mixing.maps import BUCKET, EVEN_ENTRY, NUM_POINTS
from bit_transformer.archive.mixing.tables import Array, load_tables

__all__ = ["INPUTS_PER_CONTEXT", "Model", "SET_SIZES", "copy_model", "new_model"]

INPUTS_PER_CONTEXT = 4
NUM_OTHER_INPUTS = 12
SET_SIZES = (256, 2048, 256, 2048, 1024, 1024, 2048, 512)
NUM_FINAL_ROWS = 1024
NUM_MATCH_ROWS = 2 * 16 * 16 * 2
NUM_ENGINE_ROWS = 64 * 64
REFINE_ROWS = (256, 16384, 16384, 16384)
_NUM_RUN_ROWS = 32


class Model(NamedTuple):
    """Arrays that kernels read and write; see ``predictor`` for who touches which."""

    buckets: Array
    order0: Array
    order1: Array
    indirect: Array
    positions: Array
    long_positions: Array
    state_maps: Array
    run_maps: Array
    match_maps: Array
    engine_maps: Array
    weights: Array
    final_weights: Array
    points: Array
    chosen: Array
    # scratch of one byte
    hashes: Array
    heads: Array
    slots: Array
    inputs: Array
    rows: Array
    outputs: Array
    final_inputs: Array
    scratch: Array
    # tables
    stretch: Array
    squash: Array
    next_state: Array
    rates: Array
    char_class: Array


def new_model(settings: LevelSettings, log_buckets: int) -> Model:
    """A model that has seen nothing, with 2 to the ``log_buckets`` buckets."""
    num_contexts = len(settings.contexts)
    num_inputs = num_contexts * INPUTS_PER_CONTEXT + NUM_OTHER_INPUTS
    num_inputs += -num_inputs % 8
    tables = load_tables()
    num_sets = len(SET_SIZES)
    weights = np.full((sum(SET_SIZES), num_inputs), settings.first_weight, dtype=np.int32)
    final_weights = np.full((NUM_FINAL_ROWS, num_sets), 65536 // num_sets, dtype=np.int32)
    even = np.uint32(EVEN_ENTRY)
    return Model(
        buckets=_aligned_zeros(BUCKET << log_buckets),
        order0=np.full(256, even, dtype=np.uint32),
        order1=np.full(65536, even, dtype=np.uint32),
        indirect=np.zeros(256 + 32768, dtype=np.int32),
        positions=np.zeros(1 << max(10, log_buckets - 4), dtype=np.int32),
        long_positions=np.zeros(1 << max(10, log_buckets - 4), dtype=np.int32),
        state_maps=np.full((num_contexts, 256), even, dtype=np.uint32),
        run_maps=np.full((num_contexts, _NUM_RUN_ROWS), even, dtype=np.uint32),
        match_maps=np.full(NUM_MATCH_ROWS, even, dtype=np.uint32),
        engine_maps=np.full(NUM_ENGINE_ROWS, even, dtype=np.uint32),
        weights=weights,
        final_weights=final_weights,
        points=_points(tables.squash),
        chosen=np.array(settings.contexts, dtype=np.int64),
        hashes=np.zeros(NUM_CONTEXTS, dtype=np.int64),
        heads=np.zeros(num_contexts, dtype=np.int64),
        slots=np.zeros(num_contexts, dtype=np.int64),
        inputs=np.zeros(num_inputs, dtype=np.int32),
        rows=np.zeros(num_sets, dtype=np.int64),
        outputs=np.zeros(num_sets, dtype=np.int32),
        final_inputs=np.zeros(num_sets, dtype=np.int32),
        scratch=np.zeros(32, dtype=np.int64),
        **tables._asdict(),
    )


def copy_model(model: Model) -> Model:
    """A model that has learned the same and learns on by itself."""
    copies = [array.copy() for array in model]
    copies[0] = _aligned_zeros(model.buckets.size)
    copies[0][:] = model.buckets
    return Model(*copies)


def new_registers(begins: list[int], ends: list[int]) -> np.ndarray:
    """Registers of lanes that begin and end at these positions of the history."""
    from bit_transformer.archive.mixing import contexts

    registers = np.zeros((len(begins), NUM_REGISTERS), dtype=np.int64)
    for name in (contexts.POSITION, contexts.BEGIN, contexts.LINE, contexts.ABOVE):
        registers[:, name] = begins
    registers[:, contexts.END] = ends
    return registers


def _aligned_zeros(size: int) -> np.ndarray:
    """uint32 zeros whose first element begins a line of cache."""
    raw = np.zeros(size + 15, dtype=np.uint32)
    offset = (-raw.ctypes.data % 64) // 4
    return raw[offset : offset + size]


def _points(squash: np.ndarray) -> np.ndarray:
    """Refinements that leave every probability as it is."""
    along = np.minimum(np.arange(NUM_POINTS) * 256, 6143)
    return np.tile(squash[along].astype(np.int32) << 6, sum(REFINE_ROWS))
