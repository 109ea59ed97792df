"""Few points that look like many: of each stretch of rows, the least and the greatest value.

What a chart of 100,000 points shows is the envelope of the points that fall on one pixel; means
would hide the spikes that people look for.
"""

from typing import Any

import numpy as np

__all__ = ["downsampled"]

_DIGITS = 6


def downsampled(
    steps: np.ndarray, columns: dict[str, np.ndarray], max_points: int
) -> dict[str, list[Any]]:
    """The columns as lists of at most ``max_points``, with their steps; missing values as None.

    Rows are cut into equal stretches. Of each stretch, every column gives its least and its
    greatest value in the order in which they occur, at the stretch's first and middle step. The
    last row is kept as it is. With few enough rows, all are.

    Shapes: ``steps`` and each column (T,).

    Example:
        >>> downsampled(np.arange(3), {"loss": np.array([3.0, np.nan, 1.0])}, 10)
        {'step': [0, 1, 2], 'loss': [3.0, None, 1.0]}
    """
    if len(steps) <= max_points:
        found = {name: _as_list(values) for name, values in columns.items()}
        return {"step": steps.tolist(), **found}
    num_stretches = max(1, (max_points - 1) // 2)
    borders = np.linspace(0, len(steps) - 1, num_stretches + 1).astype(np.int64)
    first, last = borders[:-1], borders[1:]
    middle = np.maximum((first + last) // 2, np.minimum(first + 1, last))
    places = np.append(np.stack([first, middle], axis=1).ravel(), len(steps) - 1)
    found = {name: _extremes(values, first) for name, values in columns.items()}
    return {"step": steps[places].tolist(), **found}


def _extremes(values: np.ndarray, first: np.ndarray) -> list[float | None]:
    """The least and the greatest of each stretch as they come, then the last value."""
    body = values[:-1]
    is_missing = np.isnan(body)
    low = np.where(is_missing, np.inf, body)
    high = np.where(is_missing, -np.inf, body)
    least = np.minimum.reduceat(low, first)
    greatest = np.maximum.reduceat(high, first)
    lengths = np.diff(np.append(first, len(body)))
    owners = np.repeat(np.arange(len(first)), lengths)
    places = np.arange(len(body))
    at_least = _first_place(low == least[owners], owners, places, len(first))
    at_greatest = _first_place(high == greatest[owners], owners, places, len(first))
    is_rising = at_least <= at_greatest
    pairs = np.stack(
        [np.where(is_rising, least, greatest), np.where(is_rising, greatest, least)], axis=1
    )
    pairs[~np.isfinite(pairs)] = np.nan
    return _as_list(np.append(pairs.ravel(), values[-1]))


def _first_place(
    is_hit: np.ndarray, owners: np.ndarray, places: np.ndarray, num_stretches: int
) -> np.ndarray:
    found = np.full(num_stretches, len(places), dtype=np.int64)
    np.minimum.at(found, owners[is_hit], places[is_hit])
    return found


def _as_list(values: np.ndarray) -> list[float | None]:
    """Values with as many digits as a chart can show; what is no number as None."""
    known = np.isfinite(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.abs(values)))
    exponents = np.where(known & (values != 0), exponents, 0)
    factors = 10.0 ** np.clip(_DIGITS - 1 - exponents, -300, 300)
    rounded = np.where(known, np.round(values * factors) / factors, 0.0)
    return [
        value if is_known else None
        for value, is_known in zip(rounded.tolist(), known.tolist(), strict=True)
    ]
