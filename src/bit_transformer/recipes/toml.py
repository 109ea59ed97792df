"""Configurations as TOML: read into a layer, and written as a file that reads back as the same.

TOML has no null, so a setting without a value is written as the text ``none``, which every layer
may use where a setting can do without one.
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bit_transformer.bits.files import reading_errors
from bit_transformer.errors import ConfigError

__all__ = ["read_toml", "write_toml"]

_WIDTH = 100


def read_toml(path: str | Path) -> dict[str, Any]:
    """The settings in a TOML file, nested as its tables are.

    Raises:
        DataError: the file is missing or cannot be read.
        ConfigError: it is not TOML.
    """
    path = Path(path)
    with reading_errors(path):
        content = path.read_bytes()
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def write_toml(config: BaseModel) -> str:
    """The configuration as TOML, each setting with its description.

    Reading it back gives the same configuration, defaults included.
    """
    return "\n".join(_table(config, "")) + "\n"


def _table(config: BaseModel, prefix: str) -> Iterator[str]:
    values = config.model_dump(mode="json")
    tables = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            tables.append((name, value))
            continue
        line = f"{name} = {_value(values[name])}"
        comment = f"  # {field.description}" if field.description else ""
        yield line + comment if len(line + comment) <= _WIDTH else line
    for name, table in tables:
        yield ""
        yield f"[{prefix}{name}]"
        yield from _table(table, f"{prefix}{name}.")


def _value(value: Any) -> str:
    if value is None:
        return '"none"'
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    # JSON's text, numbers and booleans are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
