import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from bit_transformer.bits import bits_to_bytes, check_parity
from bit_transformer.codecs import decompress_bits
from bit_transformer.data import Batch, BatchViews, Loader, Split, ViewMixture, WindowSampler
from bit_transformer.data.views import COMPRESSED, DIRECT, RAW
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
    while loader_threads():  # until the test's own limit
        time.sleep(0.01)


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


@pytest.mark.parametrize("settings", [{"prefetch": 0}, {"start_step": -1}, {"num_workers": -1}])
def test_numbers_out_of_range_are_refused(settings: dict[str, Any]):
    with pytest.raises(InputError, match="they must be at least"):
        Loader(SPLIT, sampler(), **settings)


def view_loader(num_workers: int = 0, **changes: Any) -> Loader:
    mixture = ViewMixture(0.4, 0.4, codecs=("rle", "stored"), seed=3)
    settings = {"mixture": mixture, "num_workers": num_workers, "stop_step": 6, **changes}
    return Loader(SPLIT, sampler(), **settings)


def views_of(batch: Batch) -> BatchViews:
    assert batch.views is not None
    return batch.views


def test_rows_of_all_views_are_made_of_their_windows():
    with view_loader() as loader:
        batches = list(loader)
    seen = set()
    for batch in batches:
        views, lengths, source_bits, frame_bits = (part.tolist() for part in views_of(batch))
        offsets = sampler().offsets(batch.step)
        for number, row in enumerate(batch.bits):
            seen.add(views[number])
            if views[number] == DIRECT:
                frame = row[: lengths[number]]
                assert frame_bits[number] == lengths[number] <= 128
                source = bits_to_bytes(decompress_bits(frame))
                assert 8 * len(source) == source_bits[number]
                start = int(offsets[number])
                assert source == SPLIT.bytes[start : start + len(source)].tobytes()
                assert not row[lengths[number] :].any()
            else:
                assert bits_to_bytes(row) == windows(batch.step)[number]
                assert (lengths[number], source_bits[number]) == (128, 128)
                assert (frame_bits[number] > 0) == (views[number] == COMPRESSED)
    assert seen == {RAW, COMPRESSED, DIRECT}


def test_batches_are_the_same_for_any_number_of_workers_and_from_any_step():
    with view_loader() as loader:
        expected = list(loader)
    with view_loader(num_workers=2, start_step=2) as loader:
        found = list(loader)
    assert [batch.step for batch in found] == [2, 3, 4, 5]
    for batch in found:
        whole = expected[batch.step]
        assert torch.equal(batch.bits, whole.bits)
        assert all(map(torch.equal, views_of(batch), views_of(whole)))


def test_the_views_of_the_processes_shares_are_those_of_the_whole_batch():
    with view_loader() as loader:
        whole = next(loader)
    shares = []
    for rank in range(2):
        own = sampler(rank=rank, world_size=2)
        mixture = ViewMixture(0.4, 0.4, codecs=("rle", "stored"), seed=3)
        with Loader(SPLIT, own, mixture=mixture) as loader:
            shares.append(next(loader))
    assert torch.equal(torch.cat([share.bits for share in shares]), whole.bits)
    for parts in zip(*map(views_of, shares), views_of(whole), strict=True):
        assert torch.equal(torch.cat(parts[:-1]), parts[-1])


def test_parity_stands_in_data_and_not_in_frames():
    with view_loader(encoding="parity") as loader:
        for batch in loader:
            for number, row in enumerate(batch.bits):
                if views_of(batch).views[number] != DIRECT:
                    assert check_parity(row).data_bits.shape == (128,)
                    continue
                frame = row[: views_of(batch).lengths[number]]
                assert len(decompress_bits(frame)) == views_of(batch).source_bits[number]


def test_a_mixture_that_is_off_changes_nothing_and_needs_no_workers():
    with Loader(SPLIT, sampler(), mixture=ViewMixture(), num_workers=3) as loader:
        batch = next(loader)
    assert batch.views is None
    assert [bits_to_bytes(row) for row in batch.bits] == windows(0)


def test_ramps_follow_what_is_spent():
    mixture = ViewMixture(1.0, compress_ramp=0.5, codecs=("stored",))
    with Loader(SPLIT, sampler(), mixture=mixture, spent_share=lambda step: step / 8) as loader:
        shares = [views_of(next(loader)).views.float().mean().item() for _ in range(6)]
    assert shares[0] == 0.0
    assert shares[4:] == [1.0, 1.0]


def test_a_codec_that_fails_reaches_the_consumer():
    mixture = ViewMixture(1.0, codecs=("nonsense",))
    with Loader(SPLIT, sampler(), mixture=mixture) as loader:
        loader.wait_until_ready()
        with pytest.raises(InputError, match="no codec 'nonsense'"):
            next(loader)
