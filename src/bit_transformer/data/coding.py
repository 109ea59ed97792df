"""How a model's bits carry data: the bytes as they are, or with a bit of parity after each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from bit_transformer.bits import GROUP_BITS, add_parity, strip_parity, text_to_bits
from bit_transformer.errors import InputError

__all__ = ["Coding"]


@dataclass(frozen=True)
class Coding:
    """How a model's bits carry data: plainly, or with a parity bit after each byte."""

    has_parity: bool

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> "Coding":
        """The coding that a checkpoint's metadata names; plain where it names none."""
        return cls(metadata.get("data", {}).get("encoding", "bytes") == "parity")

    @property
    def name(self) -> Literal["bytes", "parity"]:
        """What configurations call it."""
        return "parity" if self.has_parity else "bytes"

    def encode(self, data_bits: Tensor, name: str) -> Tensor:
        """Data as the model reads it.

        Raises:
            InputError: with parity, ``data_bits`` are not whole bytes.
        """
        if not self.has_parity:
            return data_bits
        if len(data_bits) % 8:
            raise InputError(
                f"{name} has {len(data_bits)} bits, and this model was trained on whole bytes "
                "with parity; give a multiple of 8"
            )
        return add_parity(data_bits)

    def decode(self, bits: Tensor) -> Tensor:
        """What the model wrote as data; an unfinished last byte is dropped where it has parity."""
        if not self.has_parity:
            return bits
        return strip_parity(bits[: len(bits) - len(bits) % GROUP_BITS])

    def num_bits(self, num_bytes: int) -> int:
        """Bits that carry ``num_bytes`` bytes."""
        if num_bytes < 0:
            raise InputError(f"the number of bytes must be at least 0, got {num_bytes}")
        return num_bytes * (GROUP_BITS if self.has_parity else 8)

    def stop(self, text: str) -> str | Tensor:
        """A stop condition for this text."""
        return add_parity(text_to_bits(text)) if self.has_parity else text
