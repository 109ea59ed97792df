"""The numbers of the code that :mod:`~bit_transformer.codecs.lz` writes.

They stand apart from the compiled loops so that asking what a frame can hold compiles nothing.
Changing any of them changes the format.
"""

__all__ = [
    "CLASS_STARTS",
    "LENGTH_BITS_OF_LONGEST",
    "LENGTH_ORDER",
    "MAX_LENGTH",
    "MAX_ZEROS",
    "MIN_LENGTH",
]

MIN_LENGTH = 3
"""Bytes of the shortest match."""

LENGTH_ORDER = 1
"""Order of the Exp-Golomb code of lengths: bits of a length in the first group."""

MAX_ZEROS = 15
"""Zeros at most before a length; after so many, no 1 follows."""

MAX_LENGTH = MIN_LENGTH + ((2 << MAX_ZEROS) - 1 << LENGTH_ORDER) - 1
"""Bytes of the longest match."""

LENGTH_BITS_OF_LONGEST = MAX_ZEROS + MAX_ZEROS + LENGTH_ORDER
"""Bits that the longest length takes."""

CLASS_STARTS = (0, 1 << 8, 1 << 12, 1 << 15, 1 << 18)
"""The smallest distance less one of each class, and behind the last class the window in bytes."""
