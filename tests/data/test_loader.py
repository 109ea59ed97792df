import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from bit_transformer.bits import bits_to_bytes, check_parity
from bit_transformer.data import Batch, Loader, Split, WindowSampler
from bit_transformer.errors import InputError

SPLIT = Split("train", np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8))


def sampler(batch_size: int = 4, **changes: int) -> WindowSampler:
    return WindowSampler(len(SPLIT), 16, batch_size, seed=1, **changes)


def loader_threads() -> int:
    return sum(thread.name == "bit-loader" for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert loader_threads() == 0


def windows(step: int) -> list[bytes]:
    rows = SPLIT.windows(sampler().offsets(step), 16)
    return [row.tobytes() for row in rows]


def test_a_batch_holds_the_bits_of_its_steps_windows():
    with Loader(SPLIT, sampler(), stop_step=50) as loader:
        batches = list(loader)
    assert [batch.step for batch in batches] == list(range(50))
    for batch in batches:
        assert batch.bits.shape == (4, 128)
        assert batch.bits.dtype == torch.uint8
        assert [bits_to_bytes(row) for row in batch.bits] == windows(batch.step)


def test_parity_adds_a_ninth_bit_that_checks_out():
    with Loader(SPLIT, sampler(), "parity") as loader:
        bits = next(loader).bits
    assert bits.shape == (4, 144)
    for row, window in zip(bits, windows(0), strict=True):
        report = check_parity(row)
        assert report.num_errors == 0
        assert bits_to_bytes(report.data_bits) == window


def test_a_loader_that_starts_late_gives_what_one_gives_that_went_on():
    with Loader(SPLIT, sampler(), stop_step=10) as loader:
        whole = [batch.bits for batch in loader]
    with Loader(SPLIT, sampler(), start_step=6, stop_step=10) as loader:
        rest = list(loader)
    assert [batch.step for batch in rest] == [6, 7, 8, 9]
    for batch in rest:
        assert torch.equal(batch.bits, whole[batch.step])


def test_the_processes_shares_make_up_the_whole_batch():
    with Loader(SPLIT, sampler(), start_step=3) as loader:
        whole = next(loader).bits
    shares = []
    for rank in range(2):
        with Loader(SPLIT, sampler(rank=rank, world_size=2), start_step=3) as loader:
            shares.append(next(loader).bits)
    assert torch.equal(torch.cat(shares), whole)


@pytest.mark.parametrize("prefetch", [1, 2, 5])
def test_no_more_is_read_ahead_than_asked_for(monkeypatch: pytest.MonkeyPatch, prefetch: int):
    made: list[int] = []
    offsets = WindowSampler.offsets

    def recorded(self: WindowSampler, step: int):
        made.append(step)
        return offsets(self, step)

    monkeypatch.setattr(WindowSampler, "offsets", recorded)
    with Loader(SPLIT, sampler(), prefetch=prefetch) as loader:
        next(loader)
        time.sleep(0.05)
        assert len(made) <= prefetch + 2


def test_an_error_in_the_thread_reaches_the_consumer_each_time(monkeypatch: pytest.MonkeyPatch):
    offsets = WindowSampler.offsets

    def failing(self: WindowSampler, step: int):
        if step == 2:
            raise RuntimeError("the disk was pulled out")
        return offsets(self, step)

    monkeypatch.setattr(WindowSampler, "offsets", failing)
    with Loader(SPLIT, sampler()) as loader:
        assert [next(loader).step, next(loader).step] == [0, 1]
        for _ in range(2):
            with pytest.raises(RuntimeError, match="pulled out"):
                next(loader)


def test_the_end_stays_the_end():
    with Loader(SPLIT, sampler(), stop_step=1) as loader:
        assert len(list(loader)) == 1
        assert list(loader) == []


def test_the_thread_ends_with_the_block_also_when_that_fails():
    with pytest.raises(ZeroDivisionError), Loader(SPLIT, sampler()) as loader:
        next(loader)
        assert loader_threads() == 1
        _ = 1 / 0
    assert loader_threads() == 0


def test_closing_twice_is_closing_once_and_nothing_comes_after():
    loader = Loader(SPLIT, sampler())
    loader.close()
    loader.close()
    with pytest.raises(InputError, match="the loader is closed"):
        next(loader)


def test_a_forgotten_loader_ends_its_thread():
    loader = Loader(SPLIT, sampler())
    next(loader)
    del loader
    gc.collect()
    limit = time.monotonic() + 10
    while loader_threads() and time.monotonic() < limit:
        time.sleep(0.01)
    assert loader_threads() == 0


def test_waiting_is_counted(monkeypatch: pytest.MonkeyPatch):
    offsets = WindowSampler.offsets

    def slow(self: WindowSampler, step: int):
        time.sleep(0.02)
        return offsets(self, step)

    monkeypatch.setattr(WindowSampler, "offsets", slow)
    with Loader(SPLIT, sampler(), stop_step=3) as loader:
        assert loader.wait_s == 0.0
        first = next(loader)
        waited = loader.wait_s
        assert isinstance(first, Batch)
        assert waited > 0
        list(loader)
        assert loader.wait_s > waited


def test_a_sampler_for_another_split_is_refused():
    other = WindowSampler(100, 16, 4, seed=1)
    with pytest.raises(InputError, match="made for 100 bytes, and the train split has 5000"):
        Loader(SPLIT, other)


@pytest.mark.parametrize("settings", [{"prefetch": 0}, {"start_step": -1}])
def test_numbers_out_of_range_are_refused(settings: dict[str, Any]):
    with pytest.raises(InputError, match="they must be at least"):
        Loader(SPLIT, sampler(), **settings)
