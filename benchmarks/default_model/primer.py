"""The bytes that adaptive models see before a message: the corpus in a quarter of a megabyte.

A greedy cover, one kind at a time. Every string of 8 bytes is worth the number of documents that
hold it, and documents of one package together count no more than 8, so that no package's
boilerplate wins. The text is cut into segments of 512 bytes at ends of lines; the best segment is
taken, its strings are worth nothing any more, and so on until the kind's share is full. Kinds whose
messages are short (logs, structured data) come last, where a match model finds them first.

Much of what programs write ends its lines with CR and LF, and the corpus has next to none of that:
some segments of those kinds get such ends, so that the first one of a message is no surprise.
"""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.default_model.checks import window_hashes
from benchmarks.default_model.split import Text

__all__ = ["SHARES", "Excerpt", "choose_primer", "cover", "with_crlf"]

SHARES = {
    "languages": 0.04,
    "documentation": 0.13,
    "source": 0.22,
    "markup": 0.11,
    "prose": 0.20,
    "structured": 0.15,
    "logs": 0.15,
}
CRLF_EVERY = {"structured": 6, "logs": 4}
"""Of these kinds, one segment in so many gets other ends of lines."""
CRLF_ROOM = 0.02
"""Share of their bytes that is kept free for them."""
SEGMENT_BYTES = 512
TABLE_BITS = 21
MOST_KIND_BYTES = 6_000_000
MOST_PER_PACKAGE = 8
SPAN = 8
SHORT = 64  # strings: a segment of fewer is not worth more for it


class Excerpt(NamedTuple):
    """A piece of the primer, and the package it is quoted from."""

    package: str
    data: bytes


def choose_primer(texts: Iterable[Text], num_bytes: int) -> list[Excerpt]:
    """At most so many bytes, each kind its share of them."""
    kinds: dict[str, list[Text]] = defaultdict(list)
    for text in texts:
        if text.kind != "languages" or not text.data.isascii():
            kinds[text.kind].append(text)
    chosen = []
    for kind, share in SHARES.items():
        every = CRLF_EVERY.get(kind, 0)
        room = int(share * num_bytes * (1 - CRLF_ROOM if every else 1))
        excerpts = cover(kinds[kind], room)
        chosen += with_crlf(excerpts, every) if every else excerpts
    return chosen


def with_crlf(excerpts: list[Excerpt], every: int) -> list[Excerpt]:
    """The excerpts, lines of every so many-th of them ended by CR and LF."""
    return [
        excerpt._replace(data=re.sub(rb"\r?\n", b"\r\n", excerpt.data))
        if number % every == 0
        else excerpt
        for number, excerpt in enumerate(excerpts)
    ]


def cover(texts: list[Text], num_bytes: int) -> list[Excerpt]:
    """Segments of one kind whose strings occur in the most documents, the best of them last.

    What a segment adds can only fall while others are chosen, so a segment whose value, computed
    anew, is still above all the others' old ones is the best.
    """
    sample, taken = [], 0
    for text in texts:
        if taken < MOST_KIND_BYTES:
            sample.append(text)
            taken += len(text.data)
    worth = _worth(sample)
    segments = [
        Excerpt(text.package, segment) for text in sample for segment in _segments(text.data)
    ]
    slots = [_slots(segment.data) for segment in segments]
    heap = [(-_value(worth, each), index) for index, each in enumerate(slots)]
    heapq.heapify(heap)
    chosen, room = [], num_bytes
    while heap:
        _, index = heapq.heappop(heap)
        if len(segments[index].data) > room:
            continue
        value = _value(worth, slots[index])
        if heap and value < -heap[0][0]:
            heapq.heappush(heap, (-value, index))
            continue
        chosen.append(segments[index])
        room -= len(segments[index].data)
        worth[slots[index]] = 0
    return chosen[::-1]


def _value(worth: NDArray[np.float32], slots: NDArray[np.int64]) -> float:
    """What a segment's strings are worth for each of its bytes, short segments less."""
    return float(worth[slots].sum()) / (SHORT + len(slots))


def _worth(texts: list[Text]) -> NDArray[np.float32]:
    packages: dict[str, list[Text]] = defaultdict(list)
    for text in texts:
        packages[text.package].append(text)
    worth = np.zeros(1 << TABLE_BITS, np.float32)
    for members in packages.values():
        counts = np.zeros(1 << TABLE_BITS, np.float32)
        for text in members:
            counts[_slots(text.data)] += 1
        worth += np.minimum(counts, MOST_PER_PACKAGE)
    return np.where(worth > 1, worth, 0).astype(np.float32)


def _slots(data: bytes) -> NDArray[np.int64]:
    hashes = window_hashes(data, SPAN)
    return np.unique(hashes >> np.uint64(64 - TABLE_BITS)).astype(np.int64)


def _segments(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = min(start + SEGMENT_BYTES, len(data))
        if end < len(data):
            line = data.rfind(b"\n", start + SEGMENT_BYTES // 2, end)
            end = line + 1 if line >= 0 else end
        yield data[start:end]
        start = end
