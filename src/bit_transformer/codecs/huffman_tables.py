"""Huffman tables that both sides know, so that a frame need not carry one.

A short message is smaller without a table, and a model that reads compressed bits learns a map
that is always the same more easily than one that changes with every frame. In each table every
byte has a word. They were made by ``benchmarks/shared_tables.py``. Frames name them by number:
tables may be added, and never change.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["SHARED_TABLES", "SharedTable"]


class SharedTable(NamedTuple):
    """A number from 1 to 15, and the length of each byte's word as a hexadecimal digit."""

    number: int
    digits: str

    def lengths(self) -> np.ndarray:
        """Shape (256,), ``uint8``."""
        return np.array([int(digit, 16) for digit in self.digits], dtype=np.uint8)


SHARED_TABLES = {
    "english": SharedTable(
        1,
        "ffffffffff6fffffffffffffffffffff3d8cede8778b776b999abbbbbb8bc98d"
        "d9b9a9abb9ddaa9a9e998bcbcddacae7a475536754a856456a54468787adbddf"
        "cfffffffffffffffffffeffffdffeeffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffffffffffffffcfffffffffffffffffffffffffffff",
    ),
    "python": SharedTable(
        2,
        "ffffffffff5fffffffffffffffffffff2c78dbd666aa686a7889aaaaaa7cb79c"
        "b8a9979aa8db89899c887ababbc999d6c576646775a856556954568877abcbef"
        "efffffffffffffffffffeffffeffffffffffffffffffffffffffffffffffffff"
        "fffeffffffffffffefffffffffffffffffefffffffffffffffffffffffffffff",
    ),
    "bytes": SharedTable(
        3,
        "46788889886999999999999999999999398999a777997879889999999989989a"
        "9899989998aa99999a988999999999a7957664777698675679555788889a99aa"
        "9aaa9aaa99aaaaaa9aaaaaaa9aaaaaa99aaaaa9aaaa9aaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaa999a9aa99a9aaaaaaaaaaaaaaaaaaaaa8aaaaaaaaaaaaaa8",
    ),
}
"""By name: ``english`` for prose, ``python`` for programs, ``bytes`` for anything."""
