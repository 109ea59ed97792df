"""Lines of one form: what stood in an earlier one where the next byte will stand.

The lines of a log, the entries of a list and the rows of a table are written by the same few
sentences of a program, with other numbers and names in them. With every number taken for the same,
the *form* of the line so far, or of its last two fields, leads to where such a form stood last.
From there on a pointer to the *counterpart* goes along, field by field, whatever the lengths of
the fields are: to a time that will be a little later, to a name that is likely the same.

Beside it stands how long the last run of letters or of digits is, which tells a number's end.

Invariants: a register holds what the lane's own bytes and earlier bytes of the history say; a
counterpart lies before the lane's position; the work for a byte is bounded.
"""

from bit_transformer.archive.mixing.contexts import (
    ABOVE,
    AGREEMENT,
    AGREEMENTS,
    COUNTERPART,
    FIELD,
    FIELD_BYTES,
    FIELD_FORM,
    FIELD_HASH,
    FIRST,
    FIRST_FORM_CONTEXT,
    LAST4,
    LAST_FORM,
    LAST_KIND,
    LINE_FORM,
    NUM_CONTEXTS,
    POSITION,
    RUN_BYTES,
    SHAPE,
    hash2,
)
from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.tables import Array

__all__ = ["counterpart_byte", "follow_form", "hash_form_contexts", "place_key"]

_SAME, _LARGER, _SMALLER = 1, 2, 3
"""How the field so far compares with its counterpart, by the first byte in which they differ."""

_MAX_AGREEMENTS = 7
_MAX_SKIPPED = 32
_MAX_RUN = 63
_MAX_DIGITS = 7


@kernel
def _ends_field(kind: int) -> bool:
    """Whether this kind of character stands between fields, as in ``contexts``."""
    return kind >= 4 and kind <= 13 and kind != 8


@kernel
def follow_form(
    registers: Array, history: Array, value: int, places: Array, char_class: Array
) -> None:
    """After a byte came, and ``contexts.follow_byte`` took it in: move the counterpart along.

    Args:
        places: where forms ended lately, by hash.
    """
    kind = char_class[value]
    registers[RUN_BYTES] = registers[RUN_BYTES] + 1 if kind == registers[LAST_KIND] else 1
    registers[LAST_KIND] = kind
    if _ends_field(kind):
        _find_counterpart(registers, history, value, places, char_class)
        registers[FIELD_FORM] = 0
        registers[FIELD_BYTES] = 0
        return
    at = registers[COUNTERPART]
    if at < registers[POSITION] - 1:
        if history[at] != value:
            registers[AGREEMENT] = _LARGER if history[at] < value else _SMALLER
        if not _ends_field(char_class[history[at]]):
            registers[COUNTERPART] = at + 1
    registers[FIELD_BYTES] += 1
    if kind != 1:
        registers[FIELD_FORM] = hash2(registers[FIELD_FORM], value)


@kernel
def _find_counterpart(
    registers: Array, history: Array, value: int, places: Array, char_class: Array
) -> None:
    """At a field's end, go to where the last line, or last two fields, of its form ended."""
    position = registers[POSITION]
    form = hash2(registers[FIELD_FORM], value)
    line_form = 0 if value == 10 else hash2(registers[LINE_FORM], form)
    by_fields = hash2(form, registers[LAST_FORM]) % places.shape[0]
    by_line = hash2(line_form, 77) % places.shape[0]
    found = places[by_line]
    if not (found > 0 and found < position and history[found - 1] == value):
        found = places[by_fields]
    if found > 0 and found < position and history[found - 1] == value:
        registers[COUNTERPART] = found
    elif value == 10:
        registers[COUNTERPART] = registers[ABOVE]
    else:
        registers[COUNTERPART] = _next_field(registers, history, char_class)
    places[by_fields] = position
    places[by_line] = position
    is_same = registers[AGREEMENT] == _SAME
    registers[AGREEMENTS] = min(registers[AGREEMENTS] + 1, _MAX_AGREEMENTS) if is_same else 0
    registers[AGREEMENT] = _SAME
    registers[LAST_FORM] = form
    registers[LINE_FORM] = line_form


@kernel
def _next_field(registers: Array, history: Array, char_class: Array) -> int:
    """Where the counterpart's next field begins, if that is near."""
    at = registers[COUNTERPART]
    end = min(registers[POSITION] - 1, at + _MAX_SKIPPED)
    while at < end:
        at += 1
        if _ends_field(char_class[history[at - 1]]):
            break
    return at


@kernel
def counterpart_byte(registers: Array, history: Array) -> int:
    """The byte that stands where the next one will, 0 for none."""
    at = registers[COUNTERPART]
    return history[at] if at < registers[POSITION] else 0


@kernel
def place_key(registers: Array, form: int) -> int:
    """Where the next byte stands: after this form, in the field so far, after so many digits."""
    digits = min(registers[RUN_BYTES], _MAX_DIGITS) if registers[SHAPE] & 15 == 1 else 0
    return hash2(hash2(form, registers[FIELD_FORM]), digits)


@kernel
def hash_form_contexts(
    registers: Array, history: Array, line_key: int, recent: int, hashes: Array
) -> None:
    """Fill in the hashes of the contexts from ``FIRST_FORM_CONTEXT`` on.

    Args:
        line_key: the place in a line of this form.
        recent: the byte that came when the last four bytes were last there, or -1.
    """
    c1 = registers[LAST4] & 0xFF
    at = registers[COUNTERPART]
    after = history[at + 1] if at + 1 < registers[POSITION] else 0
    seen = (counterpart_byte(registers, history) << 2) | registers[AGREEMENT]
    run = min(registers[RUN_BYTES], _MAX_RUN)
    hashes[34] = hash2(seen, (after << 8) | c1)
    hashes[35] = hash2(seen, registers[FIELD])
    hashes[36] = hash2(seen, registers[FIELD_HASH])
    hashes[37] = hash2(seen, hash2(registers[FIRST], registers[FIELD]))
    hashes[38] = hash2(seen, (after << 3) | registers[AGREEMENTS])
    hashes[39] = hash2(registers[LAST_FORM], registers[FIELD_HASH])
    hashes[40] = hash2(registers[SHAPE] & 0xFFF, run)
    hashes[41] = hash2(registers[SHAPE] & 0xFFFFF, run)
    hashes[42] = hash2(hash2(registers[LINE_FORM], registers[FIELD_FORM]), run)
    hashes[43] = hash2(line_key, recent + 1)
    hashes[44] = hash2(registers[LINE_FORM], registers[FIELD_HASH])
    hashes[45] = hash2(line_key, seen)
    for i in range(FIRST_FORM_CONTEXT, NUM_CONTEXTS):
        hashes[i] = hash2(hashes[i], i + 1)
