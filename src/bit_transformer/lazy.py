"""Modules that are imported on first use: those of public names (PEP 562), and of libraries.

A room's ``__init__`` lists its names here instead of importing them, so that ``--help``, the
configurations and the readers of run folders never pay for importing PyTorch.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["lazy_names", "load_zstd"]


def lazy_names(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package whose names live in other modules.

    Args:
        package: the package's ``__name__``.
        modules: the absolute name of each module, with the names it holds.

    Example:
        >>> __getattr__, __dir__ = lazy_names("demo", {"math": ["tau"]})
        >>> round(__getattr__("tau"), 2)
        6.28
    """
    homes: dict[str, str] = {}
    for module, names in modules.items():
        for name in names:
            if name in homes:
                raise ValueError(f"{package}.{name} is listed in {homes[name]} and in {module}")
            homes[name] = module

    def get_attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    def list_attributes() -> list[str]:
        return sorted(homes)

    return get_attribute, list_attributes


def load_zstd() -> ModuleType:
    """Zstandard, of the standard library from Python 3.14 on, and its backport before."""
    try:
        return import_module("compression.zstd")
    except ModuleNotFoundError:
        return import_module("backports.zstd")
