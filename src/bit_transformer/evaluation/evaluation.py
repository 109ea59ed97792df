"""The score of a model on some bytes: every byte once, under a stated context and stride."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bit_transformer.bits import GROUP_BITS, add_parity, bytes_to_bits
from bit_transformer.data import Split
from bit_transformer.errors import InputError
from bit_transformer.evaluation.report import Evaluation, PositionScore
from bit_transformer.evaluation.windows import Window, plan_windows
from bit_transformer.model import BitTransformerLM

__all__ = ["Data", "as_array", "check_settings", "evaluate", "measuring"]

Data = bytes | bytearray | memoryview | np.ndarray | Split


def evaluate(
    model: BitTransformerLM,
    data: Data,
    *,
    context_bytes: int | None = None,
    stride_bytes: int | None = None,
    batch_size: int = 16,
    limit_bytes: int | None = None,
    piece_bytes: int | None = None,
    device: str | torch.device | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    encoding: Literal["bytes", "parity"] = "bytes",
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """How well the model predicts ``data``, each byte scored exactly once.

    Args:
        context_bytes: bytes that one window holds; those of the model's training if unset.
        stride_bytes: bytes that a window scores, half a context if unset. A smaller stride gives
            every byte more context and takes longer.
        batch_size: windows evaluated at once.
        limit_bytes: score only that many from the beginning of the data.
        piece_bytes: cut the data into pieces of that length which know nothing of each other.
        device: moves the model there first.
        encoding: how bytes become the bits that the model was trained on.
        progress: called after every batch with the bytes scored and the bytes to score.

    Raises:
        InputError: there is no data, a setting is out of range, or the model predicts something
            that is not a number.
    """
    values = as_array(data)
    check_settings(values, context_bytes, batch_size, limit_bytes)
    values = values[:limit_bytes]
    group_bits = GROUP_BITS if encoding == "parity" else 8
    context = context_bytes or max(1, model.config.context_bits // group_bits)
    stride = stride_bytes if stride_bytes is not None else max(1, context // 2)
    if device is not None:
        model = model.to(device)
    tally = _Tally(group_bits)
    windows = plan_windows(len(values), context, stride, piece_bytes)
    with measuring(model, precision):
        for batch in _batches(windows, batch_size):
            bits = _batch_bits(values, batch, encoding)
            logits = model(bits.to(next(model.parameters()).device)).cpu()
            tally.add(logits, bits, batch)
            if progress is not None:
                progress(batch[-1].last, len(values))
    return Evaluation(
        **tally.means(),
        num_bytes=len(values),
        context_bytes=context,
        stride_bytes=stride,
        piece_bytes=piece_bytes,
        encoding=encoding,
        precision=precision,
    )


class _Tally:
    """Sums of losses and of right predictions, by position in the byte."""

    def __init__(self, group_bits: int) -> None:
        self.group_bits = group_bits
        self.loss = torch.zeros(group_bits, dtype=torch.float64)
        self.num_right = torch.zeros(group_bits, dtype=torch.int64)
        self.num_bytes = 0
        self.num_right_bytes = 0

    def add(self, logits: Tensor, bits: Tensor, windows: Sequence[Window]) -> None:
        """Count the scored bytes of some windows; ``logits`` and ``bits`` (B, T)."""
        sign = 1 - 2 * bits.float()
        losses = functional.softplus(sign * logits.float())
        right = (logits > 0) == bits.bool()
        for row, window in enumerate(windows):
            scored = slice(window.scored_from - window.first, None)
            right_by_byte = right[row].view(-1, self.group_bits)[scored]
            self.loss += losses[row].view(-1, self.group_bits)[scored].double().sum(0)
            self.num_right += right_by_byte.sum(0)
            self.num_right_bytes += int(right_by_byte.all(-1).sum())
            self.num_bytes += len(right_by_byte)

    def means(self) -> dict[str, Any]:
        """The fields of an :class:`Evaluation` that were counted."""
        if not torch.isfinite(self.loss).all():
            raise InputError(
                "the model's predictions are not finite numbers, so it has no score; its weights "
                "are damaged, or its training diverged"
            )
        bits = self.loss / math.log(2) / self.num_bytes
        accuracy = self.num_right.double() / self.num_bytes
        return {
            "bits_per_bit": float(bits.mean()),
            "bits_per_byte": float(bits.sum()),
            "bit_accuracy": float(accuracy.mean()),
            "byte_accuracy": self.num_right_bytes / self.num_bytes,
            "per_position": tuple(
                PositionScore(float(bits[i]), float(accuracy[i])) for i in range(self.group_bits)
            ),
        }


def _batches(windows: Iterable[Window], batch_size: int) -> Iterator[list[Window]]:
    """Windows of equal length in lists of at most ``batch_size``, in their order."""
    batch: list[Window] = []
    for window in windows:
        if batch and (len(batch) == batch_size or len(window) != len(batch[0])):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def as_array(data: Data) -> np.ndarray:
    """The bytes of any kind of data, (N,) uint8.

    Raises:
        InputError: it is of another kind.
    """
    if isinstance(data, Split):
        return data.bytes
    if isinstance(data, bytes | bytearray | memoryview):
        return np.frombuffer(data, dtype=np.uint8)
    if isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.ndim == 1:
        return data
    seen = type(data).__name__
    if isinstance(data, np.ndarray):
        seen = f"a {data.dtype} array of shape {data.shape}"
    raise InputError(f"data must be bytes, a split or a uint8 array of shape (N,), got {seen}")


def check_settings(
    values: np.ndarray, context_bytes: int | None, batch_size: int, limit_bytes: int | None
) -> None:
    """Refuse settings out of range, and no data.

    Raises:
        InputError: something is.
    """
    if limit_bytes is not None and limit_bytes < 1:
        raise InputError(f"limit_bytes must be at least 1, got {limit_bytes}")
    if context_bytes is not None and context_bytes < 1:
        raise InputError(f"context_bytes must be at least 1, got {context_bytes}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    if len(values) == 0:
        raise InputError("there are no bytes to evaluate on; give at least one")


def _batch_bits(values: np.ndarray, windows: Sequence[Window], encoding: str) -> Tensor:
    rows = np.stack([values[window.first : window.last] for window in windows])
    bits = bytes_to_bits(rows.reshape(-1)).view(len(windows), -1)
    return add_parity(bits) if encoding == "parity" else bits


@contextmanager
def measuring(model: BitTransformerLM, precision: str) -> Iterator[None]:
    """No gradients, no dropout, the asked precision; and afterwards all as it was."""
    was_training = model.training
    kind = next(model.parameters()).device.type
    model.eval()
    try:
        with (
            torch.inference_mode(),
            torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "bf16"),
        ):
            yield
    finally:
        model.train(was_training)
