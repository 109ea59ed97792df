"""What may not be in the corpus: benchmark data, things that are not text, and duplicates.

Both searches read the same numbers, hashes of all windows of 32 bytes. A document that shares a
run of 64 bytes with benchmark data holds a whole aligned block of 32 bytes of it, so those blocks
alone are looked up; what is found is then compared byte by byte. Runs of few distinct bytes (rules
of dashes, empty table cells) are nobody's content and do not count.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHINGLE", "Overlap", "Seen", "is_text", "window_hashes"]

WINDOW = 32
SHINGLE = 64
LEAST_DISTINCT = 10
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
FINISHER = np.uint64(0xD6E8FEB86659FD93)
FILTER_BITS = 22
SAMPLE = np.uint64(63)  # one window in 64, chosen by what it holds, stands for its neighbours
MOST_OCCURRENCES = 64

Hashes = NDArray[np.uint64]


def window_hashes(data: bytes, width: int = WINDOW) -> Hashes:
    """One number for each window of 32 bytes, or of another power of two.

    Shapes: uint64 (len(data) - width + 1,), empty where the data is shorter than a window.
    """
    if len(data) < width:
        return np.zeros(0, np.uint64)
    hashes = np.frombuffer(data, np.uint8).astype(np.uint64) + np.uint64(1)
    factor = MULTIPLIER
    span = 1
    with np.errstate(over="ignore"):
        while span < width:
            hashes = hashes[:-span] * factor + hashes[span:]
            factor = factor * factor
            span *= 2
        hashes ^= hashes >> np.uint64(29)
        hashes *= FINISHER
        hashes ^= hashes >> np.uint64(32)
    return hashes


class Overlap:
    """Finds what a document has in common with data that it may not hold."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self.data = b"\0".join(texts)
        starts = np.arange(0, max(0, len(self.data) - WINDOW + 1), WINDOW)
        hashes = window_hashes(self.data)[starts] if len(starts) else np.zeros(0, np.uint64)
        order = np.argsort(hashes, kind="stable")
        self.hashes, self.starts = hashes[order], starts[order]
        self.filter = np.zeros(1 << FILTER_BITS, bool)
        self.filter[hashes >> np.uint64(64 - FILTER_BITS)] = True

    @classmethod
    def with_files(cls, folders: Iterable[Path]) -> "Overlap":
        """The check against every file below these folders."""
        paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
        return cls(path.read_bytes() for path in paths if path.is_file())

    def find(self, document: bytes, hashes: Hashes) -> bytes | None:
        """The first run of 64 bytes or more in both, or None."""
        places = np.flatnonzero(self.filter[hashes >> np.uint64(64 - FILTER_BITS)])
        if not len(places) or not len(self.hashes):
            return None
        left = np.searchsorted(self.hashes, hashes[places], "left")
        right = np.searchsorted(self.hashes, hashes[places], "right")
        for place, first, last in zip(places, left, right, strict=True):
            for start in self.starts[first : min(last, first + MOST_OCCURRENCES)]:
                run = self._run(document, int(place), int(start))
                if len(run) >= SHINGLE and len(set(run)) >= LEAST_DISTINCT:
                    return run
        return None

    def _run(self, document: bytes, place: int, start: int) -> bytes:
        before = min(SHINGLE, place, start)
        ours, theirs = document[place - before : place], self.data[start - before : start]
        back = 0
        while back < before and ours[-1 - back] == theirs[-1 - back]:
            back += 1
        ahead = 0
        limit = min(2 * SHINGLE, len(document) - place, len(self.data) - start)
        while ahead < limit and document[place + ahead] == self.data[start + ahead]:
            ahead += 1
        return document[place - back : place + ahead]


class Seen:
    """Tells whether most of a document has been in documents kept before it."""

    def __init__(self, most_seen: float = 0.5) -> None:
        self.most_seen = most_seen
        self.samples: set[int] = set()

    def add(self, hashes: Hashes) -> bool:
        """Whether the document is new, in which case it is remembered."""
        samples = set(hashes[(hashes & SAMPLE) == 0].tolist())
        if len(samples) < 2:  # too short to tell by samples: all its windows, then
            samples = set(hashes[::16].tolist())
        if samples and len(samples & self.samples) > self.most_seen * len(samples):
            return False
        self.samples |= samples
        return True


def is_text(data: bytes, *, is_structured: bool = False) -> bool:
    """Whether these bytes are text that somebody reads, and not code tables or packed scripts.

    Args:
        is_structured: lines may have any length.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    num_control = sum(data.count(bytes((value,))) for value in (0, 1, 2, 3, 4, 5, 6, 7, 127))
    if num_control:
        return False
    num_lines = data.count(b"\n") + 1
    if not is_structured and len(data) / num_lines > 1500:
        return False
    longest_word = max(map(len, data.split()), default=0)
    return is_structured or longest_word < 2000
