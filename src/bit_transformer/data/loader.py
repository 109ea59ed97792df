"""Batches of bits, read ahead in a thread while the model computes.

One thread suffices for raw bits: copying windows and unpacking them takes a small part of the time
of any training step, and numpy lets go of Python's lock meanwhile. Codecs take longer, and their
Python parts would hold that lock: worker processes run them, and the thread waits for those.
"""

import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from bit_transformer.data.batches import Batch, BatchMaker
from bit_transformer.data.config import Encoding
from bit_transformer.data.corpus import Split
from bit_transformer.data.sampler import WindowSampler
from bit_transformer.data.views import ViewMixture
from bit_transformer.errors import InputError

if TYPE_CHECKING:
    from bit_transformer.data.pool import Pool

__all__ = ["Batch", "Loader"]


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
        mixture: which sequences go through which codec; without one, all are raw.
        num_workers: processes that run the codecs; 0 for the loader's own thread. Batches are the
            same for any number.
        spent_share: how much of the training is over at a step, from 0 to 1, for the mixture's
            ramps; called in the loader's thread.

    Attributes:
        wait_s: how long the consumer has waited for batches, the first one included.

    The thread ends when the loader is closed, by leaving its ``with`` block or otherwise, and at
    the latest when nothing refers to the loader any more. An error in the thread is raised by the
    next step that the consumer asks for.

    Raises:
        InputError: the sampler belongs to a split of another size, or a number is out of range.
        TrainingError: (from the next step) a codec does not give back what it was given, or a
            worker has died.

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
        mixture: ViewMixture | None = None,
        num_workers: int = 0,
        spent_share: Callable[[int], float] = lambda _step: 1.0,
    ) -> None:
        if sampler.num_bytes != len(split):
            raise InputError(
                f"the sampler is made for {sampler.num_bytes} bytes, and the {split.name} split "
                f"has {len(split)}; make the sampler with len(split)"
            )
        if prefetch < 1 or start_step < 0 or num_workers < 0:
            raise InputError(
                f"prefetch is {prefetch}, start_step is {start_step} and num_workers is "
                f"{num_workers}; they must be at least 1, 0 and 0"
            )
        self.wait_s = 0.0
        self._is_closed = False
        self._channel = _Channel(prefetch)
        maker = BatchMaker(split, sampler, encoding, pin_memory, mixture, spent_share)
        source = _Source(maker, num_workers, start_step, stop_step)
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

    def wait_until_ready(self) -> None:
        """Return once the first batch is there, so that what starting takes falls on no step."""
        self._channel.has_begun.wait()

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
    """What the thread makes batches with."""

    maker: BatchMaker
    num_workers: int
    start_step: int
    stop_step: int | None


class _End(NamedTuple):
    """What follows the last batch."""


class _Channel:
    """A bounded queue that can be stopped from either side without anybody left waiting."""

    def __init__(self, size: int) -> None:
        self.is_stopped = False
        self.has_begun = threading.Event()
        self._items: queue.Queue[Batch | BaseException | _End] = queue.Queue(size)

    def put(self, item: Batch | BaseException | _End) -> None:
        self._items.put(item)
        self.has_begun.set()

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
    try:
        with _opened_pool(source) as pool:
            while not channel.is_stopped:
                if source.stop_step is not None and step >= source.stop_step:
                    channel.put(_End())
                    return
                channel.put(source.maker.batch(step, pool))
                step += 1
    except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the consumer
        channel.put(error)


@contextmanager
def _opened_pool(source: _Source) -> "Iterator[Pool | None]":
    """Who runs the codecs; without any, they are not even imported."""
    mixture = source.maker.mixture
    if mixture is None or source.maker.is_raw:
        yield None
        return
    from bit_transformer.data.pool import open_pool

    with closing(open_pool(source.num_workers, mixture.codecs)) as pool:
        yield pool
