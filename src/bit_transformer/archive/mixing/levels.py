"""What each level spends: which contexts, how much memory, how many lanes.

Invariants: nothing here depends on the machine; a change of any number changes payloads and
raises ``MIXING_VERSION``.
"""

from dataclasses import dataclass

from bit_transformer.archive.mixing.interface import Level

__all__ = ["LevelSettings", "default_lanes", "level_settings"]


@dataclass(frozen=True)
class LevelSettings:
    """One level.

    Args:
        text_contexts: numbers of the contexts that ``contexts.hash_contexts`` fills in, for text.
        binary_contexts: the same for what is no text.
        max_log_buckets: the table has at most 2 to this many buckets of 64 bytes.
        first_weights: a mixer's weights before it learned, in sum, 65536 for 1.
        pace: how fast things learn; see ``layout``.
    """

    text_contexts: tuple[int, ...]
    binary_contexts: tuple[int, ...]
    max_log_buckets: int
    first_weights: int = 380_000
    pace: tuple[int, ...] = (60, 400, 400, 600, 2000, 100, 6, 3)

    def log_buckets(self, num_bytes: int) -> int:
        """Base-2 logarithm of the number of buckets for so many bytes."""
        wanted = max(num_bytes, 1) * len(self.text_contexts) * 2
        return min(max(10, (wanted - 1).bit_length()), self.max_log_buckets)


_TEXT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 18, 21, 23, 24, 25, 27)
_MORE_TEXT = (10, 12, 14, 15, 17, 20, 26)
_BINARY = (0, 1, 2, 3, 5, 7, 18, 19, 20, 21, 22, 27, 28, 29, 31, 32)
_MORE_BINARY = (4, 6, 23, 30, 33)
_LEVELS = {
    Level.FAST: LevelSettings(_TEXT, _BINARY, 20),
    Level.DEFAULT: LevelSettings(_TEXT + _MORE_TEXT, _BINARY + _MORE_BINARY, 21),
    Level.BEST: LevelSettings(_TEXT + _MORE_TEXT, _BINARY + _MORE_BINARY, 22),
}

_SHORT_LANE = 8192
_LONG_LANE = 16384
_MOST_LANES = 16
"""With 8 lanes decoding is about twice as quick as with one, with 16 a tenth quicker still; each
lane costs some 15 bytes, since the engine begins it without knowing what came before."""


def level_settings(level: Level) -> LevelSettings:
    """What this level spends."""
    return _LEVELS[level]


def default_lanes(num_bytes: int, *, has_engine: bool) -> int:
    """Into how many lanes a block of this size is cut when nobody says."""
    if not has_engine:
        return 1
    return max(1, min(num_bytes // _SHORT_LANE, 8), min(num_bytes // _LONG_LANE, _MOST_LANES))
