"""The phrases of Lempel and Ziv (1976), counted by compiled loops.

:func:`count_phrases` looks for each phrase's longest earlier occurrence in an index of every
fourth position, several candidates at a time; :func:`count_phrases_in_automaton` is slower on
ordinary data and linear on any. Imported late, since numba takes a second to load.

Invariants: no kernel reads or writes outside its arrays, whatever the bits are; each takes time
and memory linear in the number of bits (``count_phrases`` by giving up early, see there).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = [
    "LONG_PATIENCE",
    "PLAIN_BITS",
    "SHORT_PATIENCE",
    "count_phrases",
    "count_phrases_in_automaton",
]

PLAIN_BITS = 32
SHORT_PATIENCE, LONG_PATIENCE = 3, 6
"""What :func:`count_phrases` does best with; measured on text, programs, pictures and noise."""

_GAVE_UP = -1
_NONE = -1
_LINK, _LENGTH = 2, 3

_STEP = 4
_BACK = _STEP - 1
"""How many bits before a sample its window begins: an occurrence need not begin at a sample."""
_AT_ONCE = 64

_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)


def _zeros_before_each_bit() -> np.ndarray:
    table = np.zeros(64, dtype=np.int64)
    for bit in range(64):
        table[((int(_DE_BRUIJN) << bit) & int(_ONES)) >> 58] = 63 - bit
    return table


_ZEROS_BEFORE = _zeros_before_each_bit()


class _Index(NamedTuple):
    """Where the bits at positions 4, 8, 12, … have occurred, by their first ``key_bits`` bits.

    Samples of one key, or of keys with one hash, are in one bucket, from ``bounds[bucket, 0]`` up
    to ``bounds[bucket, 1]``, the oldest first. ``windows`` has the bits around each of them, from
    three before it on; ``places`` its position.
    """

    key_bits: int
    bucket_bits: int
    bounds: np.ndarray
    windows: np.ndarray
    places: np.ndarray


@njit(cache=True)
def _window(words: np.ndarray, position: int) -> np.uint64:
    """The 64 bits from ``position`` on; ``words`` has one word more than the bits need."""
    word = position >> 6
    shift = np.uint64(position & 63)
    # In two steps, since a shift by 64 is not defined.
    rest = (words[word + 1] >> np.uint64(1)) >> (np.uint64(63) - shift)
    return (words[word] << shift) | rest


@njit(cache=True)
def _zeros_before_first_one(bits: np.uint64) -> int:
    """How many zeros are before the first one; ``bits`` has a one."""
    bits |= bits >> np.uint64(1)
    bits |= bits >> np.uint64(2)
    bits |= bits >> np.uint64(4)
    bits |= bits >> np.uint64(8)
    bits |= bits >> np.uint64(16)
    bits |= bits >> np.uint64(32)
    bits ^= bits >> np.uint64(1)
    return _ZEROS_BEFORE[(bits * _DE_BRUIJN) >> np.uint64(58)]


@njit(cache=True)
def _common_length(words: np.ndarray, first: int, second: int, known: int, limit: int) -> int:
    """How many bits from two positions on agree, up to ``limit``; the first ``known`` do."""
    length = known
    while length < limit:
        difference = _window(words, first + length) ^ _window(words, second + length)
        if difference != 0:
            return min(length + _zeros_before_first_one(difference), limit)
        length += 64
    return limit


@njit(cache=True)
def _longest_from(words: np.ndarray, first: int, start: int, limit: int) -> int:
    """The longest agreement of ``start`` with positions from ``first`` up to itself."""
    length = 0
    for source in range(first, start):
        length = max(length, _common_length(words, source, start, 0, limit))
        if length == limit:
            break
    return length


@njit(cache=True)
def _longest_next_to(words: np.ndarray, start: int, limit: int) -> int:
    """The same with the positions that no sample before ``start`` stands for: 0, and the last."""
    window = _window(words, start)
    difference = window ^ _window(words, 0)
    for source in range(start - _BACK, start):
        difference = min(difference, window ^ _window(words, source))
    if difference != 0:
        return min(_zeros_before_first_one(difference), limit)
    return max(
        _common_length(words, 0, start, 0, limit),
        _longest_from(words, start - _BACK, start, limit),
    )


@njit(cache=True)
def _bucket(window: np.uint64, key_bits: int, bucket_bits: int) -> int:
    """The bucket of the bits that begin three bits after the window does."""
    key = (window << np.uint64(_BACK)) >> np.uint64(64 - key_bits)
    if key_bits != bucket_bits:
        key = (key * _SPREAD) >> np.uint64(64 - bucket_bits)
    return int(np.int64(key))


@njit(cache=True)
def _lay_out(words: np.ndarray, index: _Index) -> None:
    """Give each bucket as much room as it will need; all are empty."""
    bounds = index.bounds
    bounds[:] = 0
    for sample in range(1, len(index.places)):
        window = _window(words, sample * _STEP - _BACK)
        bounds[_bucket(window, index.key_bits, index.bucket_bits), 1] += 1
    total = 0
    for bucket in range(len(bounds)):
        size = bounds[bucket, 1]
        bounds[bucket, 0], bounds[bucket, 1] = total, total
        total += size


@njit(cache=True)
def _insert(words: np.ndarray, index: _Index, first: int, last: int) -> None:
    bounds, windows, places = index.bounds, index.windows, index.places
    for sample in range(first, min(last, len(places))):
        window = _window(words, sample * _STEP - _BACK)
        bucket = _bucket(window, index.key_bits, index.bucket_bits)
        entry = bounds[bucket, 1]
        bounds[bucket, 1] = entry + 1
        windows[entry] = window
        places[entry] = sample * _STEP


@njit(cache=True)
def _least_difference(
    windows: np.ndarray, first: int, last: int, window: np.uint64, mask: np.uint64
) -> np.uint64:
    """The least exclusive or, which is that of the longest agreement; 0 if one agrees wholly."""
    least = mask
    for entry in range(first, last):
        least = min(least, (windows[entry] ^ window) & mask)
    return least


@njit(cache=True)
def _extend(
    words: np.ndarray, index: _Index, entries: tuple[int, int], window: np.uint64, mask: np.uint64,
    start: int, shift: int, length: int, limit: int,
) -> tuple[int, int]:  # fmt: skip
    """The longest agreement with those entries that agree in the whole window, and the effort."""
    known = 64 - _BACK + shift
    effort = 0
    for entry in range(entries[0], entries[1]):
        if (index.windows[entry] ^ window) & mask != 0:
            continue
        effort += 4
        source = index.places[entry] - shift
        length = min(max(length, known), limit)
        if length == limit:
            break
        # One that is to be longer agrees also in the bits that end with the next one.
        near = max(length - 63, 0)
        difference = _window(words, source + near) ^ _window(words, start + near)
        if difference >> np.uint64(63 - (length - near)) == 0:
            common = _common_length(words, source, start, known, limit)
            length = max(length, common)
            effort += common >> 6
    return length, effort


@njit(cache=True)
def _candidates(words: np.ndarray, index: _Index, position: int) -> tuple[np.uint64, int, int]:
    """The window of a position, and the entries that may agree with it."""
    window = _window(words, position - _BACK)
    bucket = _bucket(window, index.key_bits, index.bucket_bits)
    return window, int(index.bounds[bucket, 0]), int(index.bounds[bucket, 1])


@njit(cache=True)
def _longest_in_index(
    words: np.ndarray, index: _Index, start: int, length: int, limit: int, budget: int
) -> tuple[int, int]:
    """The longest agreement of ``start`` with what the index has, and the effort.

    Not the longest where that takes more than ``budget``.

    Exact from ``index.key_bits + 3`` bits on: among the first four bits of an occurrence one is
    at a sample, which is in the bucket of the key that far from ``start``.
    """
    # All four look-ups are on their way before the first is used: it is the memory that is slow.
    ranges = (
        _candidates(words, index, start),
        _candidates(words, index, start + 1),
        _candidates(words, index, start + 2),
        _candidates(words, index, start + 3),
    )
    best, effort = _ONES, 0
    for shift in range(_STEP):
        window, first, last = ranges[shift]
        effort += (last - first) >> 2
        before = np.uint64(_BACK - shift)
        mask = _ONES >> before
        while first < last:
            stop = min(first + _AT_ONCE, last)
            least = _least_difference(index.windows, first, stop, window, mask)
            if least != 0:
                best = min(best, least << before)
            else:
                length, more = _extend(
                    words, index, (first, stop), window, mask, start, shift, length, limit
                )
                effort += more
                if length == limit or effort > budget:
                    return length, effort
            first = stop
    if best != _ONES:
        length = min(max(length, _zeros_before_first_one(best)), limit)
    return length, effort


@njit(cache=True)
def _mark(words: np.ndarray, is_seen: np.ndarray, leaf_bits: int, first: int, last: int) -> None:
    drop = np.uint64(64 - leaf_bits)
    position = first
    while position + 8 <= last:
        window = _window(words, position)
        for step in range(8):
            is_seen[(window << np.uint64(step)) >> drop] = 1
        position += 8
    for rest in range(position, last):
        is_seen[_window(words, rest) >> drop] = 1


@njit(cache=True)
def _longest_seen(is_seen: np.ndarray, leaf: int, leaf_bits: int) -> int:
    """How many first bits of ``leaf`` some marked leaf has.

    A phrase of that length is met once, so all searches take no longer than ``leaf_bits`` walks
    through the whole table.
    """
    length, size = leaf_bits, 1
    while length > 0:
        first = leaf & ~(size - 1)
        for other in range(first, first + size):
            if is_seen[other] != 0:
                return length
        length -= 1
        size <<= 1
    return length


@njit(cache=True)
def _new_index(num_bits: int, key_bits: int, bucket_bits: int) -> _Index:
    """An index with room for the samples of so many bits, and none of them in."""
    num_samples = max((num_bits - key_bits) // _STEP + 1, 0)
    return _Index(
        key_bits,
        bucket_bits,
        np.empty((1 << bucket_bits, 2), dtype=np.int32),
        np.empty(num_samples, dtype=np.uint64),
        np.empty(num_samples, dtype=np.int32),
    )


@njit(cache=True)
def _plain_phrases(words: np.ndarray, num_bits: int, plain_bits: int) -> tuple[int, int, bool]:
    """The phrases that begin within the first bits: number, end, whether the end cuts the last."""
    num_phrases, start, is_open = 0, 0, False
    while start < min(num_bits, plain_bits):
        left = num_bits - start
        length = _longest_from(words, 0, start, left)
        num_phrases += 1
        is_open = length == left
        start = min(start + length + 1, num_bits)
    return num_phrases, start, is_open


@njit(cache=True)
def count_phrases(
    words: np.ndarray,
    num_bits: int,
    key_bits: int,
    long_bits: int,
    plain_bits: int,
    short_patience: int,
    long_patience: int,
) -> tuple[int, bool]:
    """The number of phrases of the LZ76 parsing, and whether the last one is cut by the end.

    ``words`` has the bits in ``uint64``, the first one the highest, and one word more. Sources of
    phrases that begin in the first ``plain_bits`` bits (4 or more) are compared one by one; later
    ones are looked up by keys of ``key_bits`` bits, and what is too short for that in a table of
    all that has been seen. When that takes more than ``short_patience`` steps a bit, keys of
    ``long_bits`` bits (up to 61) come first; when those take more than ``long_patience`` steps a
    bit, the count is given up: -1. Memory: 7 bytes a bit at most.
    """
    num_phrases, start, is_open = _plain_phrases(words, num_bits, plain_bits)
    if start == num_bits:
        return num_phrases, is_open
    leaf_bits = key_bits + _BACK - 1
    is_seen = np.zeros(1 << leaf_bits, dtype=np.uint8)
    short = _new_index(num_bits, key_bits, key_bits)
    long = _new_index(num_bits, long_bits, key_bits + 1)
    _lay_out(words, short)
    num_marked, num_inserted, effort, is_long = 0, 1, 0, False
    while start < num_bits:
        left = num_bits - start
        budget = (long_patience if is_long else short_patience) * start
        end_of_samples = (start + _BACK) // _STEP
        _insert(words, short, num_inserted, end_of_samples)
        if is_long:
            _insert(words, long, num_inserted, end_of_samples)
        num_inserted = end_of_samples
        length = _longest_next_to(words, start, left)
        if is_long and length < left and long_bits + _BACK <= left:
            length, more = _longest_in_index(words, long, start, length, left, budget - effort)
            effort += more
        is_sure = length == left or (is_long and length >= long_bits + _BACK)
        if not is_sure and key_bits + _BACK <= left:
            length, more = _longest_in_index(words, short, start, length, left, budget - effort)
            effort += more
        if effort > budget:
            if is_long:
                return _GAVE_UP, False
            _lay_out(words, long)
            _insert(words, long, 1, num_inserted)
            is_long, effort = True, 0
            continue
        if length <= leaf_bits and length < left:
            last = max(min(start, num_bits - leaf_bits + 1), num_marked)
            _mark(words, is_seen, leaf_bits, num_marked, last)
            num_marked = last
            leaf = int(np.int64(_window(words, start) >> np.uint64(64 - leaf_bits)))
            length = max(length, min(_longest_seen(is_seen, leaf, leaf_bits), left))
            length = max(length, _longest_from(words, num_marked, start, left))
        num_phrases += 1
        is_open = length == left
        start = min(start + length + 1, num_bits)
    return num_phrases, is_open


@njit(cache=True)
def count_phrases_in_automaton(bits: np.ndarray) -> tuple[int, bool]:
    """The same as :func:`count_phrases`, in linear time whatever the bits are.

    The suffix automaton of the bits read so far grows with each bit; a phrase ends at the first
    bit that leads out of the automaton of all bits before it.
    """
    num_bits = len(bits)
    # A row is a state: where 0 and 1 lead, the suffix link, the length. One row, one cache line.
    states = np.empty((2 * num_bits + 2, 4), dtype=np.int32)
    states[0, 0], states[0, 1], states[0, _LINK], states[0, _LENGTH] = _NONE, _NONE, _NONE, 0
    num_states, last, match, num_phrases = 1, 0, 0, 0
    for t in range(num_bits):
        bit = bits[t]
        match = states[match, bit]
        if match == _NONE:
            num_phrases += 1
            match = 0
        new = num_states
        num_states += 1
        states[new, 0], states[new, 1] = _NONE, _NONE
        states[new, _LENGTH] = t + 1
        state = last
        while state != _NONE and states[state, bit] == _NONE:
            states[state, bit] = new
            state = states[state, _LINK]
        if state == _NONE:
            states[new, _LINK] = 0
        else:
            target = states[state, bit]
            length = states[state, _LENGTH] + 1
            if states[target, _LENGTH] != length:
                copy = num_states
                num_states += 1
                states[copy, 0], states[copy, 1] = states[target, 0], states[target, 1]
                states[copy, _LINK], states[copy, _LENGTH] = states[target, _LINK], length
                while state != _NONE and states[state, bit] == target:
                    states[state, bit] = copy
                    state = states[state, _LINK]
                states[target, _LINK] = copy
                target = copy
            states[new, _LINK] = target
        last = new
    # A phrase is open when bits have been matched since the last one ended.
    return num_phrases + (match != 0), match != 0
