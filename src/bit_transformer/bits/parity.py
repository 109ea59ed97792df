"""Nine bits a byte: eight of data, then one that makes the number of ones even.

A single flipped bit in a group of nine is always noticed, and so is any odd number of them; an
even number is not. The group is named, not the bit, and nothing is corrected.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bit_transformer.bits.packing import check_bits
from bit_transformer.errors import BitsError

__all__ = ["GROUP_BITS", "ParityReport", "add_parity", "check_parity", "strip_parity"]

GROUP_BITS = 9
"""Data bits of a byte and their parity bit."""


@dataclass(frozen=True)
class ParityReport:
    """What :func:`check_parity` found.

    Shapes:
        data_bits: (T,) or (B, T), ``uint8``, T a multiple of 8, parity bits removed.
        error_positions: for (T,) the numbers of the wrong bytes, (``num_errors``,) ``int64``;
            for (B, T) their rows and numbers, (``num_errors``, 2).
    """

    data_bits: Tensor
    error_positions: Tensor

    @property
    def num_errors(self) -> int:
        """How many bytes have the wrong parity."""
        return len(self.error_positions)

    @property
    def is_clean(self) -> bool:
        """Whether every byte has the right parity."""
        return self.num_errors == 0


def add_parity(bits: Tensor) -> Tensor:
    """The same bits with a parity bit after each byte.

    Shapes:
        bits: (T,) or (B, T) with T a multiple of 8.
        returns: (9 T / 8,) or (B, 9 T / 8), ``uint8``.

    Raises:
        BitsError: not a bit tensor of that shape.

    Example:
        >>> add_parity(torch.tensor([1, 1, 0, 1, 0, 0, 0, 0], dtype=torch.uint8)).tolist()
        [1, 1, 0, 1, 0, 0, 0, 0, 1]
    """
    groups = _groups(bits, 8, "bits")
    return torch.cat([groups, _ones_are_odd(groups)], dim=-1).flatten(-2)


def check_parity(bits: Tensor) -> ParityReport:
    """The data bits, and which bytes have the wrong parity.

    Shapes:
        bits: (T,) or (B, T) with T a multiple of 9.

    Raises:
        BitsError: not a bit tensor of that shape.
    """
    groups = _groups(bits, GROUP_BITS, "bits with parity")
    positions = _ones_are_odd(groups).squeeze(-1).nonzero()
    if bits.ndim == 1:
        positions = positions.squeeze(-1)
    return ParityReport(groups[..., :8].flatten(-2), positions)


def strip_parity(bits: Tensor) -> Tensor:
    """The data bits alone, whatever the parity bits say.

    Shapes:
        bits: (T,) or (B, T) with T a multiple of 9.
        returns: (8 T / 9,) or (B, 8 T / 9), ``uint8``.

    Raises:
        BitsError: not a bit tensor of that shape.
    """
    return _groups(bits, GROUP_BITS, "bits with parity")[..., :8].flatten(-2)


def _groups(bits: Tensor, size: int, name: str) -> Tensor:
    bits = check_bits(bits, name=name, dims=(1, 2))
    num_bits = bits.shape[-1]
    if num_bits % size:
        raise BitsError(
            f"{name}: {num_bits} bits are not whole groups of {size}; cut or pad them first"
        )
    return bits.reshape(*bits.shape[:-1], num_bits // size, size)


def _ones_are_odd(groups: Tensor) -> Tensor:
    """Shape (..., 1): 1 where a group has an odd number of ones."""
    return groups.sum(-1, keepdim=True, dtype=torch.uint8) & 1
