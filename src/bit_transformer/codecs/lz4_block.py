"""What a damaged LZ4 block still holds, sequence by sequence.

The library decodes a block wholly or not at all, and does not say where it went wrong; this is
slow, and does. It is read only after the library has refused a block.

Source: the LZ4 block format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
"""

from bit_transformer.codecs.reading import Reading

__all__ = ["read_damaged_block"]

_MIN_MATCH = 4
_OFFSET_BYTES = 2
_LENGTH_GOES_ON = 15
_BYTE_GOES_ON = 255


def read_damaged_block(payload: memoryview, num_bytes: int) -> Reading:
    """What comes out before the damage, up to ``num_bytes``, and what the damage is."""
    output = bytearray()
    cut = Reading(output, len(payload), "the payload ends within a sequence")
    position = 0
    while position < len(payload):
        token = payload[position]
        num_literals, place = _read_length(payload, position + 1, token >> 4)
        room = num_bytes - len(output)
        literals = payload[place : place + num_literals]
        output += literals[:room]
        if num_literals > room:
            return Reading(output, position, _overrun(num_bytes))
        if len(literals) < num_literals:
            return cut
        position = place + num_literals
        if position == len(payload):
            break
        offset = int.from_bytes(payload[position : position + _OFFSET_BYTES], "little")
        length, place = _read_length(
            payload, position + _OFFSET_BYTES, token & _LENGTH_GOES_ON, least=_MIN_MATCH
        )
        if place > len(payload):
            return cut
        if not 0 < offset <= len(output):
            problem = f"an offset of {offset} bytes where {len(output)} bytes have come out"
            return Reading(output, position, problem)
        room = num_bytes - len(output)
        _repeat(output, offset, min(length, room))
        if length > room:
            return Reading(output, position, _overrun(num_bytes))
        position = place
    if len(output) < num_bytes:
        problem = f"the payload ends after {len(output)} of {num_bytes} bytes"
        return Reading(output, len(payload), problem)
    return Reading(output, len(payload), "the last sequence is not as the format wants it")


def _read_length(
    payload: memoryview, place: int, nibble: int, *, least: int = 0
) -> tuple[int, int]:
    """A length, and the place after it: beyond the payload if that ends within the length."""
    length = least + nibble
    is_going_on = nibble == _LENGTH_GOES_ON
    while is_going_on and place < len(payload):
        length += payload[place]
        is_going_on = payload[place] == _BYTE_GOES_ON
        place += 1
    return length, place + is_going_on


def _repeat(output: bytearray, offset: int, length: int) -> None:
    """Append ``length`` bytes from ``offset`` before the end, which may reach into themselves."""
    pattern = output[len(output) - offset :][:length]
    output += (pattern * (-(-length // len(pattern)) if length else 0))[:length]


def _overrun(num_bytes: int) -> str:
    return f"more comes out than the {num_bytes} bytes that were declared"
