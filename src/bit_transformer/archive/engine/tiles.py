"""Products of small unsigned activations with small signed weights, in whole numbers.

A product of matrices is cut into tiles of some rows of activations by 32 outputs, whose sums stay
in vector registers. One tile is written as vector code by hand, since no compiler finds it: where
the processor multiplies and adds bytes four at a time (x86 with AVX-512 VNNI), that instruction is
used; elsewhere, the same sums of integers in general vector code. Both give the same numbers.

Invariants: the callers' arrays have the padded sizes that :func:`pack` and :func:`padded` give;
int32 sums do not overflow, by the bound that ``weights`` checks.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["OUTPUTS", "has_byte_products", "multiply", "pack", "padded"]

OUTPUTS = 32
"""Outputs of one tile."""

_LANES = 16
_VECTORS = OUTPUTS // _LANES
_STEP = 4
_INT8, _INT16 = ir.IntType(8), ir.IntType(16)
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_SUMS = ir.VectorType(_INT32, _LANES)
_VNNI = "llvm.x86.avx512.vpdpbusd.512"


def has_byte_products(context: Any) -> bool:
    """Whether the processor that a code generator compiles for has AVX-512 VNNI."""
    features = context.codegen()._tm_features
    return "+avx512vnni" in features and "+avx512f" in features


def padded(number: int, multiple: int) -> int:
    """``number`` rounded up to a multiple.

    Example:
        >>> padded(10, 4), padded(12, 4)
        (12, 12)
    """
    return -(-number // multiple) * multiple


def pack(matrix: np.ndarray) -> np.ndarray:
    """The int8 weights (outputs, inputs) in the order in which tiles read them, flat.

    Outputs are filled up to a multiple of 32 and inputs to one of 4, with zeros.
    """
    num_outputs, num_inputs = matrix.shape
    outputs, inputs = padded(num_outputs, OUTPUTS), padded(num_inputs, _STEP)
    whole = np.zeros((outputs, inputs), dtype=np.int8)
    whole[:num_outputs, :num_inputs] = matrix
    tiles = whole.reshape(outputs // OUTPUTS, OUTPUTS, inputs // _STEP, _STEP)
    return np.ascontiguousarray(tiles.transpose(0, 2, 1, 3)).reshape(-1)


def _make_tile(num_rows: int) -> Any:
    """The intrinsic of a tile of ``num_rows`` rows by 32 outputs."""

    @intrinsic
    def tile(
        typing_context, out, out_at, out_stride, rows, rows_at, rows_stride, weights, at, steps
    ):
        del typing_context, out_at, out_stride, rows_at, rows_stride, at, steps
        place = types.intp
        signature = types.void(out, place, place, rows, place, place, weights, place, place)

        def generate(context, builder, signature, arguments):
            pointers = [
                context.make_array(signature.args[i])(context, builder, arguments[i]).data
                for i in (0, 3, 6)
            ]
            _Tile(builder, num_rows, has_byte_products(context)).write(pointers, arguments)
            return context.get_dummy_value()

        return signature, generate

    return tile


class _Tile:
    """The vector code of one tile: a loop over the inputs, four at a time."""

    def __init__(self, builder: Any, num_rows: int, has_vnni: bool) -> None:
        self.builder = builder
        self.num_rows = num_rows
        self.has_vnni = has_vnni

    def write(self, pointers: list[Any], arguments: Any) -> None:
        builder = self.builder
        out, rows, weights = (builder.bitcast(p, _INT8.as_pointer()) for p in pointers)
        _, out_at, out_stride, _, rows_at, rows_stride, _, at, num_steps = arguments
        entry = builder.block
        loop, done = builder.append_basic_block("inputs"), builder.append_basic_block("sums")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(_INT64)
        step.add_incoming(_INT64(0), entry)
        sums = [builder.phi(_SUMS) for _ in range(self.num_rows * _VECTORS)]
        columns = self._columns(weights, builder.add(at, self._times(step, OUTPUTS * _STEP)))
        added = []
        for row in range(self.num_rows):
            first = builder.add(rows_at, builder.mul(rows_stride, _INT64(row)))
            values = self._spread(rows, builder.add(first, self._times(step, _STEP)))
            for vector in range(_VECTORS):
                old = sums[row * _VECTORS + vector]
                added.append(self._add_products(old, values, columns[vector]))
        following = builder.add(step, _INT64(1))
        step.add_incoming(following, loop)
        for old, new in zip(sums, added, strict=True):
            old.add_incoming(ir.Constant(_SUMS, [0] * _LANES), entry)
            old.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed("<", following, num_steps), loop, done)
        builder.position_at_end(done)
        for row in range(self.num_rows):
            first = builder.add(out_at, builder.mul(out_stride, _INT64(row)))
            for vector in range(_VECTORS):
                place = self._times(builder.add(first, _INT64(vector * _LANES)), 4)
                target = builder.bitcast(builder.gep(out, [place]), _SUMS.as_pointer())
                builder.store(added[row * _VECTORS + vector], target).align = 4

    def _times(self, value: Any, factor: int) -> Any:
        return self.builder.mul(value, _INT64(factor))

    def _columns(self, weights: Any, at: Any) -> list[Any]:
        columns = []
        for vector in range(_VECTORS):
            place = self.builder.add(at, _INT64(vector * _LANES * _STEP))
            pointer = self.builder.bitcast(self.builder.gep(weights, [place]), _SUMS.as_pointer())
            columns.append(self.builder.load(pointer))
            columns[-1].align = 1
        return columns

    def _spread(self, rows: Any, at: Any) -> Any:
        """Four bytes of a row, in every lane."""
        builder = self.builder
        word = builder.load(builder.bitcast(builder.gep(rows, [at]), _INT32.as_pointer()))
        word.align = 1
        nothing = ir.Constant(_SUMS, ir.Undefined)
        first = builder.insert_element(nothing, word, _INT32(0))
        return builder.shuffle_vector(first, nothing, ir.Constant(_SUMS, [0] * _LANES))

    def _add_products(self, sums: Any, values: Any, column: Any) -> Any:
        builder = self.builder
        if self.has_vnni:
            kind = ir.FunctionType(_SUMS, [_SUMS] * 3)
            add = builder.module.declare_intrinsic(_VNNI, (), kind)
            return builder.call(add, [sums, values, column])
        for place in range(_STEP):
            # The byte at this place of every 32-bit word: little or big end, both operands alike.
            up = ir.Constant(_SUMS, [8 * (_STEP - 1 - place)] * _LANES)
            down = ir.Constant(_SUMS, [8 * (_STEP - 1)] * _LANES)
            unsigned = builder.lshr(builder.shl(values, up), down)
            signed = builder.ashr(builder.shl(column, up), down)
            sums = builder.add(sums, builder.mul(unsigned, signed))
        return sums


_tile_of_one, _tile_of_two, _tile_of_eight = _make_tile(1), _make_tile(2), _make_tile(8)


@njit(cache=True, nogil=True)
def multiply(rows_NI: np.ndarray, packed: np.ndarray, out_NO: np.ndarray) -> None:
    """Write each row's products with all packed weights, N by O, summed over the inputs.

    Shapes: ``rows_NI`` (N, I) uint8, contiguous, I a multiple of 4; ``packed`` holds O * I
    numbers; ``out_NO`` (N, O) int32, contiguous, O a multiple of 32.
    """
    num_rows, inputs = rows_NI.shape
    outputs = out_NO.shape[1]
    steps = inputs // 4
    if steps == 0 or len(packed) < outputs * inputs or len(out_NO) < num_rows:
        out_NO[:] = 0
        return
    for first in range(0, outputs, 32):
        at = first * inputs
        row = 0
        while row + 8 <= num_rows:
            to, of = row * outputs + first, row * inputs
            _tile_of_eight(out_NO, to, outputs, rows_NI, of, inputs, packed, at, steps)
            row += 8
        while row + 2 <= num_rows:
            to, of = row * outputs + first, row * inputs
            _tile_of_two(out_NO, to, outputs, rows_NI, of, inputs, packed, at, steps)
            row += 2
        if row < num_rows:
            to, of = row * outputs + first, row * inputs
            _tile_of_one(out_NO, to, outputs, rows_NI, of, inputs, packed, at, steps)
