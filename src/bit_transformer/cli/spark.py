"""A row of bars in a line of text."""

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["spark_line"]

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.,:-=+#"


def spark_line(values: Sequence[float], *, width: int = 32, encoding: str = "utf-8") -> str:
    """Values in [0, 1] as bars, at most ``width``; where there are more, each bar is a mean.

    Example:
        >>> spark_line([0.0, 0.5, 1.0])
        '▁▅█'
    """
    bars = _BARS if _can_write(encoding) else _ASCII_BARS
    num_bars = min(width, len(values))
    edges = [round(number * len(values) / max(num_bars, 1)) for number in range(num_bars + 1)]
    groups = [values[first:last] for first, last in pairwise(edges)]
    means = [sum(group) / len(group) for group in groups]
    return "".join(bars[min(len(bars) - 1, max(0, int(mean * len(bars))))] for mean in means)


def _can_write(encoding: str) -> bool:
    try:
        _BARS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
