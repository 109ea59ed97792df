"""Recipes as a form shows them, and a form's values as settings of a training."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from bit_transformer.dashboard.schemas.runs import RecipeEntry, RunOptions
from bit_transformer.recipes import RECIPES, build_config
from bit_transformer.training.config import TrainConfig

__all__ = ["nearest_recipe", "option_settings", "recipe_entries"]

_OF_THE_MODEL = ("patch_bits", "width", "depth", "context_patches")
_OF_ONE_RUN = ("name", "run_dir", "budget", "data", "trackers")
"""What belongs to a run and not to its recipe, or is asked for by itself."""


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


def nearest_recipe(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The recipe that a run's settings differ from least, and those no option stands for.

    Returns:
        The recipe's name; by dotted names, the settings of ``config`` that differ from it and that
        ``RunOptions`` cannot say. What a run is learning from, where and how long is left out.

    Example:
        >>> config = build_config("tiny", {"model": {"depth": 7}, "clip_norm": 0.5})
        >>> nearest_recipe(config.model_dump(mode="json"))
        ('tiny', {'clip_norm': 0.5})
    """
    flat = dict(_flat(config))
    differences = {name: _differences(flat, dict(_recipe_settings(name))) for name in RECIPES}
    nearest = min(RECIPES, key=lambda name: len(differences[name]))
    options = {f"model.{name}" for name in _OF_THE_MODEL} | {*RunOptions.model_fields}
    options |= {"codec_weights"}  # see option_settings
    others = {key: value for key, value in differences[nearest].items() if key not in options}
    return nearest, others


def _differences(flat: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in flat.items() if key in recipe and recipe[key] != value}


@cache
def _recipe_settings(name: str) -> tuple[tuple[str, Any], ...]:
    return tuple(_flat(build_config(name).model_dump(mode="json")))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if not prefix and key in _OF_ONE_RUN:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _options_of(config: TrainConfig) -> RunOptions:
    values = {name: getattr(config.model, name) for name in _OF_THE_MODEL}
    for name in RunOptions.model_fields:
        if name not in _OF_THE_MODEL:
            value = getattr(config, name)
            values[name] = list(value) if isinstance(value, tuple) else value
    return RunOptions(**values)
