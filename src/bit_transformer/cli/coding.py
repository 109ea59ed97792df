"""Between the bits that a model writes and what a person reads."""

import codecs

import torch
from torch import Tensor

from bit_transformer.bits import GROUP_BITS, Utf8Stream, bits_to_bytes
from bit_transformer.data.coding import Coding

__all__ = ["Coding", "Printer"]


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
