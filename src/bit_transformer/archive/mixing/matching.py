"""The match model: where the last bytes occurred before, and what came next there.

Two pointers run per lane, one found by few bytes and one by many. A pointer that was wrong is
kept for a while, for a number or a name in a line that is otherwise repeated, and is replaced as
soon as a longer repetition is found. A third does not run: it is where the last four bytes were
last, looked up anew after every byte.

Invariants: a byte is only read where both sides know it already: before the primer's end, or
before the position that the lane it belongs to has reached.
"""

from bit_transformer.archive.mixing.contexts import (
    BEGIN,
    LAST4,
    LAST8,
    POSITION,
    RECENT,
    hash2,
)
from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.tables import Array

__all__ = ["MAX_MATCH", "expected_byte", "follow_match", "follow_recent", "is_known", "recent_byte"]

MAX_MATCH = 400
_MAX_MISSES = 8
_RECENT_LENGTH = 4


@kernel
def is_known(position: int, registers: Array, primer_bytes: int, lane_bytes: int) -> bool:
    """Whether both sides know the byte of the history at this position."""
    if position < 0:
        return False
    if position < primer_bytes:
        return True
    lane = (position - primer_bytes) // lane_bytes
    return lane < registers.shape[0] and position < registers[lane, POSITION]


@kernel
def follow_match(
    registers: Array,
    lane: int,
    model: int,
    min_length: int,
    history: Array,
    positions: Array,
    primer_bytes: int,
    lane_bytes: int,
) -> None:
    """After a byte came: lengthen the match or count its miss, and look for a better one.

    Args:
        model: the register in which the match's pointer stands; length and misses follow it.
    """
    row = registers[lane]
    position = row[POSITION]
    pointer, length, misses = row[model], row[model + 1], row[model + 2]
    if pointer > 0:
        if is_known(pointer, registers, primer_bytes, lane_bytes) and (
            history[pointer] == history[position - 1]
        ):
            length = min(length + 1, MAX_MATCH)
            misses = (misses << 1) & 0xFF
        else:
            length = 0
            misses = ((misses << 1) | 1) & 0xFF
        pointer += 1
        recent = misses & 15
        if recent == 15 or not is_known(pointer, registers, primer_bytes, lane_bytes):
            pointer = length = misses = 0
    slot = _slot(row, min_length, positions.shape[0])
    if length < min_length and position - row[BEGIN] >= min_length:
        candidate = positions[slot]
        found = _common(registers, lane, candidate, history, primer_bytes, lane_bytes)
        if found >= min_length and found > length:
            pointer, length, misses = candidate, found, 0
    positions[slot] = position
    row[model], row[model + 1], row[model + 2] = pointer, length, misses


@kernel
def _slot(row: Array, min_length: int, num_slots: int) -> int:
    """Where the last ``min_length`` bytes, at most eight, are remembered."""
    if min_length <= 4:
        key = row[LAST4]
    else:
        shift = 8 * (8 - min(min_length, 8))
        key = hash2(row[LAST4], row[LAST8] & (0xFFFFFFFF >> shift))
    return (hash2(key, min_length) >> 4) % num_slots


@kernel
def _common(
    registers: Array,
    lane: int,
    candidate: int,
    history: Array,
    primer_bytes: int,
    lane_bytes: int,
) -> int:
    """How many bytes before the candidate equal those before the lane's position."""
    if candidate <= 0 or not is_known(candidate, registers, primer_bytes, lane_bytes):
        return 0
    position = registers[lane, POSITION]
    most = min(position - registers[lane, BEGIN], candidate, 48)
    length = 0
    while length < most and history[candidate - 1 - length] == history[position - 1 - length]:
        length += 1
    return length


@kernel
def expected_byte(
    registers: Array,
    lane: int,
    model: int,
    history: Array,
    primer_bytes: int,
    lane_bytes: int,
) -> int:
    """The byte that follows at the match, or -1 where there is none."""
    pointer = registers[lane, model]
    if pointer <= 0 or not is_known(pointer, registers, primer_bytes, lane_bytes):
        return -1
    return history[pointer]


@kernel
def follow_recent(row: Array, positions: Array) -> None:
    """After a byte came: look up where the last four bytes were last, and note where they are."""
    slot = _slot(row, _RECENT_LENGTH, positions.shape[0])
    row[RECENT] = positions[slot]
    positions[slot] = row[POSITION]


@kernel
def recent_byte(
    registers: Array, lane: int, history: Array, primer_bytes: int, lane_bytes: int
) -> int:
    """The byte that came when the last four bytes were last there, or -1 if they never were."""
    position = registers[lane, POSITION]
    pointer = registers[lane, RECENT]
    if pointer < _RECENT_LENGTH or position - registers[lane, BEGIN] < _RECENT_LENGTH:
        return -1
    if not is_known(pointer, registers, primer_bytes, lane_bytes):
        return -1
    for back in range(1, _RECENT_LENGTH + 1):
        if history[pointer - back] != history[position - back]:
            return -1
    return history[pointer]
