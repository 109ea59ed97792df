"""What a codec is: bits to fewer bits and back, with no knowledge of frames.

A codec turns the bits of a source into payload bits. It does not write down which codec it is
nor how long the source was: :mod:`~bit_transformer.codecs.frame` does, in the header before the
payload. Bits here are numpy ``uint8`` arrays, so that worker processes need no PyTorch: one bit
per element (:meth:`Codec.encode`), or packed eight to a byte (:class:`Packed`), which is quicker.
A codec implements one of the two pairs, whichever fits it, and inherits the other:

* :class:`Codec` for codes on single bits: write ``encode`` and ``decode``.
* :class:`PackedCodec` for codes on bytes or machine words: ``encode_packed``, ``decode_packed``.

Invariants: ``decode(encode(bits), len(bits))`` gives back the bits and reads the whole payload;
an empty source has an empty payload. No payload, however damaged, makes ``decode`` raise, hang,
or take more memory than a small multiple of ``num_bits`` and of the payload: it returns the
longest valid prefix, and says what was wrong. Codecs are immutable and may be shared.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from typing_extensions import override

from bit_transformer.errors import InputError

__all__ = [
    "Codec",
    "Decoded",
    "Packed",
    "PackedCodec",
    "PackedDecoded",
    "PayloadDecoder",
    "cut_payload",
    "first_bits",
    "pack",
    "unpack",
]


class Packed(NamedTuple):
    """Bits packed eight to a byte, the first in the most significant place.

    Shapes:
        data: (ceil(num_bits / 8),), ``uint8``; the unused low bits of the last byte are zeros.
    """

    data: np.ndarray
    num_bits: int


class Decoded(NamedTuple):
    """What came out of a payload: the longest valid prefix, and what stopped it, if anything.

    Args:
        bits: the source bits, at most as many as were asked for.
        num_read: payload bits that were needed.
        problem: what is wrong with the payload, as a clause; None when all bits came out.
        problem_position: the payload bit at which it went wrong.
    """

    bits: np.ndarray
    num_read: int
    problem: str | None = None
    problem_position: int | None = None


class PackedDecoded(NamedTuple):
    """The same as :class:`Decoded`, with the source packed."""

    source: Packed
    num_read: int
    problem: str | None = None
    problem_position: int | None = None


def pack(bits: np.ndarray) -> Packed:
    """An array of zeros and ones, shape (T,), as packed bits."""
    return Packed(np.packbits(bits), len(bits))


def unpack(packed: Packed) -> np.ndarray:
    """Packed bits as an array of zeros and ones, shape (T,)."""
    return np.unpackbits(packed.data, count=packed.num_bits)


def cut_payload(num_decoded: int, num_bits: int) -> str:
    """The problem of a payload that ends too early, as a clause."""
    return f"the payload ends when {num_decoded} of {num_bits} source bits are known"


def first_bits(packed: Packed, num_bits: int) -> Packed:
    """The first ``num_bits`` of at least as many, with zeros after them in the last byte."""
    if num_bits == packed.num_bits:
        return packed
    data = packed.data[: -(-num_bits // 8)].copy()
    if num_bits % 8:
        data[-1] &= 0xFF00 >> num_bits % 8 & 0xFF
    return Packed(data, num_bits)


class Codec(ABC):
    """A lossless code on bits. Subclasses give it a name, a number and the two directions.

    Args:
        name: how users ask for it: lower-case letters, digits and hyphens.
        number: how frames name it; never reused. Numbers from 12 to 267 are for codecs that are
            registered from outside.
        is_complete: every payload decodes, but for a cut tail; a codec that begins each payload
            with :meth:`payload_prefix` says so of the payloads that begin with it.
        has_open_end: the last codeword would be another one if the source went on, as that of a
            run of equal bits; the codewords before it would not.
    """

    name: str
    number: int
    is_complete: bool = False
    has_open_end: bool = False

    @abstractmethod
    def encode(self, bits: np.ndarray) -> np.ndarray:
        """The payload of these source bits. Shapes: (T,) to (N,), ``uint8`` zeros and ones."""

    @abstractmethod
    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        """The source bits, or the longest valid prefix of them; never raises on bad data."""

    def encode_packed(self, source: Packed) -> Packed:
        """The payload of packed source bits, packed."""
        return pack(self.encode(unpack(source)))

    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded:
        """The packed source bits of a packed payload; as :meth:`decode` otherwise."""
        decoded = self.decode(unpack(payload), num_bits)
        return PackedDecoded(pack(decoded.bits), *decoded[1:])

    def min_payload_bits(self, num_bits: int) -> int:  # noqa: ARG002
        """Payload bits without which no source of ``num_bits`` is possible.

        A frame with fewer is refused before memory is taken for its source.
        """
        return 0

    def payload_prefix(self) -> np.ndarray:
        """Bits with which every payload of this codec, as it is set up, begins."""
        return np.zeros(0, dtype=np.uint8)

    def start_decoding(self, num_bits: int) -> "PayloadDecoder":
        """A decoder to which the payload is given in parts, for a source of ``num_bits``."""
        return PayloadDecoder(self, num_bits)

    def configured(
        self,
        *,
        level: int | None = None,
        table: str | None = None,
        dictionary: bytes | None = None,
    ) -> "Codec":
        """The same code with other settings; the very same object when none is given.

        Codecs that have settings override this, and hand what they do not know to it.

        Raises:
            InputError: the codec has no such setting.
        """
        given = {"level": level, "table": table, "dictionary": dictionary}
        for setting, value in given.items():
            if value is not None:
                raise InputError(f"the codec {self.name!r} has no {setting}; leave {setting} out")
        return self


class PackedCodec(Codec):
    """A codec whose own pair works on packed bits."""

    @abstractmethod
    @override
    def encode_packed(self, source: Packed) -> Packed: ...

    @abstractmethod
    @override
    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded: ...

    @override
    def encode(self, bits: np.ndarray) -> np.ndarray:
        return unpack(self.encode_packed(pack(bits)))

    @override
    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        decoded = self.decode_packed(pack(payload), num_bits)
        return Decoded(unpack(decoded.source), *decoded[1:])


class PayloadDecoder:
    """Source bits out of a payload that arrives in parts.

    This one keeps all parts. Of a complete code it decodes them anew with each one, so that bits
    come out as soon as they are certain; of others in :meth:`finish`. The library's complete
    codes have decoders of their own, which take time linear in the payload.

    Args:
        num_bits: source bits that are expected.
    """

    def __init__(self, codec: Codec, num_bits: int) -> None:
        self._codec = codec
        self._parts: list[np.ndarray] = []
        self.num_bits = num_bits
        self.num_decoded = 0
        self.num_read = 0
        self.problem: str | None = None
        self.problem_position: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether all source bits have come out."""
        return self.num_decoded == self.num_bits

    def feed(self, payload: np.ndarray) -> np.ndarray:
        """The source bits that these payload bits complete; often none."""
        self._parts.append(payload)
        if not self._codec.is_complete:
            return np.zeros(0, dtype=np.uint8)
        return self._take(self._decode())

    def finish(self) -> np.ndarray:
        """The source bits that are still to come out when the payload has ended.

        Sets ``problem`` when they are fewer than expected.
        """
        decoded = self._decode()
        self.problem = decoded.problem
        self.problem_position = decoded.problem_position
        return self._take(decoded)

    def _decode(self) -> Decoded:
        self._parts = [np.concatenate([np.zeros(0, dtype=np.uint8), *self._parts])]
        return self._codec.decode(self._parts[0], self.num_bits)

    def _take(self, decoded: Decoded) -> np.ndarray:
        new = decoded.bits[self.num_decoded :]
        self.num_decoded = len(decoded.bits)
        self.num_read = decoded.num_read
        return new
