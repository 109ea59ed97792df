"""Text to bits and back, as UTF-8; whole, or bit by bit as a model writes it."""

import codecs

import torch
from torch import Tensor

from bit_transformer.bits.packing import bits_to_bytes, bytes_to_bits, check_bits
from bit_transformer.errors import BitsError, InputError

__all__ = ["Utf8Stream", "bits_to_text", "text_to_bits"]


def text_to_bits(text: str) -> Tensor:
    """The bits of ``text`` in UTF-8, shape (T,), ``uint8``.

    Raises:
        InputError: not a string, or one with lone surrogates, which UTF-8 cannot carry.
    """
    if not isinstance(text, str):
        raise InputError(f"expected text, got {type(text).__name__}; bytes go to bytes_to_bits")
    try:
        return bytes_to_bits(text.encode())
    except UnicodeEncodeError as error:
        raise InputError(
            f"character {text[error.start]!r} at position {error.start} is half a surrogate "
            "pair, which UTF-8 cannot carry; remove it"
        ) from error


def bits_to_text(bits: Tensor, *, errors: str = "strict") -> str:
    """The text that a bit tensor of shape (T,) spells in UTF-8.

    Args:
        errors: what to do with bytes that are not UTF-8, as in :meth:`bytes.decode`.

    Raises:
        BitsError: not whole bytes, or (when strict) not UTF-8.
    """
    data = bits_to_bytes(bits)
    try:
        return data.decode(errors=errors)
    except UnicodeDecodeError as error:
        raise BitsError(
            f"byte {data[error.start]:#04x} at position {error.start} is not UTF-8; "
            'pass errors="replace" to mark such bytes'
        ) from error


class Utf8Stream:
    """Text out of bits that arrive in parts: whole characters, as soon as each is complete.

    Bytes that are not UTF-8 become U+FFFD. All parts joined are the same text as
    ``bits_to_text(all_bits, errors="replace")``.

    Example:
        >>> stream = Utf8Stream()
        >>> bits = text_to_bits("é")
        >>> [stream.feed(bits[:11]), stream.feed(bits[11:]), stream.finish()]
        ['', 'é', '']
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pending = torch.zeros(0, dtype=torch.uint8)

    @property
    def num_pending_bits(self) -> int:
        """Bits held back because their byte is not complete."""
        return len(self._pending)

    def feed(self, bits: Tensor) -> str:
        """The characters that these bits complete; empty when they complete none.

        Raises:
            BitsError: not a bit tensor of shape (T,).
        """
        bits = torch.cat([self._pending, check_bits(bits, dims=1).cpu()])
        num_whole = len(bits) - len(bits) % 8
        self._pending = bits[num_whole:].clone()
        return self._decoder.decode(bits_to_bytes(bits[:num_whole]))

    def finish(self) -> str:
        """What an incomplete last character becomes; bits short of a byte are dropped."""
        self._pending = self._pending[:0]
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text
