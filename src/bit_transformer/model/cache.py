"""What the model remembers between two calls of ``advance``: keys, values, and recent bits."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from bit_transformer.errors import InputError

__all__ = ["Cache", "LayerCache"]


@dataclass
class LayerCache:
    """The keys and values of one block, (B, H, capacity, C), filled up to ``length``."""

    keys: Tensor
    values: Tensor
    length: int = 0

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Append N positions; return all keys and values, and a mask where one is needed."""
        first, num_new = self.length, keys.shape[2]
        self.length = first + num_new
        self.keys[:, :, first : self.length] = keys
        self.values[:, :, first : self.length] = values
        mask = None
        if first > 0 and num_new > 1:
            mask = torch.ones(num_new, self.length, dtype=torch.bool, device=keys.device).tril(
                first
            )
        return self.keys[:, :, : self.length], self.values[:, :, : self.length], mask


@dataclass
class Cache:
    """The state of a step-by-step evaluation of B sequences.

    Invariant: ``state`` predicts patch number ``num_patches`` from all patches before it.
    """

    layers: list[LayerCache]
    history: Tensor
    max_patches: int
    num_patches: int = 0
    state: Tensor = field(default_factory=lambda: torch.empty(0))

    def check_room(self, num_new: int) -> None:
        """Raise InputError if ``num_new`` more patches don't fit."""
        if self.num_patches + num_new > self.max_patches:
            raise InputError(
                f"the cache holds at most {self.max_patches} patches and has {self.num_patches}; "
                f"{num_new} more don't fit: start a new cache from the latest patches"
            )
