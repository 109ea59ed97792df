"""Batches of bits, read ahead in a thread while the model computes.

One thread suffices: copying windows and unpacking them to bits takes a small part of the time of
any training step, and numpy lets go of Python's lock meanwhile.
"""

import queue
import threading
import time
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

import torch
from torch import Tensor

from bit_transformer.bits import add_parity, unpack_bits
from bit_transformer.data.config import Encoding
from bit_transformer.data.corpus import Split
from bit_transformer.data.sampler import WindowSampler
from bit_transformer.errors import InputError

__all__ = ["Batch", "Loader"]


class Batch(NamedTuple):
    """The windows of one step.

    Shapes: bits (B, T) uint8, with T = 8 bits a byte of the window, or 9 with parity.
    """

    step: int
    bits: Tensor


class Loader:
    """The batches of consecutive steps, endless unless told where to stop.

    Args:
        split: where the bytes are.
        sampler: which of them make up a step.
        encoding: how bytes become bits.
        start_step: the first step.
        stop_step: the step before which to stop.
        prefetch: batches kept ready.
        pin_memory: keep batches in memory that a GPU can copy from by itself.

    Attributes:
        wait_s: how long the consumer has waited for batches, the first one included.

    The thread ends when the loader is closed, by leaving its ``with`` block or otherwise, and at
    the latest when nothing refers to the loader any more. An error in the thread is raised by the
    next step that the consumer asks for.

    Raises:
        InputError: the sampler belongs to a split of another size, or a number is out of range.

    Example:
        >>> import numpy as np
        >>> split = Split("train", np.arange(100, dtype=np.uint8))
        >>> sampler = WindowSampler(num_bytes=100, window_bytes=4, batch_size=2, seed=0)
        >>> with Loader(split, sampler, stop_step=3) as loader:
        ...     [(batch.step, tuple(batch.bits.shape)) for batch in loader]
        [(0, (2, 32)), (1, (2, 32)), (2, (2, 32))]
    """

    def __init__(
        self,
        split: Split,
        sampler: WindowSampler,
        encoding: Encoding = "bytes",
        start_step: int = 0,
        prefetch: int = 2,
        *,
        stop_step: int | None = None,
        pin_memory: bool = False,
    ) -> None:
        if sampler.num_bytes != len(split):
            raise InputError(
                f"the sampler is made for {sampler.num_bytes} bytes, and the {split.name} split "
                f"has {len(split)}; make the sampler with len(split)"
            )
        if prefetch < 1 or start_step < 0:
            raise InputError(
                f"prefetch is {prefetch} and start_step is {start_step}; they must be at least "
                "1 and 0"
            )
        self.wait_s = 0.0
        self._is_closed = False
        self._channel = _Channel(prefetch)
        source = _Source(split, sampler, encoding, start_step, stop_step, pin_memory)
        # The thread must not know the loader, or the loader could never be forgotten.
        self._thread = threading.Thread(
            target=_fill, args=(source, self._channel), name="bit-loader", daemon=True
        )
        self._forget = weakref.finalize(self, self._channel.stop)
        self._thread.start()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._is_closed:
            raise InputError("the loader is closed; make a new one that starts at the next step")
        start = time.perf_counter()
        item = self._channel.get()
        self.wait_s += time.perf_counter() - start
        if isinstance(item, Batch):
            return item
        self._channel.put(item)  # so that asking once more gives the same answer
        if isinstance(item, BaseException):
            raise item
        raise StopIteration

    def close(self) -> None:
        """End the thread; without effect the second time."""
        self._is_closed = True
        self._forget()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Source(NamedTuple):
    """All that makes batches."""

    split: Split
    sampler: WindowSampler
    encoding: Encoding
    start_step: int
    stop_step: int | None
    pin_memory: bool

    def batch(self, step: int) -> Batch:
        offsets = self.sampler.offsets(step)
        windows = self.split.windows(offsets, self.sampler.window_bytes)
        bits = unpack_bits(torch.from_numpy(windows))
        if self.encoding == "parity":
            bits = add_parity(bits)
        return Batch(step, bits.pin_memory() if self.pin_memory else bits)


class _End(NamedTuple):
    """What follows the last batch."""


class _Channel:
    """A bounded queue that can be stopped from either side without anybody left waiting."""

    def __init__(self, size: int) -> None:
        self.is_stopped = False
        self._items: queue.Queue[Batch | BaseException | _End] = queue.Queue(size)

    def put(self, item: Batch | BaseException | _End) -> None:
        self._items.put(item)

    def get(self) -> Batch | BaseException | _End:
        return self._items.get()

    def stop(self) -> None:
        """Let the thread end: it puts at most one more item, and finds room for it."""
        self.is_stopped = True
        while True:
            try:
                self._items.get_nowait()
            except queue.Empty:
                return


def _fill(source: _Source, channel: _Channel) -> None:
    """Put batch after batch into the channel, until it is stopped, or there are no more."""
    step = source.start_step
    while not channel.is_stopped:
        try:
            is_over = source.stop_step is not None and step >= source.stop_step
            item = _End() if is_over else source.batch(step)
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the consumer
            item = error
        channel.put(item)
        if not isinstance(item, Batch):
            return
        step += 1
