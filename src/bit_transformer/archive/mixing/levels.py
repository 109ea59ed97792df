"""What each level spends: which contexts, how much memory, how many lanes.

Invariants: nothing here depends on the machine; a change of any number changes payloads and
raises ``MIXING_VERSION``.
"""

from dataclasses import dataclass, replace

from bit_transformer.archive.mixing.interface import MIXING_VERSION, Level
from bit_transformer.archive.mixing.layout import (
    EARLIER_INPUTS,
    EARLIER_POINTS,
    EARLIER_SETS,
    OTHER_INPUTS,
    POINT_ROWS,
    SET_SIZES,
    VERSION_3_INPUTS,
    VERSION_3_POINTS,
    VERSION_3_SETS,
)

__all__ = ["LevelSettings", "default_lanes", "level_settings"]

_ANY_USES = (1 << 31) - 1
"""More often than anything is used."""


@dataclass(frozen=True)
class LevelSettings:
    """One level.

    Args:
        text_contexts: numbers of the contexts that ``contexts`` and ``forms`` hash, for text.
        binary_contexts: the same for what is no text.
        max_log_buckets: the table has at most 2 to this many buckets of 64 bytes.
        num_sets: how many mixers there are in the first layer.
        num_others: how many of their inputs come from no context.
        num_points: how many refinements follow the mixers.
        num_pieces: how many pieces of the primer are read with the engine.
        first_weights: a mixer's weights before it learned, in sum, 65536 for 1.
        may_forget: whether a payload may be coded with what the mixers learned from the primer
            alone.
        lanes: from how many bytes on a block for an engine is cut into how many lanes.
        primed_row_uses: as how often used a row of weights counts, at most, after the primer.
        primed_map_uses: the same for an entry of a map.
        pace: how fast things learn; see ``layout``.
    """

    text_contexts: tuple[int, ...]
    binary_contexts: tuple[int, ...]
    max_log_buckets: int
    num_sets: int = len(SET_SIZES)
    num_others: int = OTHER_INPUTS
    num_points: int = len(POINT_ROWS)
    num_pieces: int = 32
    first_weights: int = 380_000
    may_forget: bool = True
    lanes: tuple[tuple[int, int], ...] = ((0, 1),)
    primed_row_uses: int = 120
    primed_map_uses: int = 60
    pace: tuple[int, ...] = (250, 400, 100, 0, 1, 150, 0, 3, 1000, 300)

    def log_buckets(self, num_bytes: int) -> int:
        """Base-2 logarithm of the number of buckets for so many bytes."""
        wanted = max(num_bytes, 1) * len(self.text_contexts) * 2
        return min(max(10, (wanted - 1).bit_length()), self.max_log_buckets)


_TEXT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 18, 21, 23, 24, 25, 27)
_MORE_TEXT = (10, 14, 17, 26)
_MOST_TEXT = (0, 12, 15, 16, 19, 20, 22)
_FORMS = (37, 38, 40, 42)
_MORE_FORMS = (36, 41, 43, 44, 45)
_BINARY = (0, 1, 2, 3, 5, 7, 18, 19, 20, 21, 22, 27, 28, 29, 31, 32)
_MORE_BINARY = (4, 6, 23, 30, 33)
_DEFAULT_TEXT = _TEXT + _MORE_TEXT + _FORMS + _MORE_FORMS
_LEVELS = {
    Level.FAST: LevelSettings(_TEXT + _FORMS, _BINARY, 20),
    Level.DEFAULT: LevelSettings(_DEFAULT_TEXT, _BINARY + _MORE_BINARY, 21),
    Level.BEST: LevelSettings(_DEFAULT_TEXT + _MOST_TEXT, _BINARY + _MORE_BINARY, 22),
}

_LANES_3 = {
    Level.FAST: ((0, 1),),
    Level.DEFAULT: ((0, 1), (24 << 10, 2), (256 << 10, 4), (1 << 20, 8)),
    Level.BEST: ((0, 1), (512 << 10, 2)),
}
"""With two lanes the engine decodes 1.2 times as quickly as with one, with eight 1.4 times. But
what learns from the block then learns from distant places in turn: on 50 to 290 KB, two to four
lanes cost 0.5 to 3 %. Up to version 3 they were worth it, when calling the engine took half the
time."""

_PACE_3 = (250, 400, 400, 600, 2000, 100, 0, 3, 0, 1)
_MORE_FORMS_3 = (34, 35, 36, 39, 41)
_DEFAULT_TEXT_3 = _TEXT + _MORE_TEXT + _FORMS + _MORE_FORMS_3
_TEXTS_3 = {
    Level.FAST: _TEXT + _FORMS,
    Level.DEFAULT: _DEFAULT_TEXT_3,
    Level.BEST: _DEFAULT_TEXT_3 + _MOST_TEXT,
}
_LEVELS_3 = {
    level: replace(
        settings,
        text_contexts=_TEXTS_3[level],
        num_sets=VERSION_3_SETS,
        num_others=VERSION_3_INPUTS,
        num_points=VERSION_3_POINTS,
        primed_row_uses=_ANY_USES,
        primed_map_uses=_ANY_USES,
        may_forget=False,
        lanes=_LANES_3[level],
        pace=_PACE_3,
    )
    for level, settings in _LEVELS.items()
}
"""Version 3 did not know how far to rely on what is expected, and its weights never settled."""

_EARLIER_PACE = (60, 400, 400, 600, 2000, 100, 6, 3, 0, 1)


def _as_earlier(settings: LevelSettings) -> LevelSettings:
    """The level as version 2 had it."""
    return replace(
        settings,
        num_others=EARLIER_INPUTS,
        num_points=EARLIER_POINTS,
        num_pieces=16,
        pace=_EARLIER_PACE,
    )


_LEVELS_2 = {level: _as_earlier(settings) for level, settings in _LEVELS_3.items()}

_TEXT_1 = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 18, 21, 23, 24, 25, 27)
_DEFAULT_TEXT_1 = (*_TEXT_1, 10, 12, 14, 15, 17, 20, 26)
_BEST_TEXT_1 = (*_DEFAULT_TEXT_1, 0, 19, 22)
_TEXTS_1 = {Level.FAST: _TEXT_1, Level.DEFAULT: _DEFAULT_TEXT_1, Level.BEST: _BEST_TEXT_1}
_LEVELS_1 = {
    level: replace(settings, text_contexts=_TEXTS_1[level], num_sets=EARLIER_SETS)
    for level, settings in _LEVELS_2.items()
}
"""Version 1 had no forms of lines, either."""

_VERSIONS = {1: _LEVELS_1, 2: _LEVELS_2, 3: _LEVELS_3, 4: _LEVELS}


def level_settings(level: Level, version: int = MIXING_VERSION) -> LevelSettings:
    """What this level spends in this version of the coder."""
    return _VERSIONS[version][level]


def default_lanes(settings: LevelSettings, num_bytes: int, *, has_engine: bool) -> int:
    """Into how many lanes a block of this size is cut when nobody says."""
    if not has_engine:
        return 1
    return max(lanes for least_bytes, lanes in settings.lanes if num_bytes >= least_bytes)
