"""The compiled loops of :mod:`~bit_transformer.codecs.lz`: matches, the cheapest parse, both ways.

Only that module calls these. Bits are read where bits are left or in the padding behind them, and
written into room for a source without a match, which the parse never exceeds: no input reads or
writes outside the arrays. The loops also run uncompiled, for fuzzing (``NUMBA_DISABLE_JIT=1``),
which is why single bytes are widened before they are shifted.

Units: places in the source are bytes, places in the payload are bits.
"""

import numpy as np
from numba import njit

from bit_transformer.codecs.lz_code import (
    CLASS_STARTS,
    LENGTH_ORDER,
    MAX_LENGTH,
    MAX_ZEROS,
    MIN_LENGTH,
)

__all__ = ["IS_CUT", "IS_DONE", "IS_FULL", "PADDING_BYTES", "decode_into", "encode"]

IS_DONE, IS_CUT, IS_FULL = 0, 1, 2
"""How :func:`decode_into` ended: with all bytes, at the payload's end, for want of room."""

PADDING_BYTES = 16
"""Zeros that must follow a payload: a token is read whole before its end is looked at."""

_WINDOW = CLASS_STARTS[-1]
_NUM_CLASSES = len(CLASS_STARTS) - 1

_SEGMENT_BYTES = 1 << 15
"""Bytes that are parsed at a time; its size bounds memory and hardly changes the result."""

_LONG = 64
"""A match of so many bytes is taken without comparing it with shorter ones."""

_HASH_BITS = 16
_HASH_FACTOR = 2654435761


