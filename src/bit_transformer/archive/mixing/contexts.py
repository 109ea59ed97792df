"""What a lane remembers of its bytes, and the contexts under which the next byte is looked up.

A lane's registers are int64 numbers: the last eight bytes, hashes of words, where the line and
the one above begin, what fields and brackets are open. ``follow_byte`` takes a byte in;
``hash_contexts`` gives one 32-bit hash per context, all of them, whether the level uses it or
not. ``predictor`` looks the hashes up; this module never sees a bit.

Invariants: registers depend on the lane's own bytes and on bytes of the history that are known
to both sides; positions read lie inside the history.
"""

from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.tables import Array

__all__ = [
    "FIRST_FORM_CONTEXT",
    "NUM_CONTEXTS",
    "NUM_REGISTERS",
    "follow_byte",
    "hash_contexts",
]

# fmt: off
(
    LAST4, LAST8, POSITION, BEGIN, END, WORD, WORD1, WORD2, WORD3, GAP,
    LINE, ABOVE, FIRST, FIELD, FIELD_HASH, SHAPE, DEPTH, TAG, NUMBER,
    MATCH, MATCH_LENGTH, MATCH_MISSES, LONG, LONG_LENGTH, LONG_MISSES, RECORD,
    LINE_HASH,
    COUNTERPART, AGREEMENT, AGREEMENTS, FIELD_FORM, LAST_FORM, LINE_FORM, FIELD_BYTES,
    RUN_BYTES, LAST_KIND, RECENT,
) = range(37)
# fmt: on
STACK = 37
STACK_DEPTH = 16
NUM_REGISTERS = STACK + STACK_DEPTH
NUM_CONTEXTS = 46
FIRST_FORM_CONTEXT = 34
"""From here on they are those of ``forms``."""

_MASK = 0xFFFFFFFF


@kernel
def hash2(a: int, b: int) -> int:
    """32 well-mixed bits of two numbers below 2^32."""
    mixed = (a * 0x2C1B3C6D + b * 0x297A2D39 + 0x1B56C4E9) & 0x7FFFFFFFFFFFFFFF
    mixed ^= mixed >> 29
    mixed = ((mixed & _MASK) * 0x3D4D51CB) & 0x7FFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 17)) & _MASK


@kernel
def follow_byte(registers: Array, value: int, indirect: Array, char_class: Array) -> None:
    """Take in the byte that came."""
    last4 = registers[LAST4]
    indirect_row = last4 & 0xFF
    indirect[indirect_row] = ((indirect[indirect_row] << 8) | value) & 0xFFFFFF
    second_row = 256 + (hash2(last4 & 0xFFFF, 3) & 0x7FFF)
    indirect[second_row] = ((indirect[second_row] << 8) | value) & 0xFFFF
    registers[LAST8] = ((registers[LAST8] << 8) | (last4 >> 24)) & _MASK
    registers[LAST4] = ((last4 << 8) | value) & _MASK
    registers[POSITION] += 1
    kind = char_class[value]
    shape = registers[SHAPE]
    if (kind != 1 and kind != 2 and kind != 3) or kind != (shape & 15):
        shape = ((shape << 4) | kind) & 0xFFFFFFFFFF
    registers[SHAPE] = shape
    _follow_words(registers, value, kind)
    _follow_lines(registers, value, kind)
    _follow_brackets(registers, value)


@kernel
def _follow_words(registers: Array, value: int, kind: int) -> None:
    """Letters, digits by number, and bytes of UTF-8 make words; case does not matter."""
    if kind == 2 or kind == 3 or kind >= 14:
        folded = value + 32 if kind == 3 else value
        registers[WORD] = hash2(registers[WORD], folded)
        registers[GAP] = 0
    else:
        if registers[WORD]:
            registers[WORD3] = registers[WORD2]
            registers[WORD2] = registers[WORD1]
            registers[WORD1] = registers[WORD]
            registers[WORD] = 0
        registers[GAP] = hash2(registers[GAP], value)
    registers[NUMBER] = hash2(registers[NUMBER], value) if kind == 1 else 0


@kernel
def _follow_lines(registers: Array, value: int, kind: int) -> None:
    """Lines, the fields within them, and the first word of each."""
    if value == 10:
        registers[ABOVE] = registers[LINE]
        registers[LINE] = registers[POSITION]
        registers[FIELD] = 0
        registers[FIELD_HASH] = 0
        registers[FIRST] = 0
        registers[LINE_HASH] = 0
        return
    registers[LINE_HASH] = hash2(registers[LINE_HASH], value)
    if kind >= 4 and kind <= 13 and kind != 8:
        if registers[FIRST] == 0 and registers[WORD1]:
            registers[FIRST] = registers[WORD1]
        registers[FIELD] = min(registers[FIELD] + 1, 255)
        registers[FIELD_HASH] = 0
    else:
        registers[FIELD_HASH] = hash2(registers[FIELD_HASH], value)


