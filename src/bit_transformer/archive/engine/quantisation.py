"""From a trained model to the integers of an exact engine.

No data of yours are needed: activations are normalised, or scaled by their own largest value,
wherever they are rounded to eight bits, and how far the residual stream reaches is seen on this
very text. The neighbour ``weights`` says what a valid result is.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from bit_transformer.archive.engine.interface import LOG_ODDS_ONE, NUM_NODES
from bit_transformer.archive.engine.tables import EXP_ONE
from bit_transformer.archive.engine.weights import EngineShape, EngineWeights, max_row_sum
from bit_transformer.errors import ArchiveError, ConfigError

if TYPE_CHECKING:
    from bit_transformer.model import BitTransformerLM, ModelConfig

__all__ = ["EMBEDDED_ONE", "VALUE_FRACTION", "check_exportable", "quantise"]

EMBEDDED_ONE = 4096
"""What 1 is in the trunk's input."""

VALUE_FRACTION = 64
"""Attention's values are added up in units of a 64th of their last place."""

_INT8 = 127
# Room for seven times the root mean square. What is turned reaches 5.4 in a model of 147 minutes,
# and 12 before it is turned: with 14 and no turn that model lost 0.8 %, so it loses 0.5.
_ACTIVATION_ONE = 18
_RESIDUAL_HEADROOM = 2.0
_FIRST_UNITS = 64
_CONTEXT_MIX = "embedding.context_mix.weight"
_READS = (
    "pieces.0.weight",
    "start.weight",
    "attention.project_out.weight",
    "feed_forward.project_in.weight",
    "nodes.0.weight",
)
"""What is multiplied by the residual stream or by attention's values, or is a row of the stream."""

_WRITES = (_CONTEXT_MIX, "attention.project_out.weight", "feed_forward.project_out.weight")
"""What makes a part of the stream."""

_SAMPLE = (__doc__ or "").encode() + b'[12:03:59] GET /index.html 200 {"id": 17, "ok": true}\n'
_PIECES_LIMIT = 32_000
_VALUE_REACH = 6.0
_TABLE_STEP = 0.25


def check_exportable(config: "ModelConfig") -> None:
    """Refuse a model that the engine has no integers for.

    Raises:
        ConfigError: with every setting that does not fit, and what it would have to be.
    """
    wanted = {
        "patch_bits": 8,
        "num_phases": 1,
        "head": "bits",
        "node_vectors": 1,
        "position": "rotary",
        "norm": "rms",
        "activation": "relu2",
        "has_qk_norm": True,
        "has_embedding_norm": True,
        "reversible": False,
    }
    wrong = [
        f"{name} is {getattr(config, name)!r} and must be {value!r}"
        for name, value in wanted.items()
        if getattr(config, name, value) != value
    ]
    if wrong:
        raise ConfigError(
            "archives need a model whose exact engine exists, and this is another kind: "
            f"{'; '.join(wrong)}. Train one with: bit-transformer train --recipe archive"
        )


def quantise(
    model: "BitTransformerLM", *, window: int | None = None, table_step: float | None = None
) -> EngineWeights:
    """The integers of ``model``.

    Args:
        window: positions that attention sees; the model's context, if unset.
        table_step: one unit of a hashed table, over the root mean square of its rows that were
            trained; more makes a smaller file. The largest entry always fits in 127 units.

    Raises:
        ConfigError: the engine cannot run this kind of model.
        ArchiveError: the model's numbers are too large or not finite.
    """
    config = model.config
    check_exportable(config)
    turn = _turn(config.width, config.head_dim)
    shape = EngineShape(
        width=config.width,
        depth=config.depth,
        head_dim=config.head_dim,
        hidden=config.feed_forward_factor * config.width,
        window=window or config.context_patches,
        context_hash_bits=config.context_hash_bits,
        table_rows_log2=config.table_rows_log2,
        table_width=config.table_width,
        logit_cap=config.logit_cap,
        activation_one=_ACTIVATION_ONE,
        residual_one=_residual_one(model, turn),
    )
    numbers = {
        name: tensor.detach().cpu().double().numpy() for name, tensor in model.state_dict().items()
    }
    numbers.setdefault(_CONTEXT_MIX, np.eye(shape.width, shape.context_channels))
    numbers = {name: _turned(name, array, turn) for name, array in numbers.items()}
    step = _TABLE_STEP if table_step is None else table_step
    arrays = _embedding(numbers, shape, step) | _blocks(numbers, shape)
    weights = EngineWeights(shape=shape, **arrays)
    weights.check()
    return weights


