"""How the loops over bits are compiled.

Kernels allocate nothing and keep no array beyond the call, so counting references, which numba
does atomically at every call and every slice, only costs: two thirds of the time, measured.
Without a numba that can leave it out, kernels are slower and compute the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.options import DefaultOptions

from bit_transformer.archive.stale_code import forget_stale_code

__all__ = ["kernel"]

_FOLDER = Path(__file__).parent
forget_stale_code(_FOLDER, _FOLDER.parent / "engine")

_OPTIONS: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


def kernel(function: Callable[..., Any]) -> Any:
    """The function compiled on first use, its machine code kept, the interpreter let go."""
    return njit(cache=True, nogil=True, **_OPTIONS)(function)
