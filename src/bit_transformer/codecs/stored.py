"""The code that changes nothing: the payload is the source.

It is what a frame holds when nothing is smaller, and the measure for all the others.
"""

import numpy as np
from typing_extensions import override

from bit_transformer.codecs.codec import (
    Packed,
    PackedCodec,
    PackedDecoded,
    PayloadDecoder,
    cut_payload,
    first_bits,
)

__all__ = ["StoredCodec"]


class StoredCodec(PackedCodec):
    """The source itself. Complete: every payload is one."""

    name = "stored"
    number = 0
    is_complete = True

    @override
    def encode_packed(self, source: Packed) -> Packed:
        return source

    @override
    def decode_packed(self, payload: Packed, num_bits: int) -> PackedDecoded:
        if payload.num_bits >= num_bits:
            return PackedDecoded(first_bits(payload, num_bits), num_bits)
        problem = cut_payload(payload.num_bits, num_bits)
        return PackedDecoded(payload, payload.num_bits, problem, payload.num_bits)

    @override
    def min_payload_bits(self, num_bits: int) -> int:
        return num_bits

    @override
    def start_decoding(self, num_bits: int) -> PayloadDecoder:
        return _StoredDecoder(self, num_bits)


class _StoredDecoder(PayloadDecoder):
    """Bits come out as they go in."""

    @override
    def feed(self, payload: np.ndarray) -> np.ndarray:
        bits = payload[: self.num_bits - self.num_decoded]
        self.num_decoded += len(bits)
        self.num_read = self.num_decoded
        return bits

    @override
    def finish(self) -> np.ndarray:
        if not self.is_done:
            self.problem = cut_payload(self.num_decoded, self.num_bits)
            self.problem_position = self.num_read
        return np.zeros(0, dtype=np.uint8)