@njit(cache=True)
def encode(data, num_source_bits, max_candidates):
    """The payload of a source: packed bits, and their number.

    Args:
        data: the packed source, ``uint8``, shape (ceil(num_source_bits / 8),); not empty.
        max_candidates: places that are compared for each match, at most.
    """
    num_bytes = len(data)
    payload = np.zeros((num_source_bits + num_bytes) // 8 + PADDING_BYTES, dtype=np.uint8)
    newest = np.full(1 << _HASH_BITS, -1, dtype=np.int32)
    older = np.empty(num_bytes, dtype=np.int32)
    costs = np.empty(_SEGMENT_BYTES + 1, dtype=np.int32)
    lengths = np.empty(_SEGMENT_BYTES + 1, dtype=np.int32)
    distances = np.empty(_SEGMENT_BYTES + 1, dtype=np.int32)
    first = written = 0
    while first < num_bytes:
        last, long_length, long_distance = _parse(
            data, num_source_bits, max_candidates, first, newest, older, costs, lengths, distances
        )
        _turn_round(last - first, lengths, distances)
        place = first
        while place < last:
            length, distance = lengths[place - first], distances[place - first]
            if distance:
                written = _put_match(payload, written, place, length, distance)
            else:
                written = _put_literal(payload, written, place, data, num_source_bits)
            place += length
        if long_length:
            written = _put_match(payload, written, last, long_length, long_distance)
            for place in range(last + 1, last + long_length):
                _remember(data, place, newest, older)
        first = last + long_length
    return payload[: (written + 7) // 8], written


@njit(cache=True)
def decode_into(payload, num_bits, position, output, filled, num_source_bits):
    """Decode until the output is full or complete, or the payload ends.

    Args:
        payload: packed bits, then ``PADDING_BYTES`` zeros.
        num_bits: bits of the payload.
        position: the payload bit with which the next token begins.
        output: receives bytes from ``filled`` on.

    Returns:
        The position and the fill after the last whole token, and how it ended.
    """
    num_bytes = (num_source_bits + 7) // 8
    while filled < num_bytes:
        after = position
        is_match = literal = 0
        if filled:
            is_match = _peek(payload, after, 1)
            after += 1
        if is_match:
            coded_length, after = _read_length(payload, after)
            distance, after = _read_distance(payload, after, filled)
            length = min(coded_length, num_bytes - filled)
        else:
            num_literal = min(8, num_source_bits - 8 * filled)
            literal = _peek(payload, after, num_literal) << (8 - num_literal)
            after += num_literal
            length, distance = 1, 0
        if after > num_bits:
            return position, filled, IS_CUT
        if filled + length > len(output):
            return position, filled, IS_FULL
        if is_match:
            for place in range(filled, filled + length):
                output[place] = output[place - distance]
        else:
            output[filled] = literal
        filled += length
        position = after
    return position, filled, IS_DONE


@njit(cache=True)
def _parse(data, num_source_bits, max_candidates, first, newest, older, costs, lengths, distances):
    """The cheapest tokens from ``first`` on, up to a segment's end or a long match.

    Leaves in ``lengths`` and ``distances``, for each place, the token that ends there, with
    distance 0 for a byte.

    Returns:
        Where the tokens end, and the length and distance of the long match there, or zeros.
    """
    num_bytes = len(data)
    size = min(_SEGMENT_BYTES, num_bytes - first)
    found_lengths = np.empty(_LONG + 1, dtype=np.int32)
    found_distances = np.empty(_LONG + 1, dtype=np.int32)
    costs[0] = 0
    costs[1 : size + 1] = np.iinfo(np.int32).max
    for start in range(size):
        place = first + start
        num_found = _find(
            data, place, max_candidates, newest, older, found_lengths, found_distances
        )
        _remember(data, place, newest, older)
        if num_found and found_lengths[num_found - 1] >= _LONG:
            return place, found_lengths[num_found - 1], found_distances[num_found - 1]
        cost = costs[start] + _literal_bits(place, num_source_bits)
        if cost < costs[start + 1]:
            costs[start + 1], lengths[start + 1], distances[start + 1] = cost, 1, 0
        length = MIN_LENGTH
        for found in range(num_found):
            base = costs[start] + 1 + _distance_bits(found_distances[found], place)
            while length <= min(found_lengths[found], size - start):
                cost = base + _length_bits(length)
                if cost < costs[start + length]:
                    costs[start + length] = cost
                    lengths[start + length] = length
                    distances[start + length] = found_distances[found]
                length += 1
    return first + size, 0, 0


@njit(cache=True)
def _turn_round(size, lengths, distances):
    """From tokens stored where they end, to the tokens of the cheapest way where they begin."""
    end = size
    length, distance = lengths[end], distances[end]
    while end > 0:
        start = end - length
        earlier_length, earlier_distance = lengths[start], distances[start]
        lengths[start], distances[start] = length, distance
        end, length, distance = start, earlier_length, earlier_distance


@njit(cache=True)
def _find(data, place, max_candidates, newest, older, found_lengths, found_distances):
    """The number of matches found: each the nearest of its length, longer ones later."""
    longest_possible = min(len(data) - place, MAX_LENGTH)
    if longest_possible < MIN_LENGTH:
        return 0
    num_found = 0
    longest = MIN_LENGTH - 1
    candidate = newest[_hash(data, place)]
    while candidate >= 0 and place - candidate <= _WINDOW and max_candidates > 0:
        if data[candidate + longest] == data[place + longest]:
            length = 0
            while length < longest_possible and data[candidate + length] == data[place + length]:
                length += 1
            if length > longest:
                found_lengths[num_found], found_distances[num_found] = length, place - candidate
                num_found += 1
                longest = length
                if length >= min(_LONG, longest_possible):
                    break
        candidate = older[candidate]
        max_candidates -= 1
    return num_found


@njit(cache=True)
def _remember(data, place, newest, older):
    if place + MIN_LENGTH <= len(data):
        key = _hash(data, place)
        older[place] = newest[key]
        newest[key] = place


@njit(cache=True)
def _hash(data, place):
    key = np.int64(data[place]) << 16 | np.int64(data[place + 1]) << 8 | np.int64(data[place + 2])
    return (key * _HASH_FACTOR & 0xFFFFFFFF) >> (32 - _HASH_BITS)


@njit(cache=True)
def _put_literal(payload, written, place, data, num_source_bits):
    num_bits = min(8, num_source_bits - 8 * place)
    value = np.int64(data[place]) >> (8 - num_bits)
    return _put(payload, written, value, num_bits + (place > 0))


@njit(cache=True)
def _put_match(payload, written, place, length, distance):
    """Write the flag, the length and the distance; the bits written after that."""
    written = _put(payload, written, 1, 1)
    over = np.int64(length) - MIN_LENGTH
    num_zeros = _bit_length((over >> LENGTH_ORDER) + 1) - 1
    over -= ((1 << num_zeros) - 1) << LENGTH_ORDER
    if num_zeros < MAX_ZEROS:
        written = _put(payload, written, 1, num_zeros + 1)
    else:
        written = _put(payload, written, 0, num_zeros)
    written = _put(payload, written, over, num_zeros + LENGTH_ORDER)
    value = np.int64(distance) - 1
    limit = min(place, _WINDOW)
    index = _class_of(value)
    start = CLASS_STARTS[index]
    written = _put_phase_in(payload, written, index, _num_classes(limit))
    num_values = min(CLASS_STARTS[index + 1], limit) - start
    return _put_phase_in(payload, written, value - start, num_values)


@njit(cache=True)
def _read_length(payload, position):
    """A length, and the position after it."""
    num_zeros = 0
    while num_zeros < MAX_ZEROS and not _peek(payload, position + num_zeros, 1):
        num_zeros += 1
    position += min(num_zeros + 1, MAX_ZEROS)
    over = _peek(payload, position, num_zeros + LENGTH_ORDER)
    over += ((1 << num_zeros) - 1) << LENGTH_ORDER
    return MIN_LENGTH + over, position + num_zeros + LENGTH_ORDER


@njit(cache=True)
def _read_distance(payload, position, place):
    """A distance of at most ``place``, and the position after it."""
    limit = min(place, _WINDOW)
    index, position = _read_phase_in(payload, position, _num_classes(limit))
    start = CLASS_STARTS[index]
    num_values = min(CLASS_STARTS[index + 1], limit) - start
    value, position = _read_phase_in(payload, position, num_values)
    return 1 + start + value, position


@njit(cache=True)
def _literal_bits(place, num_source_bits):
    return min(8, num_source_bits - 8 * place) + (place > 0)


@njit(cache=True)
def _length_bits(length):
    num_zeros = _bit_length(((length - MIN_LENGTH) >> LENGTH_ORDER) + 1) - 1
    return min(num_zeros + 1, MAX_ZEROS) + num_zeros + LENGTH_ORDER


@njit(cache=True)
def _distance_bits(distance, place):
    value = np.int64(distance) - 1
    limit = min(place, _WINDOW)
    index = _class_of(value)
    start = CLASS_STARTS[index]
    num_values = min(CLASS_STARTS[index + 1], limit) - start
    return _phase_in_bits(index, _num_classes(limit)) + _phase_in_bits(value - start, num_values)


@njit(cache=True)
def _class_of(value):
    index = 0
    while value >= CLASS_STARTS[index + 1]:
        index += 1
    return index


@njit(cache=True)
def _num_classes(limit):
    """How many classes hold values below ``limit``."""
    count = 1
    while count < _NUM_CLASSES and CLASS_STARTS[count] < limit:
        count += 1
    return count


@njit(cache=True)
def _phase_in_bits(value, num_values):
    num_short_bits = _bit_length(num_values) - 1
    return num_short_bits + (value >= (2 << num_short_bits) - num_values)


@njit(cache=True)
def _put_phase_in(payload, written, value, num_values):
    """Write one of ``num_values`` values: the first ones take one bit less than the others."""
    num_short_bits = _bit_length(num_values) - 1
    num_short = (2 << num_short_bits) - num_values
    if value < num_short:
        return _put(payload, written, value, num_short_bits)
    return _put(payload, written, value + num_short, num_short_bits + 1)


@njit(cache=True)
def _read_phase_in(payload, position, num_values):
    """A value below ``num_values``, and the position after it."""
    num_short_bits = _bit_length(num_values) - 1
    num_short = (2 << num_short_bits) - num_values
    value = _peek(payload, position, num_short_bits)
    if value < num_short:
        return value, position + num_short_bits
    value = _peek(payload, position, num_short_bits + 1)
    return value - num_short, position + num_short_bits + 1


@njit(cache=True)
def _bit_length(value):
    count = 0
    while value:
        value >>= 1
        count += 1
    return count


@njit(cache=True)
def _put(payload, written, value, count):
    """Write the ``count`` low bits of a value; the bits written after that."""
    while count:
        room = 8 - (written & 7)
        taken = min(room, count)
        count -= taken
        part = value >> count & ((1 << taken) - 1)
        payload[written >> 3] |= np.uint8(part << (room - taken))
        written += taken
    return written


@njit(cache=True)
def _peek(payload, position, count):
    """The next ``count`` bits, of at most 32, as a number."""
    first = position >> 3
    word = 0
    for place in range(first, first + 5):
        word = word << 8 | np.int64(payload[place])
    return word >> (40 - (position & 7) - count) & ((1 << count) - 1)
