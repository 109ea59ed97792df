"""The score of a model on each view of the data: as it is, through a codec and back, and as frames.

Unlike ``evaluation``, which scores bytes, this module makes views comparable: whatever the model
reads, its code length is divided by the bits of the data that it stands for.

The view ``compressed`` is transparent, so its predictions are those of ``raw``, bit for bit, and
the model need not run twice: the data goes through the codec piece by piece and is compared. Of
the view ``direct``, rows are made as in training: whole frames that fit the context, each
beginning where the source of the one before it ends. That is a code for the source: whoever
decodes a row decompresses it and knows where the next one begins.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bit_transformer.bits import GROUP_BITS
from bit_transformer.data.compression import REACH, Row, compressed_row, direct_row
from bit_transformer.errors import InputError
from bit_transformer.evaluation.evaluation import Data, as_array, check_settings, measuring
from bit_transformer.evaluation.report import Evaluation
from bit_transformer.model import BitTransformerLM

__all__ = ["ViewScore", "compressed_score", "direct_score", "mean_score", "raw_score"]


@dataclass(frozen=True)
class ViewScore:
    """What a model and a codec make of some data in one view, as sums and as what follows of them.

    Units:
        num_bits: bits that the model read; of ``direct``, bits of frames.
        loss_bits: the model's code length for them, in bits; None where it was not measured.
        num_right: bits of which the likelier value was right; None where it was not measured.
        num_source_bits: bits of the data that these stand for, without parity.
        num_frame_bits: bits that the codec makes of that data, headers counted; 0 without codec.
    """

    view: Literal["raw", "compressed", "direct"]
    num_sequences: int
    num_bits: int
    loss_bits: float | None
    num_right: int | None
    num_source_bits: int
    num_frame_bits: int = 0
    codec: str | None = None

    @property
    def bits_per_bit(self) -> float | None:
        """The loss in base 2 per bit that the model read."""
        return _ratio(self.loss_bits, self.num_bits)

    @property
    def bit_accuracy(self) -> float | None:
        """The share of bits whose likelier value was right."""
        return _ratio(self.num_right, self.num_bits)

    @property
    def bits_per_source_bit(self) -> float | None:
        """The model's code length per bit of the data: comparable across views and codecs."""
        return _ratio(self.loss_bits, self.num_source_bits)

    @property
    def compressed_fraction(self) -> float | None:
        """What the codec alone makes of the data: out divided by in, less is better."""
        return _ratio(self.num_frame_bits or None, self.num_source_bits)

    @property
    def compression_ratio(self) -> float | None:
        """What the codec alone makes of the data: in divided by out, more is better."""
        return _ratio(self.num_source_bits if self.num_frame_bits else None, self.num_frame_bits)

    def figures(self) -> dict[str, float]:
        """What is known of the mean values, by name; ``bits_per_source_bit`` of ``direct`` only."""
        names = ["bits_per_bit", "bit_accuracy"]
        if self.view == "direct":
            names.append("bits_per_source_bit")
        names += ["compressed_fraction", "compression_ratio"]
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """View, codec, counts and mean values, in types that JSON knows."""
        return {
            "view": self.view,
            "codec": self.codec,
            "num_sequences": self.num_sequences,
            "num_bits": self.num_bits,
            "num_source_bits": self.num_source_bits,
            **self.figures(),
            "bits_per_source_bit": self.bits_per_source_bit,
        }


