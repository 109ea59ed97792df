"""K, C and S of the latest bits of a string that is still growing.

For generation and training, where :func:`~bit_transformer.telemetry.measuring.measure` would have
to begin anew with each bit. The monitor keeps one window of bits and predictions, whatever the
length of the string.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.errors import InputError
from bit_transformer.telemetry.measuring import measure
from bit_transformer.telemetry.predictions import check_pair

__all__ = ["Monitor", "Reading"]


@dataclass(frozen=True)
class Reading:
    """The values of the window that ended after ``num_bits`` bits of the string.

    Args:
        values: by name: ``k`` and ``c``, and ``model_k`` and ``s`` where there were predictions.
    """

    num_bits: int
    values: dict[str, float]


class Monitor:
    """Readings of a growing string, one for every ``stride`` bits that it gains.

    A reading covers the last ``window`` bits. While there are fewer, it covers what there is, and
    means less: gates have a burn-in for that.

    Raises:
        InputError: a length is not positive, or the stride exceeds the window.

    Example:
        >>> monitor = Monitor(window=1024, stride=512)
        >>> [reading.num_bits for reading in monitor.feed(torch.zeros(1100, dtype=torch.uint8))]
        [512, 1024]
    """

    def __init__(self, window: int = 4096, stride: int = 1024) -> None:
        if not 1 <= stride <= window:
            raise InputError(f"window={window} and stride={stride} do not fit: 1 ≤ stride ≤ window")
        self._window, self._stride = window, stride
        self._bits = torch.empty(0, dtype=torch.uint8)
        self._logits: Tensor | None = None
        self._num_bits = 0

    @property
    def num_bits(self) -> int:
        """How many bits the string has so far."""
        return self._num_bits

    def feed(self, bits: Tensor, logits: Tensor | None = None) -> list[Reading]:
        """The readings that came due with these bits.

        Shapes: ``bits`` (n,), n of zero or more; ``logits`` (n,), the predictions of them.

        Raises:
            BitsError: not a bit tensor of one dimension.
            InputError: logits are not finite, do not fit the bits, or come for some bits of the
                string and not for others.
        """
        bits = check_bits(bits, dims=1)
        if logits is not None:
            logits, bits = check_pair(logits, bits)
            logits = logits.detach().cpu()
        if self._num_bits and len(bits) and (logits is None) != (self._logits is None):
            raise InputError(
                "a monitor takes logits for all bits of a string or for none; "
                "use another monitor for another string"
            )
        bits = bits.cpu()
        readings, first = [], 0
        while first < len(bits):
            due = self._stride - self._num_bits % self._stride
            part = slice(first, first + due)
            self._append(bits[part], None if logits is None else logits[part])
            first += due
            if self._num_bits % self._stride == 0:
                found = measure(self._bits, logits=self._logits)
                readings.append(Reading(self._num_bits, found.values()))
        return readings

    def _append(self, bits: Tensor, logits: Tensor | None) -> None:
        self._num_bits += len(bits)
        self._bits = torch.cat([self._bits, bits])[-self._window :]
        if logits is not None:
            kept = logits if self._logits is None else torch.cat([self._logits, logits])
            self._logits = kept[-self._window :]
