"""What predictions cost, bit by bit and byte by byte, as lists that a page can colour."""

import numpy as np

__all__ = ["probabilities", "rounded", "surprises"]

_DIGITS = 4


def surprises(logits: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The code length of each bit under its prediction, (T,) float64, in bits.

    Example:
        >>> surprises(np.zeros(2), np.array([0, 1])).tolist()
        [1.0, 1.0]
    """
    signs = 2.0 * bits.astype(np.float64) - 1.0
    return np.logaddexp(0.0, -signs * logits.astype(np.float64)) / np.log(2.0)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The predicted probability that each bit is 1, (T,) float64."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))


def rounded(values: np.ndarray) -> list[float]:
    """Values as short as a page needs them."""
    return np.round(values, _DIGITS).tolist()
