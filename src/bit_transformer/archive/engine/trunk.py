"""The whole trunk in integers, compiled: from bytes to the products of the head.

The neighbours ``elements``, ``tiles`` and ``attention`` do the parts; this module has their order,
and says in which form they want the weights. One call takes some lanes some positions further, so
that a step of many lanes and a long chunk of one lane are the same code.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

from bit_transformer.archive.engine.attention import attend
from bit_transformer.archive.engine.elements import (
    add_products,
    embed,
    log_odds,
    normalise,
    round_largest,
    squared_relu,
)
from bit_transformer.archive.engine.interface import LOG_ODDS_LIMIT, LOG_ODDS_ONE
from bit_transformer.archive.engine.quantisation import EMBEDDED_ONE
from bit_transformer.archive.engine.tables import (
    EXP_STEPS,
    ROTATION_BITS,
    cap_table,
    exp_table,
    rotation_tables,
)
from bit_transformer.archive.engine.tiles import OUTPUTS, multiply, pack, padded
from bit_transformer.archive.engine.weights import EngineWeights
from bit_transformer.archive.stale_code import forget_stale_code

__all__ = [
    "Constants",
    "LentTrunk",
    "Memory",
    "Packed",
    "constants_of",
    "pack_weights",
    "predict",
    "run",
]

forget_stale_code(Path(__file__).parent)

_TURN_BITS = 9
_MIDDLE = 128


class Constants(NamedTuple):
    """What follows from the sizes alone; both implementations share it."""

    window: int
    rows_log2: int
    context_bits: np.ndarray
    activation_one: float
    embedding_one: float
    embedded_gain: np.float32
    turn_shift: int
    score_scale: np.float32
    cosines: np.ndarray
    sines: np.ndarray
    exps: np.ndarray
    caps: np.ndarray
    limit: int


class Packed(NamedTuple):
    """The weights as the tiles want them; ``_middle`` is each row's sum times 128."""

    start: np.ndarray
    pieces: np.ndarray
    tables: np.ndarray
    mix: np.ndarray
    mix_middle: np.ndarray
    mix_scale: np.ndarray
    embedding_skip: np.ndarray
    value_skip: np.ndarray
    project: np.ndarray
    project_middle: np.ndarray
    project_scale: np.ndarray
    read: np.ndarray
    read_middle: np.ndarray
    read_scale: np.ndarray
    expand: np.ndarray
    expand_middle: np.ndarray
    expand_scale: np.ndarray
    reduce: np.ndarray
    reduce_middle: np.ndarray
    reduce_scale: np.ndarray
    nodes: np.ndarray
    nodes_middle: np.ndarray
    nodes_scale: np.ndarray


class Memory(NamedTuple):
    """What some lanes remember: L lanes, B blocks, H heads, W slots.

    Shapes: ``keys``, ``later_keys`` and ``values`` (L, B, H, X) int8 as ``attention`` lays them
    out; ``key_sums`` and ``later_sums`` (L, B, H, W) int32; ``start_keys`` and ``start_values``
    (L, B, H, C) int32, those of the start; ``history`` (L,) int64, the last eight
    bytes; ``final`` (L, I) uint8, the normalised state that predicts the next byte.
    """

    keys: np.ndarray
    later_keys: np.ndarray
    key_sums: np.ndarray
    later_sums: np.ndarray
    values: np.ndarray
    start_keys: np.ndarray
    start_values: np.ndarray
    history: np.ndarray
    final: np.ndarray

    def of_lanes(self, first: int, last: int) -> "Memory":
        """The memory of some of the lanes, shared with this one."""
        return Memory(*(array[first:last] for array in self))


class LentTrunk(NamedTuple):
    """A trunk and the memory of some lanes, for a compiled loop: see ``Engine.lend``.

    Args:
        position: how many positions the lanes have been through, their start included.
    """

    weights: Packed
    constants: Constants
    memory: Memory
    position: int


