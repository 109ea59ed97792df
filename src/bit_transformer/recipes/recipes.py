"""The recipes by name; each states only what differs from the defaults of ``TrainConfig``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from bit_transformer.errors import ConfigError

__all__ = ["RECIPES", "Recipe", "find_recipe"]


@dataclass(frozen=True)
class Recipe:
    """A whole run under a name.

    Args:
        description: one line for lists.
        settings: nested like :class:`~bit_transformer.training.TrainConfig`.
    """

    name: str
    description: str
    settings: Mapping[str, Any] = field(default_factory=dict)


_ALL = (
    Recipe("default", "the model and the training that docs/log.md measures"),
    Recipe(
        "demo",
        "the default in about two minutes on two CPU cores",
        {
            "name": "demo",
            "budget": "2min",
            "evaluate_every": 0.25,
            "sample_every": 0.0,
            # In two minutes no byte is read twice.
            "model": {"table_rows_log2": 16, "table_width": 64, "table_dropout": 0.0},
            "optimizer": {"table_kind": "adagrad", "table_lr": 0.2},
        },
    ),
    Recipe(
        "small_data",
        "the default against overfitting: for many passes over a few megabytes or less",
        {
            "name": "small-data",
            "model": {
                "dropout": 0.15,
                "context_hash_bits": [16, 24, 32, 40, 48],
                "table_rows_log2": 16,
                "table_width": 64,
                "table_dropout": 0.3,
            },
        },
    ),
    Recipe(
        "few_passes",
        "the default for a short training: up to two or three passes over the data",
        {
            "name": "few-passes",
            "model": {
                "dropout": 0.05,
                "context_hash_bits": [16, 24, 32, 40, 48],
                "table_rows_log2": 16,
                "table_width": 64,
                "table_dropout": 0.3,
            },
            # From zero, Adagrad knows single occurrences by heart after one pass; from a larger sum
            # it is as slow as plain gradient descent in that pass.
            "optimizer": {
                "table_kind": "adagrad",
                "table_lr": 0.2,
                "table_initial_sum": 1.6e-9,
            },
        },
    ),
    Recipe(
        "archive",
        "a light model for archives: one pass over tens of megabytes, exact and quick in integers",
        {
            "name": "archive",
            "budget": "60min",
            "evaluate_bytes": 262_144,
            "sample_every": 0.0,
            # No sequence goes through a codec, and nothing but the loss is measured.
            "compress_prob": 0.0,
            "telemetry_every": 0,
            # The weights of the trunk are read for every byte, those of the tables are looked up:
            # what is to be known by heart belongs into tables.
            "model": {
                "width": 192,
                "depth": 4,
                "head_dim": 96,
                "context_patches": 256,
                "context_hash_bits": [16, 24, 32, 40],
                "table_rows_log2": 17,
                "table_width": 32,
                "table_dropout": 0.0,
                "node_vectors": 1,
            },
            "optimizer": {"table_kind": "adagrad", "table_lr": 0.2},
        },
    ),
    Recipe(
        "nanogpt",
        "the control: a byte-level GPT in the manner of nanoGPT, of the default's size",
        {
            "name": "nanogpt",
            "model": {
                "head": "softmax",
                "head_dim": 64,
                "position": "learned",
                "norm": "layernorm",
                "activation": "gelu",
                "initialisation": "gpt2",
                "context_hash_bits": [],
                "has_qk_norm": False,
                "has_embedding_norm": False,
                "has_embedding_skip": False,
                "has_value_skip": False,
                "logit_cap": 0.0,
            },
            "optimizer": {
                "kind": "adamw",
                "lr": 1e-3,
                "beta1": 0.9,
                "beta2": 0.99,
                "weight_decay": 0.1,
            },
            "schedule": {"kind": "cosine", "warmup_fraction": 0.05, "final_factor": 0.1},
            # nanoGPT clips at 1, for a loss in nats per byte; ours, in bits per bit, is 8 ln 2
            # times less.
            "clip_norm": 0.18,
            # Its own instructions for a CPU: float32, not compiled.
            "precision": "fp32",
            "compile": "off",
        },
    ),
    Recipe(
        "tiny",
        "a few seconds: too small to be good, quick enough to try things out",
        {
            "name": "tiny",
            "model": {
                "width": 32,
                "depth": 2,
                "head_dim": 16,
                "context_patches": 64,
                "table_rows_log2": 10,
                "table_width": 8,
            },
            "budget": "30steps",
            "batch_bytes": 512,
            "evaluate_every": 0.5,
            "evaluate_bytes": 4096,
            "sample_every": 0.0,
            "checkpoint_every": 0.0,
            "compile": "off",
            "precision": "fp32",
        },
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigError: there is none; the message names those there are.
    """
    if name in RECIPES:
        return RECIPES[name]
    near = get_close_matches(name, RECIPES, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(f"there is no recipe {name!r}; {guess}Recipes: {', '.join(RECIPES)}")
