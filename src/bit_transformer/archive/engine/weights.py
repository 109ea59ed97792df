"""The numbers of an exact engine: what decides every integer that it computes.

The neighbour ``quantisation`` makes them out of a trained model, ``model_file`` keeps them, and
``step`` and ``sequence`` compute with them. Nothing here computes a prediction.

Invariants of an :class:`EngineWeights` that was checked: all shapes fit its :class:`EngineShape`;
every scale is finite, positive and moderate; no sum of products of a row with any activations
leaves the integers that a float32 holds exactly, so that float32 and int32 agree on it.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property

import numpy as np

from bit_transformer.archive.engine.interface import NUM_NODES
from bit_transformer.errors import ArchiveError

__all__ = ["ENGINE_VERSION", "EngineShape", "EngineWeights", "max_row_sum"]

ENGINE_VERSION = 1
"""Of the arithmetic: another version may give other integers, and so reads no older archives."""

_EXACT = (1 << 24) - 1
_LARGEST_ACTIVATION = 255
_MIN_SCALE, _MAX_SCALE = 2.0**-40, 2.0**20
_MAX_GAIN = 2.0**20


def max_row_sum(largest_activation: int = _LARGEST_ACTIVATION) -> int:
    """The most that the magnitudes of a row of weights may add up to, for sums to be exact."""
    return _EXACT // largest_activation


@dataclass(frozen=True)
class EngineShape:
    """The sizes of an engine.

    Args:
        window: positions that attention sees, the present one included.
        activation_one: what 1 is in a normalised activation of eight bits.
        query_one: what 1 is in a normalised query or key of eight bits; a power of two.
        residual_one: what 1 is in the residual stream; a power of two. The stream ends at 2^24.
        logit_cap: of the soft cap of the log-odds; 0 for none.
    """

    width: int
    depth: int
    head_dim: int
    hidden: int
    window: int
    context_hash_bits: tuple[int, ...]
    table_rows_log2: int
    table_width: int
    logit_cap: float
    activation_one: int = 16
    query_one: int = 16
    residual_one: int = 4096

    @property
    def num_heads(self) -> int:
        """Attention heads of each block."""
        return self.width // self.head_dim

    @property
    def context_channels(self) -> int:
        """Channels of all hashed contexts together."""
        return len(self.context_hash_bits) * self.table_width

    def check(self) -> None:
        """Refuse sizes that no engine has.

        Raises:
            ArchiveError: a size is out of its range, or two do not fit together.
        """
        limits = {
            "width": (8, 4096),
            "depth": (1, 64),
            "head_dim": (4, 256),
            "hidden": (1, 16384),
            "window": (1, 4096),
            "table_rows_log2": (1, 24),
            "table_width": (1, 1024),
            "logit_cap": (0, 1000),
            "activation_one": (1, 127),
            "query_one": (1, 64),
            "residual_one": (1, 4096),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                _refuse(f"its {name} is {value}, which must be from {least} to {most}")
        if self.width % self.head_dim or self.head_dim % 2:
            _refuse(f"its width {self.width} is not made of even heads of {self.head_dim}")
        for name in ("query_one", "residual_one"):
            one = getattr(self, name)
            if one & (one - 1):
                _refuse(f"its {name} is {one}, which must be a power of two")
        if 0.0 < self.logit_cap < 0.01:
            _refuse(f"its logit_cap is {self.logit_cap}, which must be 0 or at least 0.01")
        bits = self.context_hash_bits
        if len(bits) > 16 or not all(1 <= n <= 64 for n in bits):
            _refuse(f"its context_hash_bits are {bits}: at most 16 lengths from 1 to 64")

    def arrays(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        """The type and shape of every array of :class:`EngineWeights`."""
        width, depth, hidden = self.width, self.depth, self.hidden
        contexts, channels = len(self.context_hash_bits), self.context_channels
        return {
            "start": (np.int32, (width,)),
            "pieces": (np.int16, (NUM_NODES, width)),
            "tables": (np.int8, (contexts, 1 << self.table_rows_log2, self.table_width)),
            "mix": (np.int8, (width, channels)),
            "mix_scale": (np.float32, (width,)),
            "embedding_skip": (np.float32, (depth,)),
            "value_skip": (np.float32, (depth, width)),
            "project": (np.int8, (depth, 3 * width, width)),
            "project_scale": (np.float32, (depth, 3 * width)),
            "read": (np.int8, (depth, width, width)),
            "read_scale": (np.float32, (depth, width)),
            "expand": (np.int8, (depth, hidden, width)),
            "expand_scale": (np.float32, (depth, hidden)),
            "reduce": (np.int8, (depth, width, hidden)),
            "reduce_scale": (np.float32, (depth, width)),
            "nodes": (np.int8, (NUM_NODES, width)),
            "nodes_scale": (np.float32, (NUM_NODES,)),
        }


@dataclass(frozen=True, eq=False)
class EngineWeights:
    """All arrays of an engine; ``docs/formats/engine.md`` says what each one means.

    Legend: D width, F hidden, B blocks, O hashed contexts, R rows, T channels of a row.

    Shapes: ``start`` (D,), ``pieces`` (256, D), ``tables`` (O, R, T), ``mix`` (D, O * T),
    ``project`` (B, 3D, D), ``read`` (B, D, D), ``expand`` (B, F, D), ``reduce`` (B, D, F),
    ``nodes`` (256, D) with a row 0 of zeros; each ``_scale`` has one number a row.
    """

    shape: EngineShape
    start: np.ndarray
    pieces: np.ndarray
    tables: np.ndarray
    mix: np.ndarray
    mix_scale: np.ndarray
    embedding_skip: np.ndarray
    value_skip: np.ndarray
    project: np.ndarray
    project_scale: np.ndarray
    read: np.ndarray
    read_scale: np.ndarray
    expand: np.ndarray
    expand_scale: np.ndarray
    reduce: np.ndarray
    reduce_scale: np.ndarray
    nodes: np.ndarray
    nodes_scale: np.ndarray

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every array with its name, in the order of the format."""
        for field in fields(self):
            if field.name != "shape":
                yield field.name, getattr(self, field.name)

    @cached_property
    def model_hash(self) -> bytes:
        """The SHA-256 of the version, the shape and all arrays, (32,)."""
        digest = hashlib.sha256(b"bit-transformer-engine\0")
        description = {"version": ENGINE_VERSION, "shape": asdict(self.shape)}
        digest.update(json.dumps(description, sort_keys=True).encode())
        for name, array in self.arrays():
            little = array.dtype.newbyteorder("<")
            digest.update(f"\0{name}\0".encode())
            digest.update(np.ascontiguousarray(array, dtype=little).tobytes())
        return digest.digest()

    def check(self) -> None:
        """Refuse weights with which the engine would not be exact.

        Raises:
            ArchiveError: an array has another type or shape than the sizes ask for, a scale is
                out of range, or the magnitudes of a row add up to too much.
        """
        self.shape.check()
        for name, (dtype, shape) in self.shape.arrays().items():
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != shape:
                _refuse(
                    f"its array {name!r} is {array.dtype} of shape {array.shape} and should be "
                    f"{np.dtype(dtype)} of shape {shape}"
                )
        for name, array in self.arrays():
            if array.dtype == np.float32:
                _check_numbers(name, array)
            elif array.dtype == np.int8 and name != "tables":
                _check_rows(name, array)
        if np.any(np.abs(self.start.astype(np.int64)) > 1 << 22):
            _refuse("its array 'start' has values beyond 2^22")
        if np.any(self.tables == -128):
            _refuse("its array 'tables' holds -128, where -127 is the least")


def _check_numbers(name: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        _refuse(f"its array {name!r} holds values that are not finite")
    magnitudes = np.abs(array)
    if name.endswith("_scale"):
        if array.size and (array.min() < _MIN_SCALE or array.max() > _MAX_SCALE):
            _refuse(f"its array {name!r} holds scales outside 2^-40 to 2^20")
    elif array.size and magnitudes.max() > _MAX_GAIN:
        _refuse(f"its array {name!r} holds gains beyond 2^20")


def _check_rows(name: str, array: np.ndarray) -> None:
    sums = np.abs(array.astype(np.int32)).sum(axis=-1)
    if array.size and sums.max() > max_row_sum():
        _refuse(
            f"a row of its array {name!r} has magnitudes that add up to {sums.max()}, and sums of "
            f"products are exact only up to {max_row_sum()}"
        )


def _refuse(reason: str) -> None:
    raise ArchiveError(
        f"this is not a model that the exact engine can run: {reason}; export the model again"
    )
