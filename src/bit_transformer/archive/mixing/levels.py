"""What each level spends: which contexts, how much memory, how many lanes.

Invariants: nothing here depends on the machine; a change of any number changes payloads and
raises ``MIXING_VERSION``.
"""

from dataclasses import dataclass

from bit_transformer.archive.mixing.interface import MAX_LANES, Level

__all__ = ["LevelSettings", "default_lanes", "level_settings"]


@dataclass(frozen=True)
class LevelSettings:
    """One level.

    Args:
        contexts: numbers of the contexts that ``contexts.hash_contexts`` fills in.
        max_log_buckets: the table has at most 2 to this many buckets of 64 bytes.
        first_weight: a mixer's weight before it learned, 65536 for 1.
    """

    contexts: tuple[int, ...]
    max_log_buckets: int
    first_weight: int = 65536 // 5

    def log_buckets(self, num_bytes: int) -> int:
        """Base-2 logarithm of the number of buckets for so many bytes."""
        wanted = max(num_bytes, 1) * len(self.contexts) * 2
        return min(max(10, (wanted - 1).bit_length()), self.max_log_buckets)


_FAST = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 18, 21, 24, 27)
_LEVELS = {
    Level.FAST: LevelSettings(_FAST, 20),
    Level.DEFAULT: LevelSettings(tuple(range(34)), 21),
    Level.BEST: LevelSettings(tuple(range(34)), 22),
}


def level_settings(level: Level) -> LevelSettings:
    """What this level spends."""
    return _LEVELS[level]


def default_lanes(num_bytes: int, *, has_engine: bool) -> int:
    """Into how many lanes a block of this size is cut when nobody says."""
    if not has_engine:
        return 1
    return max(1, min(MAX_LANES // 2, num_bytes // 8192))
