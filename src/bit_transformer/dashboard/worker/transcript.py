"""What a generation has made so far, as events: bytes, text, surprises, and K, C and S.

The model's bits and the data may be two things: in the direct view the model writes a frame, and
data comes out of it in its own time; with parity, every ninth bit is no data. Invariant: the
surprises of all bytes together are the surprise of the bits that the model wrote for them.
"""

import base64
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from bit_transformer.bits import GROUP_BITS, Utf8Stream
from bit_transformer.dashboard.worker.surprises import probabilities, rounded, surprises
from bit_transformer.telemetry import Monitor

__all__ = ["Kind", "Transcript"]

_WINDOW_BITS = 2048
_STRIDE_BITS = 64

Kind = Literal["data", "parity", "data of a frame", "frame"]
"""What the output is: the model's bits, those without parity, what its frame holds, the frame."""


class _Predicted(NamedTuple):
    """Bits that the model wrote, and what it thought of them. Shapes: (t,) all."""

    bits: np.ndarray
    logits: np.ndarray
    costs: np.ndarray


class Transcript:
    """Takes up what a model writes and makes events of it.

    Args:
        prompt: the data before the output, (T,) uint8, whose last byte the output may end; of a
            frame, what is given of it.
    """

    def __init__(self, kind: Kind, prompt: np.ndarray) -> None:
        self.num_stream_bits = 0
        self.num_data_bits = 0
        self.num_bytes = 0
        self._kind: Kind = kind
        self._total_cost = 0.0
        self._owed = 0.0
        self._characters = Utf8Stream()
        self._waiting = _Predicted(_none(np.uint8), _none(np.float32), _none(np.float64))
        self._stream_monitor = Monitor(_WINDOW_BITS, _STRIDE_BITS)
        self._data_monitor = Monitor(_WINDOW_BITS, _STRIDE_BITS)
        self._values: dict[str, float] = {}
        # A frame belongs to the output from its first bit on; data goes on inside a byte.
        first = 0 if kind == "frame" else len(prompt) - len(prompt) % 8
        self._bits, self._costs = prompt[first:], np.zeros(len(prompt) - first)
        if kind != "frame":
            self._characters.feed(torch.from_numpy(prompt.copy()))

    @property
    def bits_per_byte(self) -> float | None:
        """The mean surprise of a byte of data; None where there is none."""
        return 8 * self._total_cost / self.num_data_bits if self.num_data_bits else None

    def take(
        self, bits: np.ndarray, logits: np.ndarray, data: np.ndarray, *, is_last: bool = False
    ) -> dict[str, Any] | None:
        """The event for the model's new bits; None where there is nothing to tell.

        Args:
            logits: the predictions of ``bits``, (t,) like these.
            data: what came out of the model's frame meanwhile, (n,); not looked at elsewhere.
        """
        self.num_stream_bits += len(bits)
        new = _Predicted(bits, logits, surprises(logits, bits))
        self._total_cost += float(new.costs.sum())
        shown, output, costs = self._output(new, data)
        self.num_data_bits += len(data) if self._kind == "frame" else len(output)
        self._measure(shown, output)
        self._bits = np.concatenate([self._bits, output])
        self._costs = np.concatenate([self._costs, costs])
        content, per_byte = self._whole_bytes(is_last=is_last)
        text = self._text(output, is_last=is_last)
        self.num_bytes += len(content)
        if not len(shown.bits) and not content and not text:
            return None
        return {
            "type": "chunk",
            "bytes": base64.b64encode(content).decode(),
            "text": text,
            "bits": "".join(map(str, shown.bits.tolist())),
            "bit_surprise": rounded(shown.costs),
            "byte_surprise": rounded(per_byte),
            "prob_one": rounded(probabilities(shown.logits)),
            "num_bytes": self.num_bytes,
            **{name: self._values.get(name) for name in ("k", "c", "s")},
        }

    def _output(
        self, new: _Predicted, data: np.ndarray
    ) -> tuple[_Predicted, np.ndarray, np.ndarray]:
        """The bits to show, the bits of the output, and what each of the latter cost."""
        if self._kind == "data of a frame":
            self._owed += float(new.costs.sum())
            costs = np.full(len(data), self._owed / max(1, len(data)))
            self._owed = 0.0 if len(data) else self._owed
            return new, data, costs
        if self._kind == "parity":
            shown, costs = self._without_parity(new)
            return shown, shown.bits, costs
        return new, new.bits, new.costs

    def _without_parity(self, new: _Predicted) -> tuple[_Predicted, np.ndarray]:
        """The data bits of whole groups, and their costs with those of the parity bits."""
        joined = [np.concatenate(pair) for pair in zip(self._waiting, new, strict=True)]
        num_whole = len(joined[0]) - len(joined[0]) % GROUP_BITS
        self._waiting = _Predicted(*(part[num_whole:] for part in joined))
        groups = _Predicted(*(part[:num_whole].reshape(-1, GROUP_BITS) for part in joined))
        costs = groups.costs[:, :8] + groups.costs[:, 8:] / 8
        return _Predicted(*(part[:, :8].ravel() for part in groups)), costs.ravel()

    def _measure(self, shown: _Predicted, output: np.ndarray) -> None:
        readings = self._stream_monitor.feed(
            torch.from_numpy(shown.bits.copy()), torch.from_numpy(shown.logits.astype(np.float32))
        )
        for reading in readings:
            values = reading.values
            if self._kind == "data of a frame":
                values = {"s": values["s"]}  # K and C of a good code say nothing of the data
            self._values |= values
        if self._kind == "data of a frame":
            for reading in self._data_monitor.feed(torch.from_numpy(output.copy())):
                self._values |= reading.values

    def _whole_bytes(self, *, is_last: bool) -> tuple[bytes, np.ndarray]:
        """The bytes that are complete, and what each cost; a frame's last one is filled up."""
        if is_last and self._kind == "frame":
            padding = -len(self._bits) % 8
            self._bits = np.pad(self._bits, (0, padding))
            self._costs = np.pad(self._costs, (0, padding))
        num_whole = len(self._bits) - len(self._bits) % 8
        content = np.packbits(self._bits[:num_whole]).tobytes()
        per_byte = self._costs[:num_whole].reshape(-1, 8).sum(axis=1)
        self._bits, self._costs = self._bits[num_whole:], self._costs[num_whole:]
        return content, per_byte

    def _text(self, output: np.ndarray, *, is_last: bool) -> str:
        if self._kind == "frame":
            return ""
        text = self._characters.feed(torch.from_numpy(output.copy()))
        return text + self._characters.finish() if is_last else text


def _none(dtype: type) -> np.ndarray:
    return np.zeros(0, dtype=dtype)
