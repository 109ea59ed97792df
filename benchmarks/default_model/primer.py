"""The bytes that adaptive models see before a message: the corpus in a quarter of a megabyte.

A greedy cover, one kind at a time. Every string of 8 bytes is worth the number of documents that
hold it, and documents of one package together count no more than 8, so that no package's
boilerplate wins. The text is cut into segments of 1 KB at ends of lines; each part of the text
gives its best segment, whose strings are then worth nothing any more. Kinds whose messages are
short (logs, structured data) come last, where a match model finds them first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.default_model.checks import window_hashes
from benchmarks.default_model.split import Text

__all__ = ["SHARES", "choose_primer", "cover"]

SHARES = {
    "languages": 0.04,
    "documentation": 0.13,
    "source": 0.22,
    "markup": 0.11,
    "prose": 0.20,
    "structured": 0.15,
    "logs": 0.15,
}
SEGMENT_BYTES = 1024
TABLE_BITS = 21
MOST_KIND_BYTES = 6_000_000
MOST_PER_PACKAGE = 8
SPAN = 8


def choose_primer(texts: Iterable[Text], num_bytes: int) -> bytes:
    """At most so many bytes, each kind its share of them."""
    kinds: dict[str, list[Text]] = defaultdict(list)
    for text in texts:
        kinds[text.kind].append(text)
    parts = [
        cover(kinds[kind], int(share * num_bytes)) for kind, share in SHARES.items() if kinds[kind]
    ]
    return b"".join(parts)[:num_bytes]


def cover(texts: list[Text], num_bytes: int) -> bytes:
    """Segments of one kind whose strings occur in the most documents, in the order found."""
    sample, taken = [], 0
    for text in texts:
        if taken < MOST_KIND_BYTES:
            sample.append(text)
            taken += len(text.data)
    worth = _worth(sample)
    segments = [segment for text in sample for segment in _segments(text.data)]
    mean_bytes = sum(map(len, segments)) / max(1, len(segments))
    num_parts = max(1, int(num_bytes / max(1.0, mean_bytes)))
    chosen, size = [], 0
    for part in np.array_split(np.arange(len(segments)), min(num_parts, len(segments))):
        slots = [_slots(segments[index]) for index in part]
        scores = [float(worth[each].sum()) / (32 + len(each)) for each in slots]
        best = int(np.argmax(scores))
        segment = segments[part[best]]
        if size + len(segment) > num_bytes:
            continue
        chosen.append(segment)
        size += len(segment)
        worth[slots[best]] = 0
    return b"".join(chosen)


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
