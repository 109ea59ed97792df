"""A binary range coder: 32-bit range, 16-bit probabilities, carries carried.

The coder knows no model: ``encode_bit`` and ``decode_bit`` take the probability that the bit is
one. The interval is low ≤ x < low + range; a bit splits the range in proportion (the product is
exact, so that nothing is lost to rounding but 2^-24 of the range), and bytes leave as soon as
they are settled. The last bytes are chosen so that as many as possible are zero, and zeros at
the end are not stored: past its end, a payload reads as zeros.

Invariants: 0 < p < 65536; 2^24 ≤ range < 2^32 between bits; nothing is written past the buffer's
end nor read past the payload's, whatever the payload is.

Source: G. N. N. Martin, "Range encoding" (1979); carry handling after Schindler's and LZMA's.
"""

import numpy as np

from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.tables import Array

__all__ = [
    "NUM_CODER_REGISTERS",
    "POSITION",
    "decode_bit",
    "encode_bit",
    "finish_encoding",
    "new_coder",
    "start_decoding",
]

_LOW, _RANGE, _CACHE, _PENDING, POSITION, _CODE = range(6)
NUM_CODER_REGISTERS = 6
_TOP = 1 << 24
_MASK32 = 0xFFFFFFFF


def new_coder() -> np.ndarray:
    """The registers of a coder that has coded nothing; int64 (NUM_CODER_REGISTERS,)."""
    coder = np.zeros(NUM_CODER_REGISTERS, dtype=np.int64)
    coder[_RANGE] = _MASK32
    coder[_CACHE] = -1  # no byte to settle yet
    return coder


@kernel
def start_decoding(coder: Array, payload: Array) -> None:
    """Read the first four bytes."""
    for _ in range(4):
        coder[_CODE] = (coder[_CODE] << 8) | _next_byte(coder, payload)


@kernel
def encode_bit(coder: Array, payload: Array, bit: int, prob_one: int) -> None:
    """Narrow the interval to the bit's part of it."""
    bound = (coder[_RANGE] * prob_one) >> 16
    if bit:
        coder[_RANGE] = bound
    else:
        coder[_LOW] += bound
        coder[_RANGE] -= bound
    while coder[_RANGE] < _TOP:
        _shift_low(coder, payload)
        coder[_RANGE] <<= 8


@kernel
def decode_bit(coder: Array, payload: Array, prob_one: int) -> int:
    """The bit in whose part of the interval the payload lies."""
    bound = (coder[_RANGE] * prob_one) >> 16
    if coder[_CODE] < bound:
        coder[_RANGE] = bound
        bit = 1
    else:
        coder[_CODE] -= bound
        coder[_RANGE] -= bound
        bit = 0
    while coder[_RANGE] < _TOP:
        coder[_RANGE] <<= 8
        coder[_CODE] = ((coder[_CODE] << 8) | _next_byte(coder, payload)) & _MASK32
    return bit


@kernel
def finish_encoding(coder: Array, payload: Array) -> int:
    """The payload's length after the fewest bytes that settle the interval."""
    last = coder[_LOW] + coder[_RANGE] - 1
    for num_zero_bits in range(32, -1, -1):
        value = (last >> num_zero_bits) << num_zero_bits
        if value >= coder[_LOW]:
            coder[_LOW] = value
            break
    for _ in range(5):
        _shift_low(coder, payload)
    length = min(coder[POSITION], payload.shape[0])
    while length > 0 and payload[length - 1] == 0:
        length -= 1
    return length


@kernel
def _shift_low(coder: Array, payload: Array) -> None:
    """Move the top byte of ``low`` out, once it is known whether a carry reaches it."""
    low = coder[_LOW]
    if low < 0xFF000000 or low > _MASK32:
        carry = low >> 32
        if coder[_CACHE] >= 0:
            _write(coder, payload, coder[_CACHE] + carry)
        for _ in range(coder[_PENDING]):
            _write(coder, payload, 0xFF + carry)
        coder[_PENDING] = 0
        coder[_CACHE] = (low >> 24) & 0xFF
    else:
        coder[_PENDING] += 1
    coder[_LOW] = (low << 8) & _MASK32


@kernel
def _write(coder: Array, payload: Array, value: int) -> None:
    if coder[POSITION] < payload.shape[0]:
        payload[coder[POSITION]] = value & 0xFF
    coder[POSITION] += 1


@kernel
def _next_byte(coder: Array, payload: Array) -> int:
    position = coder[POSITION]
    coder[POSITION] += 1
    return payload[position] if position < payload.shape[0] else 0