def _turn(width: int, head_dim: int) -> np.ndarray:
    """An orthogonal matrix under which no channel of the residual stream stands out.

    Long training makes some channels many times as large as the rest, and eight bits that hold
    them have little left for the others. Turned, every channel is a mixture of all of one head's.
    Heads stay apart, so that attention's values, to which the stream is added, turn with it.

    Source: S. Ashkboos et al., "QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs" (2024).
    """
    numbers = np.random.default_rng(0)
    turn = np.zeros((width, width))
    for first in range(0, width, head_dim):
        part = slice(first, first + head_dim)
        turn[part, part] = np.linalg.qr(numbers.standard_normal((head_dim, head_dim)))[0]
    return turn


def _turned(name: str, array: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The weights of the same model with its residual stream turned."""
    if name.endswith("attention.project_in.weight"):
        values = slice(2 * len(turn), None)
        turned = array @ turn.T
        turned[values] = turn @ turned[values]
        return turned
    if name.endswith(_WRITES):
        array = turn @ array
    return array @ turn.T if name.endswith(_READS) else array


def _residual_one(model: "BitTransformerLM", turn: np.ndarray) -> int:
    """The finest unit of the turned residual stream that leaves room above all seen of it."""
    import torch

    largest = 1.0
    turn_DD = torch.from_numpy(turn).T

    def look(_block: object, _inputs: object, output: "torch.Tensor") -> None:
        nonlocal largest
        turned = output.cpu().double() @ turn_DD
        largest = max(largest, float(turned.abs().nan_to_num(nan=torch.inf).max()))

    window = model.config.context_patches
    content = (_SAMPLE * (1 + 2 * window // len(_SAMPLE)))[: 2 * window]
    noise = np.random.default_rng(0).integers(0, 256, 2 * window, dtype=np.uint8)
    data = np.concatenate([np.frombuffer(content, np.uint8), noise]).reshape(4, window)
    bits = torch.from_numpy(np.unpackbits(data, axis=1)).to(next(model.parameters()).device)
    hooks = [block.register_forward_hook(look) for block in model.blocks]
    is_training = model.training
    try:
        with torch.no_grad():
            model.eval()(bits)
    finally:
        model.train(is_training)
        for hook in hooks:
            hook.remove()
    if not np.isfinite(largest):
        raise ArchiveError("the model's activations are not finite; export an earlier checkpoint")
    room = (1 << 24) / (_RESIDUAL_HEADROOM * largest)
    return int(min(EMBEDDED_ONE, max(1, 2 ** np.floor(np.log2(room)))))


def _rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row of ``matrix`` as int8, and what one unit of it is."""
    largest = np.abs(matrix).max(axis=1, initial=0.0)
    total = np.abs(matrix).sum(axis=1)
    # Rounding can add half a unit for each number of the row.
    room = max_row_sum() - matrix.shape[1] / 2
    unit = np.maximum(np.maximum(largest / _INT8, total / room), 1e-12)
    return np.rint(matrix / unit[:, None]).astype(np.int8), unit


def _embedding(
    numbers: dict[str, np.ndarray], shape: EngineShape, table_step: float
) -> dict[str, np.ndarray]:
    pieces = numbers["embedding.pieces.0.weight"]
    one = min(EMBEDDED_ONE, _PIECES_LIMIT / max(np.abs(pieces).max(), 1e-9))
    tables, table_units = _tables(numbers.get("embedding.contexts.weight"), shape, table_step)
    mix, mix_unit = _rows(numbers[_CONTEXT_MIX] * np.repeat(table_units, shape.table_width))
    start = numbers["start.weight"][0]
    start = start / max(np.sqrt(np.mean(start**2)), 1e-9)
    return {
        "start": np.rint(start * EMBEDDED_ONE).astype(np.int32),
        "pieces": np.rint(pieces * one).astype(np.int16),
        "tables": tables,
        "mix": mix,
        "mix_scale": (mix_unit * one).astype(np.float32),
    }


def _tables(
    tables: np.ndarray | None, shape: EngineShape, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """The hashed tables as int8, and what one unit of each is."""
    num_contexts, num_rows = len(shape.context_hash_bits), 1 << shape.table_rows_log2
    if tables is None:
        return np.zeros((0, num_rows, shape.table_width), np.int8), np.zeros(0)
    rounded = np.empty((num_contexts, num_rows, shape.table_width), np.int8)
    units = np.empty(num_contexts)
    for k, table in enumerate(tables.reshape(rounded.shape)):
        trained = table[np.any(table != 0.0, axis=1)]
        rms = np.sqrt(np.mean(trained**2)) if trained.size else 1.0
        units[k] = max(np.abs(table).max(initial=0.0) / _INT8, step * rms) or 1.0
        rounded[k] = np.clip(np.rint(table / units[k]), -_INT8, _INT8)
    return rounded, units


def _blocks(numbers: dict[str, np.ndarray], shape: EngineShape) -> dict[str, np.ndarray]:
    parts: dict[str, list[Any]] = {}

    def keep(**arrays: Any) -> None:
        for name, array in arrays.items():
            parts.setdefault(name, []).append(array)

    for block in range(shape.depth):
        prefix = f"blocks.{block}."
        skip = numbers.get(prefix + "embedding_skip", np.zeros(1))[0]
        if block == 0:
            skip = _first_skip(skip, shape.residual_one)
        keep(embedding_skip=skip * shape.residual_one / EMBEDDED_ONE)
        keep(**_attention(numbers, prefix + "attention.", shape))
        keep(**_feed_forward(numbers, prefix + "feed_forward.", shape))
    nodes, unit = _rows(numbers["head.nodes.0.weight"])
    nodes = np.concatenate([np.zeros((1, shape.width), np.int8), nodes])
    unit = np.concatenate([np.ones(1), unit * LOG_ODDS_ONE / shape.activation_one])
    assert len(nodes) == NUM_NODES
    arrays = {name: np.stack(layers) for name, layers in parts.items()}
    arrays |= {"nodes": nodes, "nodes_scale": unit}
    return {
        name: array.astype(np.float32) if array.dtype == np.float64 else array
        for name, array in arrays.items()
    }


def _first_skip(skip: float, residual_one: int) -> float:
    """The first block's skip, kept so far from -1 that something is left to normalise.

    The first block begins with ``1 + skip`` times the embedding. Long training can bring that near
    zero, and its proportions then vanish in the rounding of the residual stream, to which a few
    units more are nothing.
    """
    share = 1.0 + skip
    return float(np.copysign(max(abs(share), _FIRST_UNITS / residual_one), share)) - 1.0


def _attention(
    numbers: dict[str, np.ndarray], prefix: str, shape: EngineShape
) -> dict[str, np.ndarray]:
    width = shape.width
    matrix = numbers[prefix + "project_in.weight"]
    skip = float(numbers.get(prefix + "value_skip", np.zeros(1))[0])
    project, unit = _rows(matrix)
    # A value is a sum over normalised activations: about as large as its row of weights is long.
    lengths = np.sqrt(np.sum(matrix[2 * width :] ** 2, axis=1)) + abs(skip)
    value_unit = np.maximum(_VALUE_REACH * lengths / _INT8, 1e-9)
    scale = unit / shape.activation_one
    # Queries and keys are normalised afterwards, so that only their proportions matter.
    scale[: 2 * width] /= scale[: 2 * width].max()
    scale[2 * width :] *= VALUE_FRACTION / value_unit
    read, read_unit = _rows(numbers[prefix + "project_out.weight"] * value_unit)
    return {
        "project": project,
        "project_scale": scale,
        "value_skip": skip * VALUE_FRACTION / (value_unit * EMBEDDED_ONE),
        "read": read,
        "read_scale": np.maximum(read_unit * shape.residual_one / (EXP_ONE * _INT8), 2.0**-40),
    }


def _feed_forward(
    numbers: dict[str, np.ndarray], prefix: str, shape: EngineShape
) -> dict[str, np.ndarray]:
    expand, expand_unit = _rows(numbers[prefix + "project_in.weight"])
    expand_unit = expand_unit / shape.activation_one
    reduce, reduce_unit = _rows(numbers[prefix + "project_out.weight"])
    largest = expand_unit.max()
    return {
        "expand": expand,
        "expand_scale": np.maximum(expand_unit / largest, 2.0**-40),
        "reduce": reduce,
        "reduce_scale": np.maximum(reduce_unit * largest**2 * shape.residual_one / 255, 2.0**-40),
    }
