"""K, C and S of what a training reads and of how it predicts that, with gates that warn of drift.

What is measured is the beginning of a step's own batch, with the predictions that the step made
anyway: the loss of a bit tells the probability that it was given, so no second pass is needed.
The first process measures its share of the batch; the others do not.

Gates keep their state in memory: a resumed run begins their smoothing and burn-in anew.
"""

import math
import time
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from bit_transformer.data import VIEW_NAMES, Batch
from bit_transformer.telemetry.gates import Gates, Verdict

__all__ = ["OBSERVED_BITS", "Observer", "logits_from_losses"]

OBSERVED_BITS = 16384
"""Bits of data that one measurement looks at, at most; whole sequences, but at least one."""

Which = Literal["source", "stream", "both"]

_MOST_LOG_ODDS = 80.0
_DIRECT = VIEW_NAMES.index("direct")


class Observer:
    """Measures steps, and holds the gates.

    Args:
        gates: texts such as ``warn:s<0.6``.
        which: what K and C of direct sequences are those of: the data behind the frames, the
            frames' own bits, or both.
    """

    def __init__(self, gates: Iterable[str], which: Which = "source") -> None:
        self._gates = Gates(gates)
        self._which: Which = which

    def observe(self, batch: Batch, losses_BT: Tensor | None) -> tuple[dict[str, Any], Verdict]:
        """What a step's batch is like, as part of a row of metrics, and what the gates say of it.

        The values ``k``, ``c``, ``model_k`` and ``s`` are those of the raw and compressed
        sequences, one after the other. The part ``direct`` is about the first direct sequence;
        its ``model_k`` and ``s`` are always about the frame's own bits, since those are what the
        model predicts. Where all sequences are direct, its values are the row's own, too.
        """
        started = time.perf_counter()
        is_direct_B = torch.zeros(len(batch.bits), dtype=torch.bool)
        if batch.views is not None:
            is_direct_B = batch.views.views == _DIRECT
        values = _values_of_data(batch, losses_BT, is_direct_B)
        row: dict[str, Any] = {}
        if is_direct_B.any():
            row["direct"] = direct = self._values_of_frame(batch, losses_BT, is_direct_B)
            values = values or {**direct.get("stream", {}), **direct["model"], **direct["source"]}
        verdict = self._gates.update(values)
        row = {**values, **row, "verdict": verdict.action, "reasons": list(verdict.reasons)}
        return {**row, "telemetry_s": time.perf_counter() - started}, verdict

    def _values_of_frame(
        self, batch: Batch, losses_BT: Tensor | None, is_direct_B: Tensor
    ) -> dict[str, dict[str, float]]:
        """K and C of the first frame's source or bits, and K and S of the model on its bits."""
        from bit_transformer.telemetry import measure, measure_compressed

        assert batch.views is not None
        row = int(is_direct_B.nonzero()[0, 0])
        num_bits = int(batch.views.lengths[row])
        frame = batch.bits[row, :num_bits].cpu()
        logits = None
        if losses_BT is not None:
            logits = logits_from_losses(losses_BT[row, :num_bits].cpu(), frame)
        stream = measure(frame, logits=logits).values()
        model = {name: stream.pop(name) for name in ("model_k", "s") if name in stream}
        found: dict[str, dict[str, float]] = {"model": model, "source": {}}
        if self._which != "stream":
            source = measure_compressed(frame).source
            found["source"] = {} if source is None else source.values()
        if self._which != "source":
            found["stream"] = stream
        return found


def logits_from_losses(losses: Tensor, bits: Tensor) -> Tensor:
    """The log-odds of a one that gave these bits these losses.

    A bit that costs L bits had probability 2^-L, hence log-odds of -ln(2^L - 1).

    Shapes: ``losses`` in bits and ``bits`` alike; float32 likewise.

    Example:
        >>> logits_from_losses(torch.tensor([1.0, 2.0]), torch.tensor([1, 1], dtype=torch.uint8))
        tensor([-0.0000, -1.0986])
    """
    of_truth = -torch.expm1(losses.double().clamp(max=120.0) * math.log(2)).log()
    of_truth = of_truth.clamp(-_MOST_LOG_ODDS, _MOST_LOG_ODDS)
    return (of_truth * (2 * bits.double() - 1)).float()


def _values_of_data(
    batch: Batch, losses_BT: Tensor | None, is_direct_B: Tensor
) -> dict[str, float]:
    """K, C and S of the sequences that are the data itself; nothing where there are none."""
    from bit_transformer.telemetry import measure

    chosen = (~is_direct_B).nonzero()[:, 0]
    chosen = chosen[: max(1, OBSERVED_BITS // max(1, batch.bits.shape[1]))]
    if not len(chosen):
        return {}
    bits = batch.bits[chosen].cpu().flatten()
    logits = None
    if losses_BT is not None:
        losses = losses_BT[chosen.to(losses_BT.device)].cpu().flatten()
        logits = logits_from_losses(losses, bits)
    return measure(bits, logits=logits).values()
