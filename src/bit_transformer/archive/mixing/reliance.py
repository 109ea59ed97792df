"""How far to rely on what matches and counterparts say, by where in a line of such a form it is.

Whether a repetition goes on is a matter of place: in one sentence of a log a number is the one that
was named just before, in another it is always new. So for each byte that is expected, and for each
place, a map keeps how often the expected bit was the one that came. A place is the form of the
line so far, or of its last field, with how many digits there have been since.

Beside the matches stands the byte that came when the last four bytes were last there, wherever that
was: unlike a match, it does not hold on to an older repetition.

Invariants: rows of the maps are masked; what was filled in for a bit is what learns from it.
"""

from bit_transformer.archive.mixing.contexts import (
    AGREEMENT,
    LONG_LENGTH,
    MATCH_LENGTH,
    hash2,
)
from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.layout import (
    COUNTERPART_SAYS,
    EXPECTED,
    EXPECTED_LONG,
    FORM_KEY,
    LINE_KEY,
    RECENT_SAYS,
    RELIANCE_MAPS,
    RELIANCE_ROWS,
)
from bit_transformer.archive.mixing.maps import train_entry
from bit_transformer.archive.mixing.model import Model
from bit_transformer.archive.mixing.tables import Array

__all__ = ["learn_reliance", "reliance_inputs"]

_SHORT, _LONG, _COUNTERPART, _RECENT, _RECENT_IN_LINE = range(5)
_LOG_ROWS = 15
_LIMIT = 255


@kernel
def reliance_inputs(m: Model, row: Array, at: int, node: int, bit_index: int) -> None:
    """Fill in the five inputs from ``at`` on."""
    s = m.scratch
    short_place = hash2(s[FORM_KEY], min((row[MATCH_LENGTH] + 3) // 4, 3))
    long_place = hash2(s[FORM_KEY], min((row[LONG_LENGTH] + 3) // 4, 3))
    in_line = hash2(s[LINE_KEY], row[AGREEMENT])
    recent = s[RECENT_SAYS]
    _input(m, at, _SHORT, s[EXPECTED], short_place, node, bit_index)
    _input(m, at, _LONG, s[EXPECTED_LONG], long_place, node, bit_index)
    _input(m, at, _COUNTERPART, s[COUNTERPART_SAYS], in_line, node, bit_index)
    _input(m, at, _RECENT, recent, s[FORM_KEY], node, bit_index)
    _input(m, at, _RECENT_IN_LINE, recent, s[LINE_KEY], node, bit_index)


@kernel
def learn_reliance(m: Model, bit_index: int, bit: int) -> None:
    """Remember for each of them whether it was right."""
    s = m.scratch
    _learn(m, _SHORT, s[EXPECTED], bit_index, bit)
    _learn(m, _LONG, s[EXPECTED_LONG], bit_index, bit)
    _learn(m, _COUNTERPART, s[COUNTERPART_SAYS], bit_index, bit)
    _learn(m, _RECENT, s[RECENT_SAYS], bit_index, bit)
    _learn(m, _RECENT_IN_LINE, s[RECENT_SAYS], bit_index, bit)


@kernel
def _input(m: Model, at: int, which: int, says: int, place: int, node: int, bit_index: int) -> None:
    """Fill in one input, and note the row of its map, or -1 where it is silent."""
    m.inputs[at + which] = 0
    m.scratch[RELIANCE_ROWS + which] = -1
    if says < 0 or (says | 256) >> (8 - bit_index) != node:
        return
    row = ((which << _LOG_ROWS) | ((place << 3) & ((1 << _LOG_ROWS) - 1))) | bit_index
    m.scratch[RELIANCE_ROWS + which] = RELIANCE_MAPS + row
    odds = m.stretch[m.maps[RELIANCE_MAPS + row] >> 20]
    m.inputs[at + which] = odds if (says >> (7 - bit_index)) & 1 else -odds


@kernel
def _learn(m: Model, which: int, says: int, bit_index: int, bit: int) -> None:
    row = m.scratch[RELIANCE_ROWS + which]
    if row >= 0:
        is_right = 1 if (says >> (7 - bit_index)) & 1 == bit else 0
        train_entry(m.maps, row, is_right, m.rates, _LIMIT)
