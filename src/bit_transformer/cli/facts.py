"""Facts under headings, printed for people or as JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Facts", "print_facts", "size"]

Facts = Mapping[str, Mapping[str, Any]]
"""Headings, each with names and values; text, numbers, lists of text, or None for unknown."""


def print_facts(facts: Facts, *, as_json: bool) -> None:
    """Print the facts to stdout."""
    if as_json:
        print(json.dumps(facts, indent=2, default=str))
        return
    print("\n".join(_lines(facts)))


def size(num_bytes: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "KB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:,.0f} {unit}" if unit == "bytes" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.1f} GB"


def _lines(facts: Facts) -> Iterator[str]:
    width = max((len(name) for section in facts.values() for name in section), default=0)
    for number, (heading, section) in enumerate(facts.items()):
        if number:
            yield ""
        yield heading
        for name, value in section.items():
            first, *rest = _texts(value)
            yield f"  {name:{width}}  {first}"
            for text in rest:
                yield f"  {'':{width}}  {text}"


def _texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(item) for item in value] or ["none"]
    if value is None:
        return ["unknown"]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, int):
        return [f"{value:,}"]
    if isinstance(value, float):
        return [f"{value:.4f}"]
    return [str(value)]
