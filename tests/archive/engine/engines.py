"""Random engines: sizes, weights and lanes drawn from one generator."""

import numpy as np

from bit_transformer.archive.engine import EngineShape, EngineWeights
from bit_transformer.archive.engine.weights import max_row_sum

__all__ = ["random_data", "random_shape", "random_weights", "small_shape"]


def small_shape(**changes) -> EngineShape:
    sizes = {
        "width": 16,
        "depth": 2,
        "head_dim": 8,
        "hidden": 24,
        "window": 12,
        "context_hash_bits": (16, 24),
        "table_rows_log2": 6,
        "table_width": 4,
        "logit_cap": 15.0,
    }
    return EngineShape(**sizes | changes)


def random_shape(rng: np.random.Generator) -> EngineShape:
    head_dim = int(rng.choice([4, 6, 8, 12, 32, 34]))
    lengths = [int(n) for n in rng.choice([1, 8, 16, 24, 31, 33, 40, 63, 64], rng.integers(0, 5))]
    return EngineShape(
        width=head_dim * int(rng.integers(-(-8 // head_dim), 4)),
        depth=int(rng.integers(1, 4)),
        head_dim=head_dim,
        hidden=int(rng.integers(1, 70)),
        window=int(rng.choice([1, 2, 5, 31, 32, 33])),
        context_hash_bits=tuple(lengths),
        table_rows_log2=int(rng.integers(1, 9)),
        table_width=int(rng.integers(1, 9)),
        logit_cap=float(rng.choice([0.0, 0.5, 15.0])),
        activation_one=int(rng.choice([1, 16, 127])),
        query_one=int(rng.choice([1, 16, 64])),
        residual_one=int(rng.choice([1, 64, 4096])),
    )


def random_weights(
    rng: np.random.Generator, shape: EngineShape, *, is_extreme: bool = False
) -> EngineWeights:
    """Weights as training would leave them, or as far apart as a valid model allows."""
    arrays = {}
    for name, (dtype, lengths) in shape.arrays().items():
        if name == "start":
            array = rng.integers(-(1 << 14), 1 << 14, lengths)
        elif name == "pieces":
            array = rng.integers(-(1 << 15), 1 << 15, lengths)
        elif dtype == np.int8:
            array = rng.integers(-127, 128, lengths)
            array = _bounded(array) if name != "tables" else array
        elif name.endswith("_scale"):
            array = 2.0 ** _exponents(rng, name, lengths, is_extreme=is_extreme)
        else:
            array = rng.normal(size=lengths) * 2.0 ** rng.integers(-8, 20 if is_extreme else 2)
            array = np.clip(array, -(2.0**20), 2.0**20)
        arrays[name] = np.asarray(array).astype(dtype)
    arrays["nodes"][0] = 0
    weights = EngineWeights(shape=shape, **arrays)
    weights.check()
    return weights


_USUAL = {
    "mix_scale": -3,
    "project_scale": 0,
    "read_scale": -14,
    "expand_scale": 0,
    "reduce_scale": -22,
    "nodes_scale": -4,
}


def _exponents(rng, name, lengths, *, is_extreme):
    if is_extreme:
        return rng.uniform(-40, 20, lengths)
    return _USUAL[name] - rng.uniform(0, 3, lengths)


def _bounded(array: np.ndarray) -> np.ndarray:
    sums = np.abs(array).sum(axis=-1, keepdims=True)
    return np.where(sums > max_row_sum(), array // 4, array)


def random_data(rng: np.random.Generator, num_lanes: int, length: int) -> np.ndarray:
    """Bytes of few kinds or of all, so that contexts repeat in some lanes and not in others."""
    kinds = int(rng.choice([1, 3, 26, 256]))
    return rng.integers(0, kinds, (num_lanes, length)).astype(np.uint8)
