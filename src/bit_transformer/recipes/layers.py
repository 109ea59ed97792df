"""A run's configuration out of layers: the defaults, a recipe, a file, single settings.

Each later layer wins, setting by setting. All layers together are validated once, at the end, so
that a setting may be impossible in one layer and made possible by the next.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bit_transformer.errors import ConfigError
from bit_transformer.recipes.recipes import find_recipe
from bit_transformer.training.config import TrainConfig

__all__ = ["build_config", "explain_validation", "merge"]

_SHOWN = 3


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


def explain_validation(error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong with the settings, a line each for the first few."""
    problems = error.errors(include_url=False)
    lines = list(dict.fromkeys(_explain(problem, model) for problem in problems))
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"and {len(lines) - _SHOWN} more"]
    return "\n".join(lines)


def _explain(problem: Any, model: type[BaseModel]) -> str:
    path = [str(part) for part in problem["loc"]]
    name = ".".join(path)
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(name, list(_setting_names(model)), n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        return f"{name}: there is no such setting{guess}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("value_error", "assertion_error"):
        return f"{name}: {message}" if name else message
    return f"{name}: {message[:1].lower()}{message[1:]}, got {problem['input']!r}"


def _setting_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names.extend(_setting_names(field.annotation, f"{prefix}{name}."))
    return names
