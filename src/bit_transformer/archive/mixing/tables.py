"""The tables of the predictor: log-odds and back, histories of bits, rates. All integers.

Log-odds ("stretched" probabilities) are natural logarithms × 256 in this package, as the
engine's are. Probabilities have 16 bits unless a name says otherwise.

Invariants: the tables are the same on every machine. Logarithms and exponentials are rounded
from floating point, but no value lies near enough to a half for a library's last digit to
matter (a test measures how near), and ``load_tables`` compares a checksum besides.
"""

import math
import zlib
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bit_transformer.errors import ArchiveError

__all__ = ["Array", "MAX_ODDS", "NUM_STATES", "Tables", "load_tables"]

Array = Any
"""An ndarray whose items are numbers: NumPy's types do not say so of what an index gives."""

MAX_ODDS = 3071
"""Largest log-odds that ``squash`` knows: 12 in natural logarithms, a probability of 6e-6."""

NUM_STATES = 256
_CHECKSUM = 0x606BB831


class Tables(NamedTuple):
    """What every predictor looks up and none changes.

    Shapes: ``stretch`` int32 (4096,) from 12-bit probabilities; ``squash`` int32 (6144,) from
    log-odds + 3072 to 16-bit probabilities, never 0 or 65536; ``next_state`` uint8 (512,) from
    2 × state + bit; ``rates`` int32 (1024,) from the number of times seen to 65536 ÷ (n + 1.5);
    ``char_class`` uint8 (256,) from byte to one of 16 kinds of character.
    """

    stretch: np.ndarray
    squash: np.ndarray
    next_state: np.ndarray
    rates: np.ndarray
    char_class: np.ndarray


@cache
def load_tables() -> Tables:
    """The tables, made once per process.

    Raises:
        ArchiveError: this machine computed other values than every other machine does.
    """
    tables = Tables(
        stretch=np.array([round(256 * _log_odds(p)) for p in range(4096)], dtype=np.int32),
        squash=np.array(
            [max(1, min(65535, round(_probability(d)))) for d in range(-3072, 3072)],
            dtype=np.int32,
        ),
        next_state=make_next_state(),
        rates=np.array([131072 // (2 * n + 3) for n in range(1024)], dtype=np.int32),
        char_class=np.array([_char_class(value) for value in range(256)], dtype=np.uint8),
    )
    checksum = 0
    for table in tables:
        checksum = zlib.crc32(np.ascontiguousarray(table).tobytes(), checksum)
    if checksum != _CHECKSUM:
        raise ArchiveError(
            f"the predictor's tables have the checksum {checksum:#010x} on this machine instead "
            f"of {_CHECKSUM:#010x}; archives made with them would decode nowhere else, so report "
            "the machine's processor and operating system"
        )
    return tables


def _log_odds(p12: int) -> float:
    return math.log((p12 + 0.5) / (4095.5 - p12))


def _probability(odds: int) -> float:
    return 65536 / (1 + math.exp(-odds / 256))


_LIMITS = (41, 40, 12, 7, 5, 4, 3, 3)
"""How often one bit may have been seen, by how often the other was; beyond that it stays."""


def make_next_state() -> np.ndarray:
    """For each history of bits in one context and each next bit, the history after it.

    A history is how many zeros and ones were seen and, where both were, which came last. When a
    bit contradicts a long run of the other, most of that run is forgotten. State 0 is "never
    seen". At most 256 histories are reachable.

    Shapes: uint8 (512,), at 2 × state + bit.
    """
    numbers = {(0, 0, 0): 0}
    order = [(0, 0, 0)]
    table = np.zeros(2 * NUM_STATES, dtype=np.uint8)
    for state in order:
        for bit in (0, 1):
            successor = _successor(state, bit)
            if successor not in numbers:
                numbers[successor] = len(order)
                order.append(successor)
            table[2 * numbers[state] + bit] = numbers[successor]
    return table


def _successor(state: tuple[int, int, int], bit: int) -> tuple[int, int, int]:
    counts = [state[0], state[1]]
    other = counts[1 - bit]
    if other > 2:
        counts[1 - bit] = other = _forget(other)
    limit = _LIMITS[other] if other < len(_LIMITS) else 2
    counts[bit] = max(1, min(counts[bit] + 1, limit))
    return counts[0], counts[1], bit if min(counts) else 0


def _forget(count: int) -> int:
    """What is left of a run of one bit when the other comes."""
    return 2 + (count >= 4) + (count >= 6) + (count >= 9) + (count >= 16)


def _char_class(value: int) -> int:
    """Which of 16 kinds of character a byte is: what tells fields and words apart."""
    character = chr(value)
    if value >= 128:
        return 14 if value < 192 else 15
    if character.isdigit():
        return 1
    if character.islower():
        return 2
    if character.isupper():
        return 3
    kinds = {"\n": 4, " ": 5, "\t": 5, "\r": 4, ",": 6, ";": 6, ":": 7, ".": 7}
    kinds |= {"-": 8, "_": 8, "/": 8, '"': 9, "'": 9, "`": 9, "=": 10, "&": 10}
    kinds |= dict.fromkeys("([{<", 11) | dict.fromkeys(")]}>", 12)
    return kinds.get(character, 0 if value < 32 or value == 127 else 13)