@kernel
def _follow_brackets(registers: Array, value: int) -> None:
    """A stack of what is open: brackets, and the names of tags."""
    depth = registers[DEPTH]
    if value == 40 or value == 91 or value == 123 or value == 60:
        if depth < STACK_DEPTH - 1:
            registers[STACK + depth] = registers[TAG]
            registers[DEPTH] = depth + 1
        registers[TAG] = hash2(value, registers[WORD1])
    elif (value == 41 or value == 93 or value == 125 or value == 62) and depth > 0:
        registers[DEPTH] = depth - 1
        registers[TAG] = registers[STACK + depth - 1]


@kernel
def hash_contexts(
    registers: Array,
    history: Array,
    indirect: Array,
    expected: int,
    hashes: Array,
) -> None:
    """Fill in one hash per context for the byte to come, but for those of ``forms``.

    Args:
        expected: the byte that the match model expects with its length, 0 for none.
    """
    last4 = registers[LAST4]
    last8 = registers[LAST8]
    c1, c2 = last4 & 0xFF, (last4 >> 8) & 0xFF
    order5 = hash2(last4, last8 & 0xFF)
    order6 = hash2(last4, last8 & 0xFFFF)
    hashes[0] = c1
    hashes[1] = last4 & 0xFFFF
    hashes[2] = last4 & 0xFFFFFF
    hashes[3] = last4
    hashes[4] = order5
    hashes[5] = order6
    hashes[6] = hash2(last4, last8)
    _hash_words(registers, c1, hashes)
    _hash_lines(registers, history, c1, hashes)
    hashes[18] = last4 & 0xFFFF00
    hashes[19] = last4 & 0xFF00FF
    hashes[20] = last4 & 0xFFFF0000
    hashes[21] = (c1 << 24) | indirect[c1]
    hashes[22] = hash2(last4 & 0xFFFF, indirect[256 + (hash2(last4 & 0xFFFF, 3) & 0x7FFF)])
    hashes[23] = registers[SHAPE]
    hashes[24] = hash2(registers[SHAPE] & 0xFFFFFF, c1)
    hashes[25] = hash2(registers[TAG], registers[WORD])
    hashes[26] = hash2(registers[TAG], (c1 << 8) | c2)
    hashes[27] = hash2(expected, c1)
    _hash_records(registers, history, c1, c2, hashes)
    for i in range(FIRST_FORM_CONTEXT):
        hashes[i] = hash2(hashes[i], i + 1)


@kernel
def _hash_words(registers: Array, c1: int, hashes: Array) -> None:
    word = registers[WORD]
    here = word if word else registers[GAP]
    hashes[7] = hash2(word, c1)
    hashes[8] = hash2(here, registers[WORD1])
    hashes[9] = hash2(hash2(here, registers[WORD1]), registers[WORD2])
    hashes[10] = hash2(here, registers[WORD2] + 1)
    hashes[11] = hash2(here, registers[FIRST] + 2)
    hashes[12] = hash2(hash2(registers[NUMBER], registers[WORD1]), c1)


@kernel
def _hash_lines(registers: Array, history: Array, c1: int, hashes: Array) -> None:
    column = registers[POSITION] - registers[LINE]
    at = registers[ABOVE] + column
    above = history[at] if at < registers[LINE] else 0
    next_above = history[at + 1] if at + 1 < registers[LINE] else 0
    hashes[13] = (above << 16) | (next_above << 8) | c1
    hashes[14] = (min(column, 255) << 8) | above | (c1 << 16)
    hashes[15] = hash2(registers[FIELD], registers[FIELD_HASH])
    hashes[16] = hash2(hash2(registers[FIELD], registers[FIELD_HASH]), registers[FIRST])
    hashes[17] = hash2(registers[LINE_HASH], 7)


@kernel
def _hash_records(registers: Array, history: Array, c1: int, c2: int, hashes: Array) -> None:
    length = registers[RECORD]
    position = registers[POSITION]
    begin = registers[BEGIN]
    above = above2 = above_left = 0
    if length > 0:
        if position - length >= begin:
            above = history[position - length]
        if position - length - 1 >= begin:
            above_left = history[position - length - 1]
        if position - 2 * length >= begin:
            above2 = history[position - 2 * length]
    hashes[28] = (above << 8) | c1 | (length << 16)
    hashes[29] = (above << 8) | above2
    hashes[30] = (above + c1 - above_left) & 0xFFFF
    hashes[31] = hash2(length, (position - begin) % length if length > 0 else 0)
    hashes[32] = (above << 16) | (c1 << 8) | c2
    hashes[33] = ((above + c1) >> 3) | (((above - above_left) & 0xFF) << 16)
