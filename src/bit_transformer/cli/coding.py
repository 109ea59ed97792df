"""Between what a person types and reads and the bits that a model was trained on."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from bit_transformer.bits import (
    GROUP_BITS,
    Utf8Stream,
    add_parity,
    bits_to_bytes,
    strip_parity,
    text_to_bits,
)
from bit_transformer.errors import InputError

__all__ = ["Coding", "Printer"]


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


class Printer:
    """The readable form of one sample, growing as bits come in.

    Args:
        form: ``text`` (complete characters only), ``hex`` or ``bits``.
        prompt: the data before the sample, which a first character may have begun in.
    """

    def __init__(self, form: str, coding: Coding, prompt: Tensor) -> None:
        self.form = form
        self.coding = coding
        self.text = ""
        self._prompt = prompt
        self._characters = Utf8Stream()
        self._prompt_text = self._characters.feed(prompt)
        self._waiting = torch.empty(0, dtype=torch.uint8)

    def echo(self) -> str:
        """The readable form of the prompt."""
        echoed = self._prompt_text
        if self.form != "text":
            echoed = self._spell(self._prompt)
        self.text += echoed
        return echoed

    def feed(self, bits: Tensor) -> str:
        """What these bits add to the text."""
        unit = GROUP_BITS if self.coding.has_parity else 8 if self.form == "hex" else 1
        bits = torch.cat([self._waiting, bits])
        num_whole = len(bits) - len(bits) % unit
        self._waiting = bits[num_whole:]
        new = self._spell(self.coding.decode(bits[:num_whole]))
        self.text += new
        return new

    def finish(self) -> str:
        """What remains when no more bits come: the replacement of a character never completed."""
        rest = self._characters.finish() if self.form == "text" else ""
        if self.form == "hex" and len(self._waiting) and not self.coding.has_parity:
            rest = codecs.encode(bits_to_bytes(self._waiting, pad=True), "hex").decode()
        self.text += rest
        return rest

    def _spell(self, data_bits: Tensor) -> str:
        if self.form == "bits":
            return "".join(map(str, data_bits.tolist()))
        if self.form == "hex":
            return bits_to_bytes(data_bits, pad=True).hex()
        return self._characters.feed(data_bits)
