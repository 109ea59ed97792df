"""What every configuration has in common: it is frozen, knows its names, and explains refusals.

Unlike ``recipes``, which puts configurations together, this module knows none of them. It imports
neither PyTorch nor a room, so that every room may derive its configuration from it.
"""

from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from bit_transformer.errors import ConfigError

__all__ = ["Settings", "explain_validation"]

_SHOWN = 3


class _Explaining(type(BaseModel)):  # pyright: ignore[reportUntypedBaseClass]
    """Classes whose constructor raises this library's errors; parts of a whole keep pydantic's."""

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        try:
            return super().__call__(*args, **settings)
        except ValidationError as error:
            model = cast(type[BaseModel], cls)
            raise ConfigError(f"{cls.__name__}: {explain_validation(error, model)}") from None


class Settings(BaseModel, metaclass=_Explaining):
    """The base of a configuration.

    Raises:
        ConfigError: a setting is unknown, out of range, or does not fit the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


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
