"""The engine's tables of transcendental functions, computed in whole numbers only.

A library's ``exp`` or ``cos`` may differ in its last place from machine to machine. Here every
entry comes from decimal arithmetic of fifty digits, which Python defines exactly, and from
products of large integers; it is rounded once, at the end.
"""

from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np

__all__ = [
    "CAP_LENGTH",
    "EXP_LENGTH",
    "EXP_ONE",
    "EXP_STEPS",
    "ROTATION_BITS",
    "cap_table",
    "exp_table",
    "rotation_tables",
]

EXP_ONE = 1 << 15
"""The exponential of zero in :func:`exp_table`."""

EXP_STEPS = 128
"""Entries of :func:`exp_table` in which the exponential falls by a factor of e."""

EXP_LENGTH = 2048
ROTATION_BITS = 15
"""Cosines and sines are given times two to the power of this."""

CAP_LENGTH = 4096
_DIGITS = 50
_FRACTION_BITS = 128
_ROTARY_BASE = 10_000


@lru_cache(maxsize=1)
def exp_table() -> np.ndarray:
    """What exp(-i / 128) is, times 2^15 and rounded, for i from 0 to 2047; int32."""
    with localcontext() as context:
        context.prec = _DIGITS
        factor = _fixed((Decimal(-1) / EXP_STEPS).exp())
    return _frozen([_rounded(power, EXP_ONE) for power in _powers(factor, EXP_LENGTH)])


@lru_cache(maxsize=64)
def cap_table(cap: float, one: int) -> np.ndarray:
    """What the soft cap makes of log-odds i / ``one``, in the same units, for i up to 4095; int32.

    The cap is ``cap * tanh(x / cap)``; a cap of zero leaves all as it is.
    """
    if cap == 0.0:
        return _frozen(list(range(CAP_LENGTH)))
    with localcontext() as context:
        context.prec = _DIGITS
        factor = _fixed((Decimal(-2) / (Decimal(cap) * one)).exp())
        height = _fixed(Decimal(cap) * one)
    unit = 1 << _FRACTION_BITS
    # tanh(x) = (1 - e^-2x) / (1 + e^-2x)
    shares = [
        ((unit - power) << _FRACTION_BITS) // (unit + power)
        for power in _powers(factor, CAP_LENGTH)
    ]
    half = 1 << (2 * _FRACTION_BITS - 1)
    return _frozen([(share * height + half) >> (2 * _FRACTION_BITS) for share in shares])


@lru_cache(maxsize=64)
def rotation_tables(window: int, head_dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The cosines and sines of the rotary angles at places from ``-window`` to ``window - 1``.

    Shapes: each (2 * window, head_dim / 2) int32; row ``window + n`` belongs to place n.
    Units: times 2^15.
    """
    half = head_dim // 2
    cosines = np.empty((2 * window, half), dtype=np.int32)
    sines = np.empty((2 * window, half), dtype=np.int32)
    for i in range(half):
        with localcontext() as context:
            context.prec = _DIGITS
            angle = (-Decimal(_ROTARY_BASE).ln() * i / half).exp()
            step = _fixed(_cosine(angle)), _fixed(_sine(angle))
        place = (1 << _FRACTION_BITS, 0)
        for n in range(window + 1):
            cosine, sine = (_rounded(part, 1 << ROTATION_BITS) for part in place)
            if n < window:
                cosines[window + n, i], sines[window + n, i] = cosine, sine
            cosines[window - n, i], sines[window - n, i] = cosine, -sine
            place = _turned(place, step)
    cosines.flags.writeable = sines.flags.writeable = False
    return cosines, sines


def _turned(place: tuple[int, int], step: tuple[int, int]) -> tuple[int, int]:
    half = 1 << (_FRACTION_BITS - 1)
    cosine = place[0] * step[0] - place[1] * step[1]
    sine = place[0] * step[1] + place[1] * step[0]
    return (cosine + half) >> _FRACTION_BITS, (sine + half) >> _FRACTION_BITS


def _powers(factor: int, number: int) -> list[int]:
    powers = [1 << _FRACTION_BITS]
    for _ in range(number - 1):
        powers.append((powers[-1] * factor) >> _FRACTION_BITS)
    return powers


def _fixed(value: Decimal) -> int:
    return int((value * (1 << _FRACTION_BITS)).to_integral_value())


def _rounded(value: int, unit: int) -> int:
    return (value * unit + (1 << (_FRACTION_BITS - 1))) >> _FRACTION_BITS


def _sine(angle: Decimal) -> Decimal:
    return _alternating(angle, angle, 1)


def _cosine(angle: Decimal) -> Decimal:
    return _alternating(angle, Decimal(1), 0)


def _alternating(angle: Decimal, first: Decimal, degree: int) -> Decimal:
    """The Taylor series whose first term, of that degree, is ``first``; angles are at most 1."""
    total, term = Decimal(0), first
    while abs(term) > Decimal(10) ** -_DIGITS:
        total += term
        term *= -angle * angle / ((degree + 1) * (degree + 2))
        degree += 2
    return total


def _frozen(values: list[int]) -> np.ndarray:
    table = np.array(values, dtype=np.int32)
    table.flags.writeable = False
    return table
