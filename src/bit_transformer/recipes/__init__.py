"""Named whole runs, and how a run's configuration is put together from them.

Start reading in ``recipes.py``. What can be configured lives with its owner (``model.config``,
``data.config``, ``training.config``); this room only chooses values. It imports no PyTorch.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.recipes.layers import build_config, merge
    from bit_transformer.recipes.recipes import RECIPES, Recipe, find_recipe
    from bit_transformer.recipes.toml import read_toml, write_toml

__all__ = [
    "RECIPES",
    "Recipe",
    "build_config",
    "find_recipe",
    "merge",
    "read_toml",
    "write_toml",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.recipes.recipes": ["RECIPES", "Recipe", "find_recipe"],
        "bit_transformer.recipes.layers": ["build_config", "merge"],
        "bit_transformer.recipes.toml": ["read_toml", "write_toml"],
    },
)