def constants_of(weights: EngineWeights) -> Constants:
    """The constants of an engine."""
    shape = weights.shape
    cosines, sines = rotation_tables(shape.window, shape.head_dim)
    query_bits = shape.query_one.bit_length() - 1
    root = math.sqrt(shape.width)
    return Constants(
        window=shape.window,
        rows_log2=shape.table_rows_log2,
        context_bits=np.array(shape.context_hash_bits, dtype=np.int64),
        activation_one=shape.activation_one * root,
        embedding_one=EMBEDDED_ONE * root,
        embedded_gain=np.float32(shape.residual_one / EMBEDDED_ONE),
        turn_shift=ROTATION_BITS + _TURN_BITS - query_bits,
        score_scale=np.float32(EXP_STEPS / (shape.query_one**2 * math.sqrt(shape.head_dim))),
        cosines=cosines,
        sines=sines,
        exps=exp_table(),
        caps=cap_table(shape.logit_cap, LOG_ODDS_ONE),
        limit=LOG_ODDS_LIMIT,
    )


def pack_weights(weights: EngineWeights) -> Packed:
    """The weights in the order in which the compiled trunk reads them."""
    arrays: dict[str, np.ndarray] = {}
    for name, array in weights.arrays():
        if array.dtype != np.int8 or name == "tables":
            arrays[name] = np.ascontiguousarray(array)
            continue
        middle = array.astype(np.int32).sum(axis=-1, dtype=np.int32) * np.int32(_MIDDLE)
        arrays[name + "_middle"] = middle
        arrays[name] = (
            pack(array) if array.ndim == 2 else np.stack([pack(matrix) for matrix in array])
        )
    # What has been through ReLU is not moved up, and has no middle.
    arrays["reduce_middle"] = np.zeros_like(arrays["reduce_middle"])
    return Packed(**arrays)


def empty_memory(weights: EngineWeights, num_lanes: int) -> Memory:
    """The memory of lanes that have read nothing."""
    shape = weights.shape
    slots, inputs = padded(shape.window, OUTPUTS), padded(shape.head_dim, 4)
    heads = (num_lanes, shape.depth, shape.num_heads)
    return Memory(
        keys=np.zeros((*heads, slots * inputs), np.int8),
        later_keys=np.zeros((*heads, slots * inputs), np.int8),
        key_sums=np.zeros((*heads, slots), np.int32),
        later_sums=np.zeros((*heads, slots), np.int32),
        values=np.zeros((*heads, slots * padded(shape.head_dim, OUTPUTS)), np.int8),
        start_keys=np.zeros((*heads, shape.head_dim), np.int32),
        start_values=np.zeros((*heads, shape.head_dim), np.int32),
        history=np.zeros(num_lanes, np.int64),
        final=np.full((num_lanes, padded(shape.width, 4)), _MIDDLE, np.uint8),
    )


