"""Which documents are held out, in which order the rest is trained on.

Both depend on names and a seed alone. Documents of a kind are held out until they make up the
share; one that is larger than the share never is, so that a novel is not half of it.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Text", "cut", "held_out", "shuffled", "within"]

MOST_PIECE_BYTES = 65_536


class Text(NamedTuple):
    """One document of the corpus."""

    kind: str
    package: str
    name: str
    data: bytes


def _rank(seed: int, *names: str) -> bytes:
    return hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()


def shuffled(texts: Iterable[Text], seed: int) -> list[Text]:
    """The documents in the order of a hash of their names."""
    return sorted(texts, key=lambda text: _rank(seed, text.package, text.name))


def within(texts: Iterable[Text], num_bytes: int, seed: int) -> list[Text]:
    """The documents that fit into so many bytes, in shuffled order: a fair part of each package."""
    kept, room = [], num_bytes
    for text in shuffled(texts, seed + 2):
        if len(text.data) <= room:
            kept.append(text)
            room -= len(text.data)
    return kept


def held_out(texts: list[Text], share: float, seed: int) -> set[tuple[str, str]]:
    """Package and name of the documents of one kind to hold out, at least one if any fits."""
    wanted = share * sum(len(text.data) for text in texts)
    chosen: set[tuple[str, str]] = set()
    num_bytes = 0
    for text in shuffled(texts, seed + 1):
        if num_bytes >= wanted:
            break
        if len(text.data) <= wanted:
            chosen.add((text.package, text.name))
            num_bytes += len(text.data)
    return chosen


def cut(text: Text) -> list[Text]:
    """The document in pieces of at most 64 KB, cut at ends of lines where there are any."""
    pieces = []
    start = 0
    while start < len(text.data):
        end = min(start + MOST_PIECE_BYTES, len(text.data))
        if end < len(text.data):
            line = text.data.rfind(b"\n", start + MOST_PIECE_BYTES // 2, end)
            end = line + 1 if line >= 0 else end
        pieces.append(text._replace(name=f"{text.name}#{start}", data=text.data[start:end]))
        start = end
    return pieces
