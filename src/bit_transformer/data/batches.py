"""One step's windows as bits: unpacked, and where asked for, sent through codecs.

Unlike ``loader``, which knows when, this module knows what a batch is. It is called in the
loader's thread only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bit_transformer.bits import GROUP_BITS, add_parity, unpack_bits
from bit_transformer.data.config import Encoding
from bit_transformer.data.corpus import Split
from bit_transformer.data.sampler import WindowSampler
from bit_transformer.data.views import COMPRESSED, DIRECT, RAW, ViewMixture

if TYPE_CHECKING:
    from bit_transformer.data.compression import Job, Row
    from bit_transformer.data.pool import Pool

__all__ = ["Batch", "BatchMaker", "BatchViews"]


class BatchViews(NamedTuple):
    """How each row of a batch reached it.

    Shapes: all (B,) int64.

    Args:
        views: places in :data:`~bit_transformer.data.views.VIEW_NAMES`.
        lengths: bits of the row that count; what stands behind is padding.
        source_bits: bits of the data that the row stands for, without parity.
        frame_bits: bits that a codec made of them, its header counted; 0 for raw rows.
    """

    views: Tensor
    lengths: Tensor
    source_bits: Tensor
    frame_bits: Tensor


class Batch(NamedTuple):
    """The windows of one step.

    Shapes: bits (B, T) uint8, with T = 8 bits a byte of the window, or 9 with parity.

    Args:
        views: how the rows reached the batch; None where all are raw, and always will be.
    """

    step: int
    bits: Tensor
    views: BatchViews | None = None


@dataclass(frozen=True)
class BatchMaker:
    """All that makes batches.

    Args:
        mixture: which rows go through which codec; None for none ever.
        spent_share: how much of the training is over at a step, for the mixture's ramps.
    """

    split: Split
    sampler: WindowSampler
    encoding: Encoding
    pin_memory: bool = False
    mixture: ViewMixture | None = None
    spent_share: Callable[[int], float] = lambda _step: 1.0

    @property
    def is_raw(self) -> bool:
        """Whether no row ever goes through a codec, so that none need be loaded."""
        return self.mixture is None or self.mixture.is_off

    def batch(self, step: int, pool: "Pool | None" = None) -> Batch:
        """The batch of a step.

        Args:
            pool: who runs the codecs; not needed where all rows are raw.

        Raises:
            TrainingError: a codec does not give back what it was given, or a worker has died.
        """
        offsets = self.sampler.offsets(step)
        windows = self.split.windows(offsets, self.sampler.window_bytes)
        if self.mixture is None or self.is_raw or pool is None:
            return Batch(step, self._pinned(self._bits(windows)))
        return self._batch_of_views(step, self.mixture, offsets, windows, pool)

    def _batch_of_views(
        self,
        step: int,
        mixture: ViewMixture,
        offsets: NDArray[np.int64],
        windows: NDArray[np.uint8],
        pool: "Pool",
    ) -> Batch:
        num_rows, window_bytes = windows.shape
        first = self.sampler.rank * num_rows
        views, codecs = mixture.choose(step, first, num_rows, self.spent_share(step))
        row_bits = window_bytes * (GROUP_BITS if self.encoding == "parity" else 8)
        jobs = {
            row: self._job(views[row], mixture.codecs[codecs[row]], offsets[row], row_bits)
            for row in np.flatnonzero(views != RAW).tolist()
        }
        rows = dict(zip(jobs, pool.rows(list(jobs.values())), strict=True))
        for number in np.flatnonzero(views == COMPRESSED).tolist():
            windows[number] = rows[number].bits.data
        bits = self._bits(windows)
        for number in np.flatnonzero(views == DIRECT).tolist():
            _write_direct(bits[number], rows[number])
        described = _describe(views, rows, row_bits, window_bytes)
        return Batch(step, self._pinned(bits), described)

    def _job(self, view: int, codec: str, offset: int, row_bits: int) -> "Job":
        from bit_transformer.data.compression import REACH, Job

        num_bytes = self.sampler.window_bytes * (REACH if view == DIRECT else 1)
        source = self.split.bytes[offset : offset + num_bytes].tobytes()
        return Job(int(view), codec, source, row_bits)

    def _bits(self, windows: NDArray[np.uint8]) -> Tensor:
        bits = unpack_bits(torch.from_numpy(windows))
        return add_parity(bits) if self.encoding == "parity" else bits

    def _pinned(self, bits: Tensor) -> Tensor:
        return bits.pin_memory() if self.pin_memory else bits


def _write_direct(bits_T: Tensor, row: "Row") -> None:
    """Put a frame in the place of the window, with zeros after it."""
    stream = np.unpackbits(row.bits.data, count=row.bits.num_bits)
    bits_T.zero_()
    bits_T[: row.bits.num_bits] = torch.from_numpy(stream)


def _describe(
    views: NDArray[np.int64], rows: "dict[int, Row]", row_bits: int, window_bytes: int
) -> BatchViews:
    lengths = np.full(len(views), row_bits, np.int64)
    source_bits = np.full(len(views), 8 * window_bytes, np.int64)
    frame_bits = np.zeros(len(views), np.int64)
    for number, row in rows.items():
        source_bits[number], frame_bits[number] = row.num_source_bits, row.num_frame_bits
        if views[number] == DIRECT:
            lengths[number] = row.bits.num_bits
    return BatchViews(*map(torch.from_numpy, (views, lengths, source_bits, frame_bits)))