@njit(cache=True, nogil=True)
def _embedded(
    values_LT: np.ndarray, weights: Packed, constants: Constants, memory: Memory
) -> np.ndarray:
    """What the trunk gets for each byte, (L * T, D) int32, with a root mean square of one."""
    num_lanes, length = values_LT.shape
    width = len(weights.start)
    num_rows = num_lanes * length
    history = np.empty(num_rows, np.int64)
    x_ND = np.empty((num_rows, width), np.int32)
    for lane in range(num_lanes):
        word = memory.history[lane]
        for t in range(length):
            value = np.int64(values_LT[lane, t])
            word = (word << np.int64(8)) | value
            history[lane * length + t] = word
            for c in range(width):
                x_ND[lane * length + t, c] = weights.pieces[value, c]
        memory.history[lane] = word
    channels = len(constants.context_bits) * weights.tables.shape[2]
    rows = np.full((num_rows, (channels + 3) // 4 * 4), np.uint8(_MIDDLE))
    embed(history, weights.tables, constants.context_bits, constants.rows_log2, rows)
    sums = np.empty((num_rows, (width + 31) // 32 * 32), np.int32)
    multiply(rows, weights.mix, sums)
    ones = np.ones(num_rows, np.float32)
    add_products(sums, weights.mix_middle, weights.mix_scale, ones, x_ND)
    return x_ND


@njit(cache=True, nogil=True)
def run(
    values_LT: np.ndarray,
    is_start: bool,
    position: int,
    weights: Packed,
    constants: Constants,
    memory: Memory,
) -> np.ndarray:
    """Take every lane T positions further; the states that predict the bytes after each.

    Args:
        is_start: the one position is the start of a lane; ``values_LT`` only says how many lanes.
        position: the first of these positions, counted from the start of the lane as 0.

    Shapes: ``values_LT`` (L, T) uint8; the result (L * T, I) uint8, the normalised final states.
    """
    num_lanes, length = values_LT.shape
    width = len(weights.start)
    num_rows = num_lanes * length
    if is_start:
        embedded = np.empty((num_rows, width), np.int32)
        for n in range(num_rows):
            embedded[n] = weights.start
    else:
        embedded = _embedded(values_LT, weights, constants, memory)
        rescale(embedded, constants.embedding_one)
    x_ND = begun(embedded, constants.embedded_gain)
    inputs, outputs = (width + 3) // 4 * 4, (width + 31) // 32 * 32
    hidden = weights.expand_scale.shape[1]
    narrow = np.full((num_rows, inputs), np.uint8(_MIDDLE))
    wide = np.zeros((num_rows, (hidden + 3) // 4 * 4), np.uint8)
    sums = np.empty((num_rows, outputs), np.int32)
    projected = np.empty((num_rows, (3 * width + 31) // 32 * 32), np.int32)
    expanded = np.empty((num_rows, (hidden + 31) // 32 * 32), np.int32)
    read = np.empty((num_rows, width), np.int32)
    scales = np.empty(num_rows, np.float32)
    one = constants.activation_one
    for block in range(len(weights.embedding_skip)):
        normalise(x_ND, embedded, weights.embedding_skip[block], one, narrow)
        multiply(narrow, weights.project[block], projected)
        for lane in range(num_lanes):
            rows = slice(lane * length, (lane + 1) * length)
            attend(
                projected[rows], weights.project_middle[block], weights.project_scale[block],
                embedded[rows], weights.value_skip[block], position, constants.window,
                constants.turn_shift, constants.score_scale, constants.cosines, constants.sines,
                constants.exps, memory.keys[lane, block], memory.later_keys[lane, block],
                memory.key_sums[lane, block], memory.later_sums[lane, block],
                memory.values[lane, block], memory.start_keys[lane, block],
                memory.start_values[lane, block], read[rows],
            )  # fmt: skip
        round_largest(read, narrow, scales)
        multiply(narrow, weights.read[block], sums)
        add_products(sums, weights.read_middle[block], weights.read_scale[block], scales, x_ND)
        normalise(x_ND, embedded, np.float32(0.0), one, narrow)
        multiply(narrow, weights.expand[block], expanded)
        squared_relu(
            expanded, weights.expand_middle[block], weights.expand_scale[block], wide, scales
        )
        multiply(wide, weights.reduce[block], sums)
        add_products(sums, weights.reduce_middle[block], weights.reduce_scale[block], scales, x_ND)
    normalise(x_ND, embedded, np.float32(0.0), one, narrow)
    for lane in range(num_lanes):
        memory.final[lane] = narrow[lane * length + length - 1]
    return narrow


@njit(cache=True, nogil=True)
def begun(embedded_ND: np.ndarray, gain: np.float32) -> np.ndarray:
    """The residual stream that begins with the trunk's input, in units of its own; int32."""
    x_ND = np.empty_like(embedded_ND)
    for n in range(len(x_ND)):
        for c in range(x_ND.shape[1]):
            x_ND[n, c] = np.int32(np.rint(np.float32(embedded_ND[n, c]) * gain))
    return x_ND


@njit(cache=True, nogil=True)
def rescale(x_ND: np.ndarray, one: float) -> None:
    """Bring every row to a root mean square of ``one``, in place; int32."""
    for n in range(len(x_ND)):
        total = np.int64(0)
        for c in range(x_ND.shape[1]):
            total += np.int64(x_ND[n, c]) * np.int64(x_ND[n, c])
        scale = np.float32(one / np.sqrt(np.float64(max(total, np.int64(1)))))
        for c in range(x_ND.shape[1]):
            x_ND[n, c] = np.int32(np.rint(np.float32(x_ND[n, c]) * scale))


@njit(cache=True, nogil=True)
def predict(final_NI: np.ndarray, weights: Packed, constants: Constants) -> np.ndarray:
    """The log-odds of all nodes from final states, (N, 256) int16."""
    sums = np.empty((len(final_NI), 256), np.int32)
    multiply(final_NI, weights.nodes, sums)
    out = np.empty((len(final_NI), 256), np.int16)
    log_odds(sums, weights.nodes_middle, weights.nodes_scale, constants.caps, constants.limit, out)
    return out
