"""One option for every setting of a configuration, and the way back to a layer of settings."""

import argparse
import types
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from bit_transformer.training.config import Budget

__all__ = ["add_settings", "collect_settings"]

_MARK = "setting:"

_METAVARS: dict[Any, str] = {
    bool: "{true,false}",
    int: "INT",
    float: "NUMBER",
    str: "TEXT",
    Path: "PATH",
    Budget: "BUDGET",
}


def add_settings(
    parser: argparse.ArgumentParser,
    model: type[BaseModel],
    *,
    prefix: str = "",
    title: str = "settings",
    without: Collection[str] = (),
) -> None:
    """Add ``--name VALUE`` for each setting of ``model``, and ``--table.name`` for nested ones.

    The values stay text: the configuration itself reads and checks them.

    Args:
        without: names of settings that get no option.
    """
    group = parser.add_argument_group(title)
    defaults = model.model_validate({})
    nested = []
    for name, field in model.model_fields.items():
        if name in without:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            nested.append((name, field.annotation, field.description))
            continue
        group.add_argument(
            f"--{prefix}{name}",
            dest=_MARK + prefix + name,
            metavar=_metavar(field.annotation),
            nargs="*" if _is_list(field.annotation) else None,
            default=argparse.SUPPRESS,
            help=_help(field.description or "", getattr(defaults, name)),
        )
    for name, table, description in nested:
        add_settings(parser, table, prefix=f"{prefix}{name}.", title=f"{name}: {description}")


def collect_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given, nested like the configuration."""
    settings: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        if not name.startswith(_MARK):
            continue
        *tables, last = name.removeprefix(_MARK).split(".")
        place = settings
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    return settings


def _members(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    elif annotation is not type(None):
        yield annotation


def _is_list(annotation: Any) -> bool:
    return any(get_origin(member) in (list, tuple) for member in _members(annotation))


def _metavar(annotation: Any) -> str:
    names = []
    for member in _members(annotation):
        if get_origin(member) is Literal:
            names.append("{" + ",".join(str(value) for value in get_args(member)) + "}")
        elif get_origin(member) in (list, tuple):
            names.append(_metavar(get_args(member)[0]))
        else:
            names.append(_METAVARS.get(member, "VALUE"))
    return "|".join(names)


def _help(description: str, default: Any) -> str:
    shown = str(default)
    if isinstance(default, bool):
        shown = shown.lower()
    elif isinstance(default, list | tuple):
        shown = " ".join(str(item) for item in default)
    elif default is None:
        shown = "none"
    text = f"{description} [{shown}]" if shown else description
    return text.replace("%", "%%")