def raw_score(evaluation: Evaluation) -> ViewScore:
    """An evaluation as the score of the view ``raw``."""
    group_bits = len(evaluation.per_position)
    num_bits = evaluation.num_bytes * group_bits
    return ViewScore(
        view="raw",
        num_sequences=-(-evaluation.num_bytes // evaluation.context_bytes),
        num_bits=num_bits,
        loss_bits=evaluation.bits_per_byte * evaluation.num_bytes,
        num_right=round(evaluation.bit_accuracy * num_bits),
        num_source_bits=8 * evaluation.num_bytes,
    )


def compressed_score(evaluation: Evaluation, data: Data, codec: str) -> ViewScore:
    """The score of the view ``compressed``: the predictions of ``evaluation``, the codec's sizes.

    Args:
        data: what was evaluated, and nothing behind it; cut into pieces of one context each.

    Raises:
        InputError: the data has another size than what was evaluated.
        TrainingError: the codec does not give back what it was given.
    """
    values = as_array(data)
    if len(values) != evaluation.num_bytes:
        raise InputError(
            f"{evaluation.num_bytes} bytes were evaluated, and {len(values)} are given; give the "
            "same ones"
        )
    size = evaluation.context_bytes
    rows = [
        compressed_row(values[first : first + size].tobytes(), codec)
        for first in range(0, len(values), size)
    ]
    raw = raw_score(evaluation)
    return ViewScore(
        view="compressed",
        num_sequences=len(rows),
        num_bits=raw.num_bits,
        loss_bits=raw.loss_bits,
        num_right=raw.num_right,
        num_source_bits=raw.num_source_bits,
        num_frame_bits=sum(row.num_frame_bits for row in rows),
        codec=codec,
    )


def direct_score(
    model: BitTransformerLM,
    data: Data,
    codec: str,
    *,
    context_bytes: int | None = None,
    batch_size: int = 16,
    limit_bytes: int | None = None,
    device: str | torch.device | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    encoding: Literal["bytes", "parity"] = "bytes",
    progress: Callable[[int, int], None] | None = None,
) -> ViewScore:
    """The score of the view ``direct``: the model reads frames of the codec.

    Args:
        codec: its name, or ``auto``.
        context_bytes: as in :func:`~bit_transformer.evaluation.evaluate`: a frame may have as many
            bits as so many bytes have.
        encoding: decides how many bits those are.
        progress: called after every batch with the bytes scored and the bytes to score.

    Raises:
        InputError: there is no data, a setting is out of range, or a context holds no frame.
        TrainingError: the codec does not give back what it was given.
    """
    values = as_array(data)
    check_settings(values, context_bytes, batch_size, limit_bytes)
    values = values[:limit_bytes]
    group_bits = GROUP_BITS if encoding == "parity" else 8
    context = context_bytes or max(1, model.config.context_bits // group_bits)
    if device is not None:
        model = model.to(device)
    sums = np.zeros(3)
    done = np.zeros(3, np.int64)
    with measuring(model, precision):
        for rows in _batches(_direct_rows(values, codec, context, group_bits), batch_size):
            sums += _losses(model, rows, context * group_bits)
            counts = [(row.bits.num_bits, row.num_source_bits, row.num_frame_bits) for row in rows]
            done += np.sum(counts, axis=0)
            if progress is not None:
                progress(int(done[1]) // 8, len(values))
    if not math.isfinite(sums[0]):
        raise InputError(
            "the model's predictions are not finite numbers, so it has no score; its weights are "
            "damaged, or its training diverged"
        )
    return ViewScore(
        view="direct",
        num_sequences=int(sums[2]),
        num_bits=int(done[0]),
        loss_bits=float(sums[0]),
        num_right=int(sums[1]),
        num_source_bits=int(done[1]),
        num_frame_bits=int(done[2]),
        codec=codec,
    )


def mean_score(scores: Sequence[ViewScore]) -> ViewScore:
    """Several scores of one view as one, each bit with the same weight.

    Raises:
        InputError: there are none, or they are of several views.
    """
    if len({score.view for score in scores}) != 1:
        raise InputError(f"cannot take the mean of scores of views {[s.view for s in scores]}")
    codecs = {score.codec for score in scores}
    losses, rights = zip(*((s.loss_bits, s.num_right) for s in scores), strict=True)
    return ViewScore(
        view=scores[0].view,
        num_sequences=sum(score.num_sequences for score in scores),
        num_bits=sum(score.num_bits for score in scores),
        loss_bits=None if None in losses else sum(losses),
        num_right=None if None in rights else sum(rights),
        num_source_bits=sum(score.num_source_bits for score in scores),
        num_frame_bits=sum(score.num_frame_bits for score in scores),
        codec=codecs.pop() if len(codecs) == 1 else None,
    )


def _direct_rows(
    values: np.ndarray, codec: str, context_bytes: int, group_bits: int
) -> Iterator[Row]:
    """Frames that together hold all bytes once, in their order."""
    first = 0
    while first < len(values):
        source = values[first : first + REACH * context_bytes].tobytes()
        row = direct_row(source, codec, context_bytes * group_bits)
        if row.num_source_bits < 8:
            raise InputError(
                f"a context of {context_bytes} bytes holds no frame of {codec} of even one byte; "
                "give a longer context, or another codec"
            )
        yield row
        first += row.num_source_bits // 8


def _batches(rows: Iterator[Row], batch_size: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


def _losses(model: BitTransformerLM, rows: Sequence[Row], row_bits: int) -> np.ndarray:
    """The code length of some rows in bits, the bits that were right, and the number of rows."""
    bits_BT = torch.zeros(len(rows), row_bits, dtype=torch.uint8)
    for bits_T, row in zip(bits_BT, rows, strict=True):
        num_bits = row.bits.num_bits
        bits_T[:num_bits] = torch.from_numpy(np.unpackbits(row.bits.data, count=num_bits))
    lengths_B = torch.tensor([row.bits.num_bits for row in rows])
    target = next(model.parameters()).device
    logits_BT = model(bits_BT.to(target), view="direct", lengths=lengths_B.to(target)).cpu().float()
    is_counted_BT = torch.arange(row_bits) < lengths_B[:, None]
    losses: Tensor = functional.softplus((1 - 2 * bits_BT.float()) * logits_BT)[is_counted_BT]
    right = ((logits_BT > 0) == bits_BT.bool())[is_counted_BT]
    return np.array([float(losses.double().sum()) / math.log(2), float(right.sum()), len(rows)])


def _ratio(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else part / whole
