"""All that this room can say of one string, whole and window by window.

``monitor`` says the same while a string is still growing; ``compressed`` says it of frames.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.telemetry.agreement import symbiosis
from bit_transformer.telemetry.complexity import MAX_PARSED_BITS, lz_complexity
from bit_transformer.telemetry.entropy import model_negentropy, negentropy
from bit_transformer.telemetry.predictions import check_pair
from bit_transformer.telemetry.windows import Trace, window_starts

__all__ = ["Measurement", "measure"]


@dataclass(frozen=True)
class Measurement:
    """K, C and S of one string.

    Args:
        k: negentropy of the bits.
        c: Lempel-Ziv complexity of the bits; None where they are too many to parse as a whole.
        model_k: negentropy of the predictions, where there were any.
        s: agreement of the predictions with the bits, where there were any.
        traces: the same names, window by window, where windows were asked for.
    """

    num_bits: int
    k: float
    c: float | None
    model_k: float | None = None
    s: float | None = None
    traces: dict[str, Trace] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """The values of the whole string that there are, by name, as gates take them."""
        found = {"k": self.k, "c": self.c, "model_k": self.model_k, "s": self.s}
        return {name: value for name, value in found.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        content: dict[str, Any] = {"num_bits": self.num_bits, **self.values()}
        if self.traces:
            trace = next(iter(self.traces.values()))
            content["windows"] = {
                "window_bits": trace.window_bits,
                "starts": list(trace.starts),
                **{name: trace.values.tolist() for name, trace in self.traces.items()},
            }
        return content


def measure(
    bits: Tensor,
    *,
    logits: Tensor | None = None,
    window: int | None = None,
    stride: int | None = None,
) -> Measurement:
    """K and C of a string, S and K of the model where there are predictions, whole and in windows.

    Shapes:
        bits: (T,), ``uint8`` or ``bool``.
        logits: (T,), floating point: the log-odds that each bit is 1.

    Args:
        window: measure each window of that many bits apart, too.
        stride: from one window to the next, a window's length if unset. A stride that is a
            fraction of the window makes a running trace.

    Raises:
        BitsError: not a bit tensor of one dimension.
        InputError: there are no bits, logits are not finite or do not fit the bits, or the
            windows do not fit.

    Example:
        >>> import torch
        >>> found = measure(torch.zeros(4096, dtype=torch.uint8), window=1024)
        >>> found.k, round(found.c, 2), len(found.traces["k"].starts)
        (1.0, 0.01, 4)
    """
    bits = check_bits(bits, dims=1)
    if logits is not None:
        logits, bits = check_pair(logits, bits)
    return Measurement(
        num_bits=len(bits),
        k=float(negentropy(bits)),
        c=float(lz_complexity(bits)) if len(bits) <= MAX_PARSED_BITS else None,
        model_k=None if logits is None else float(model_negentropy(logits)),
        s=None if logits is None else float(symbiosis(logits, bits)),
        traces={} if window is None else _traces(bits, logits, window, stride),
    )


def _traces(
    bits: Tensor, logits: Tensor | None, window: int, stride: int | None
) -> dict[str, Trace]:
    values = {
        "k": negentropy(bits, window=window, stride=stride),
        "c": lz_complexity(bits, window=window, stride=stride),
    }
    if logits is not None:
        values["model_k"] = model_negentropy(logits, window=window, stride=stride).cpu()
        values["s"] = symbiosis(logits, bits, window=window, stride=stride).cpu()
    starts = tuple(window_starts(len(bits), window, stride))
    length = min(window, len(bits))
    return {name: Trace(name, starts, length, row) for name, row in values.items()}
