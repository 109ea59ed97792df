"""Which row of weights each mixer of the first layer uses for a bit.

A mixer has a row for each value of something small: how long the match is, the last character, the
place in the line, how sure the engine is. So its weights are those that were right in such a state.

Invariants: a row lies within its mixer's, whatever the registers hold.
"""

from bit_transformer.archive.mixing.contexts import (
    AGREEMENT,
    AGREEMENTS,
    FIELD,
    FIELD_BYTES,
    LAST4,
    LAST_FORM,
    LINE,
    LONG_LENGTH,
    MATCH_LENGTH,
    POSITION,
    RECORD,
    RUN_BYTES,
    SHAPE,
    hash2,
)
from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.layout import (
    COUNTERPART_SAYS,
    EARLIER_SETS,
    EXPECTED,
    EXPECTED_LONG,
    HAS_ENGINE,
    LONG_ROW,
    MATCH_ROW,
    SET_SIZES,
    VERSION_3_SETS,
)
from bit_transformer.archive.mixing.tables import Array

__all__ = ["select_rows"]


@kernel
def select_rows(
    row: Array,
    s: Array,
    rows: Array,
    char_class: Array,
    node: int,
    bit_index: int,
    known: int,
    odds: int,
) -> None:
    """Choose which row of weights each mixer uses for this bit."""
    length = max(
        row[MATCH_LENGTH] if s[MATCH_ROW] >= 0 else 0, row[LONG_LENGTH] if s[LONG_ROW] >= 0 else 0
    )
    bucket = min((length + 7) // 8, 3) if length < 32 else 4 + (length >= 64)
    expected = max(s[EXPECTED_LONG], s[EXPECTED]) if s[EXPECTED_LONG] < 0 else s[EXPECTED_LONG]
    c1 = row[LAST4] & 0xFF
    c2 = (row[LAST4] >> 8) & 0xFF
    position = row[POSITION] - row[LINE]
    if row[RECORD] > 0:
        position %= row[RECORD]
    strength = 1 + (min(abs(odds), 2047) >> 7) if s[HAS_ENGINE] else 0
    rows[0] = 0
    rows[1] = (bucket * 8 + known) * 8 + bit_index
    rows[2] = c1
    rows[3] = (char_class[c1] * 16 + char_class[c2]) * 8 + bit_index
    rows[4] = expected + 1 if bucket > 0 else 0
    rows[5] = min(position, 127) * 8 + bit_index
    rows[6] = (c2 << 3) | bit_index
    rows[7] = strength * 8 + bit_index
    rows[8] = node
    rows[9] = row[SHAPE] & 0xFFF
    rows[10] = (((row[LAST4] >> 16) & 0xFF) << 3) | bit_index
    rows[11] = (min(row[FIELD], 127) << 3) | bit_index
    if rows.shape[0] > EARLIER_SETS:
        _select_by_form(row, s[COUNTERPART_SAYS], rows, bit_index)
    if rows.shape[0] > VERSION_3_SETS:
        _select_by_place(row, rows, node, bit_index)
    first = 0
    for k in range(rows.shape[0]):
        rows[k] = min(max(rows[k], 0), SET_SIZES[k] - 1) + first
        first += SET_SIZES[k]


@kernel
def _select_by_form(row: Array, counterpart: int, rows: Array, bit_index: int) -> None:
    """Choose for the mixers that version 1 had not: by counterpart, and by runs of characters."""
    agreement = row[AGREEMENT] & 3
    field_bytes = min(row[FIELD_BYTES], 7)
    rows[12] = (((agreement << 3 | row[AGREEMENTS]) << 3 | field_bytes) << 3) | bit_index
    rows[13] = 0
    if counterpart > 0:
        rows[13] = (counterpart + 256 * (agreement == 1)) * 4 + (bit_index >> 1)
    rows[14] = ((min(row[RUN_BYTES], 31) << 4 | (row[SHAPE] & 15)) << 3) | bit_index


@kernel
def _select_by_place(row: Array, rows: Array, node: int, bit_index: int) -> None:
    """Choose for the mixers that version 3 had not: by digits or last kind, and by last form."""
    kind = row[SHAPE] & 15
    digits_or_kind = min(row[RUN_BYTES], 15) if kind == 1 else 16 + kind
    place = hash2(row[LAST_FORM], min(row[FIELD_BYTES], 3)) & 511
    rows[15] = (digits_or_kind << 8) | node
    rows[16] = (place << 3) | bit_index
