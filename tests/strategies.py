"""Hypothesis strategies that every room shares."""

import torch
from hypothesis import strategies as st
from torch import Tensor

__all__ = ["bit_lists", "bit_tensors", "byte_strings", "texts"]


def bit_lists(*, min_size: int = 0, max_size: int = 200) -> st.SearchStrategy[list[int]]:
    """Lists of bits: random ones, and the shapes that break things.

    Among them: nothing, one bit, counts that are no multiple of eight, all zeros, all ones and
    alternating bits.
    """
    sizes = st.integers(min_size, max_size)
    return st.one_of(
        st.lists(st.integers(0, 1), min_size=min_size, max_size=max_size),
        sizes.map(lambda n: [0] * n),
        sizes.map(lambda n: [1] * n),
        sizes.map(lambda n: [i % 2 for i in range(n)]),
    )


def bit_tensors(*, min_size: int = 0, max_size: int = 200) -> st.SearchStrategy[Tensor]:
    """Bit tensors of shape (T,), dtype uint8."""
    lists = bit_lists(min_size=min_size, max_size=max_size)
    return lists.map(lambda bits: torch.tensor(bits, dtype=torch.uint8))


def byte_strings(*, min_size: int = 0, max_size: int = 100) -> st.SearchStrategy[bytes]:
    """Byte strings: random ones, repeated ones, and all values in order."""
    return st.one_of(
        st.binary(min_size=min_size, max_size=max_size),
        st.builds(
            lambda value, size: bytes([value]) * size,
            st.integers(0, 255),
            st.integers(min_size, max_size),
        ),
        st.just(bytes(range(256))[: max(min_size, min(256, max_size))]),
    )


def texts(*, max_size: int = 50) -> st.SearchStrategy[str]:
    """Strings that UTF-8 can carry, with characters of one to four bytes."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)
