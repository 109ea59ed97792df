"""A run's configuration out of layers: the defaults, a recipe, a file, single settings.

Each later layer wins, setting by setting. All layers together are validated once, at the end, so
that a setting may be impossible in one layer and made possible by the next.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bit_transformer.errors import ConfigError
from bit_transformer.recipes.recipes import find_recipe
from bit_transformer.settings import explain_validation
from bit_transformer.training.config import TrainConfig

__all__ = ["build_config", "merge"]


def build_config(recipe: str = "default", *layers: Mapping[str, Any]) -> TrainConfig:
    """The configuration that a recipe and the layers over it describe.

    Args:
        layers: nested like ``TrainConfig``; later ones win. Values may be text, as on a command
            line; the text ``none`` takes a value away where a setting can do without.

    Raises:
        ConfigError: the recipe is unknown, or the settings are unknown, out of range or do not fit
            together.

    Example:
        >>> build_config("tiny", {"model": {"depth": "3"}}, {"seed": 7}).model.depth
        3
    """
    settings: dict[str, Any] = {}
    for layer in (find_recipe(recipe).settings, *layers):
        settings = merge(settings, layer)
    try:
        return TrainConfig.model_validate(_with_nulls(settings, TrainConfig))
    except ValidationError as error:
        raise ConfigError(explain_validation(error, TrainConfig)) from error


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both layers as one; where they name the same setting, the upper one holds.

    Example:
        >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
        {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        is_table = isinstance(value, Mapping) and isinstance(old, Mapping)
        merged[key] = merge(old, value) if is_table else value  # type: ignore[arg-type]
    return merged


def _with_nulls(settings: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The settings with the text ``none`` read as no value, where a setting allows that."""
    read: dict[str, Any] = {}
    for name, value in settings.items():
        annotation = model.model_fields[name].annotation if name in model.model_fields else None
        if isinstance(value, Mapping) and isinstance(annotation, type):
            is_table = issubclass(annotation, BaseModel)
            read[name] = _with_nulls(value, annotation) if is_table else value
        else:
            is_null = value == "none" and type(None) in get_args(annotation)
            read[name] = None if is_null else value
    return read
