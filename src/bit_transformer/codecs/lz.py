"""Window and matches: what occurred before is named by length and distance; a complete code.

Of the codecs of this room that find repetitions, this is the one whose every bit string decodes:
a model that writes it can be cut, but cannot be wrong. Its code is fixed, without tables, and ends
near the size that ``deflate`` reaches. The loops are compiled and stand in
:mod:`~bit_transformer.codecs.lz_kernels`, the numbers in :mod:`~bit_transformer.codecs.lz_code`.

The source is read as bytes, of which the last may have fewer than eight bits. A token is

* a flag, absent before the first byte, where there is nothing to repeat;
* after flag 0, the bits of a byte, or those that remain;
* after flag 1, a length in a bounded Exp-Golomb code, then a distance of at least 1, and at most
  the window and the bytes so far. Distances fall into classes; the class and the place in it are
  coded in phase-in binary over just those values that are possible here.

So no bits can name an offset before the start. A length that reaches beyond the end of the source
means: to its end.

Source: Storer and Szymanski, "Data compression via textual substitution" (1982). Departures: the
bounded code of distances, and the parse, which is the cheapest one under this code over the
candidates of a hash chain (dynamic programming; only long matches are taken unseen).
"""

import numpy as np
from typing_extensions import override

from bit_transformer.codecs.codec import (
    Codec,
    Packed,
    PackedCodec,
    PackedDecoded,
    PayloadDecoder,
    first_bits,
    pack,
)
from bit_transformer.codecs.lz_code import LENGTH_BITS_OF_LONGEST, MAX_LENGTH
from bit_transformer.errors import InputError

__all__ = ["LzCodec"]

_LEVELS = range(1, 10)

_FIRST_BYTES = 1 << 16
"""Room for the first bytes out; more is taken only once they are there."""


class LzCodec(PackedCodec):
    """Repetitions of what came before, in a complete code on bytes.

    Args:
        level: how long to look for matches, from 1 (quick) to 9. Decoding does not depend on it.

    Raises:
        InputError: there is no such level.
    """

    name = "lz"
    number = 3
    is_complete = True

    def __init__(self, level: int = 6) -> None:
        if level not in _LEVELS:
            raise InputError(
                f"lz has no level {level}; choose one from {_LEVELS[0]} to {_LEVELS[-1]}"
            )
        self.level = level

    @override
    def encode_packed(self, source: Packed) -> Packed:
        from bit_transformer.codecs.lz_kernels import encode

        if not source.num_bits:
            return source
        data = np.ascontiguousarray(source.data)
        return Packed(*encode(data, source.num_bits, 1 << self.level))

    @override
    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded:
        num_bytes = -(-num_bits // 8)
        output = np.empty(min(num_bytes, _FIRST_BYTES), dtype=np.uint8)
        position, filled, output = _decode(payload, output, 0, num_bits)
        if filled == num_bytes:
            return PackedDecoded(first_bits(Packed(output, 8 * num_bytes), num_bits), position)
        return _cut(payload, position, Packed(output[:filled], 8 * filled), num_bits)

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        # No token spends fewer bits on each byte than the longest match does.
        return (num_bits // 8 // MAX_LENGTH) * (1 + LENGTH_BITS_OF_LONGEST)

    @override
    def start_decoding(self, num_bits: int) -> PayloadDecoder:
        return _LzDecoder(self, num_bits)

    @override
    def configured(
        self,
        *,
        level: int | None = None,
        table: str | None = None,
        dictionary: bytes | None = None,
    ) -> Codec:
        super().configured(table=table, dictionary=dictionary)
        return self if level is None else LzCodec(level)


class _LzDecoder(PayloadDecoder):
    """Bytes come out as their tokens are complete; only a token that is cut is held back."""

    def __init__(self, codec: Codec, num_bits: int) -> None:
        super().__init__(codec, num_bits)
        self._held = np.zeros(0, dtype=np.uint8)
        self._output = np.empty(min(-(-num_bits // 8), _FIRST_BYTES), dtype=np.uint8)
        self._filled = 0

    @override
    def feed(self, payload: np.ndarray) -> np.ndarray:
        held, first = np.concatenate([self._held, payload]), self._filled
        position, self._filled, self._output = _decode(
            pack(held), self._output, first, self.num_bits
        )
        self._held = held[position:]
        self.num_read += position
        bits = np.unpackbits(self._output[first : self._filled])
        return self._counted(bits[: self.num_bits - self.num_decoded])

    @override
    def finish(self) -> np.ndarray:
        if self.is_done:
            return np.zeros(0, dtype=np.uint8)
        whole = Packed(self._output[: self._filled], 8 * self._filled)
        source, num_read, self.problem, _ = _cut(pack(self._held), 0, whole, self.num_bits)
        self.problem_position = self.num_read + len(self._held)
        self.num_read += num_read
        return self._counted(np.unpackbits(source.data, count=source.num_bits)[self.num_decoded :])

    def _counted(self, bits: np.ndarray) -> np.ndarray:
        self.num_decoded += len(bits)
        return bits


def _decode(
    payload: Packed, output: np.ndarray, filled: int, num_bits: int
) -> tuple[int, int, np.ndarray]:
    """The payload bits that were read, the bytes that are there then, and where they are.

    Args:
        output: begins with ``filled`` bytes; what comes back may be a larger copy.
        num_bits: of the whole source.
    """
    from bit_transformer.codecs.lz_kernels import IS_FULL, PADDING_BYTES, decode_into

    data = np.concatenate([payload.data, np.zeros(PADDING_BYTES, dtype=np.uint8)])
    position = 0
    while True:
        position, filled, end = decode_into(
            data, payload.num_bits, position, output, filled, num_bits
        )
        if end != IS_FULL:
            return position, filled, output
        output = np.concatenate([output, np.empty_like(output)])[: -(-num_bits // 8)]


def _cut(payload: Packed, position: int, whole: Packed, num_bits: int) -> PackedDecoded:
    """What came out before the payload ended within the token at ``position``.

    The bits of a byte that has begun count, since they are as they will be.
    """
    rest = np.unpackbits(payload.data, count=payload.num_bits)[position:]
    num_flags = 1 if whole.num_bits else 0
    begun = rest[num_flags:] if not rest[:num_flags].any() else rest[:0]
    packed = Packed(np.concatenate([whole.data, np.packbits(begun)]), whole.num_bits + len(begun))
    num_read = payload.num_bits if len(begun) else position
    problem = f"the payload ends after {packed.num_bits} of {num_bits} bits"
    return PackedDecoded(packed, num_read, problem, payload.num_bits)
