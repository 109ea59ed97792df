"""Recipes as a form shows them, and a form's values as settings of a training."""

from typing import Any

from bit_transformer.dashboard.schemas.runs import RecipeEntry, RunOptions
from bit_transformer.recipes import RECIPES, build_config
from bit_transformer.training.config import TrainConfig

__all__ = ["option_settings", "recipe_entries"]

_OF_THE_MODEL = ("patch_bits", "width", "depth", "context_patches")


def recipe_entries() -> list[RecipeEntry]:
    """All recipes, with the options as each of them has them."""
    entries = []
    for name, recipe in RECIPES.items():
        config = build_config(name)
        entries.append(
            RecipeEntry(
                name=name,
                description=recipe.description,
                budget=str(config.budget),
                defaults=_options_of(config),
            )
        )
    return entries


def option_settings(options: RunOptions) -> dict[str, Any]:
    """The options that were given, nested like the configuration of a training.

    Example:
        >>> option_settings(RunOptions(depth=3, seed=7))
        {'model': {'depth': 3}, 'seed': 7}
    """
    given = options.model_dump(exclude_none=True)
    model = {name: given.pop(name) for name in _OF_THE_MODEL if name in given}
    if "codecs" in given:
        given["codec_weights"] = []  # a recipe's weights belong to a recipe's codecs
    return {"model": model, **given} if model else given


def _options_of(config: TrainConfig) -> RunOptions:
    values = {name: getattr(config.model, name) for name in _OF_THE_MODEL}
    for name in RunOptions.model_fields:
        if name not in _OF_THE_MODEL:
            value = getattr(config, name)
            values[name] = list(value) if isinstance(value, tuple) else value
    return RunOptions(**values)
