"""Worker processes: what happens when one dies, is too slow, or has nobody left to work for."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker import pool as pool_module
from bit_transformer.dashboard.worker.pool import WorkerPool
from bit_transformer.errors import DashboardError
from tests.dashboard.asking import run_apart

SMALL = {"source": {"name": "x", "hex": b"hello".hex()}, "codecs": ["stored"], "level": None}
LARGE = {"source": {"name": "x", "hex": "5a" * 2_000_000}, "codecs": ["lz"] * 9000, "level": None}
"""A job that is far from done when anything is done to it, however long the machine may pause."""


def with_pool(tmp_path: Path, use: Callable[[WorkerPool], Awaitable[Any]], **settings: Any) -> Any:
    async def run() -> Any:
        config = DashboardConfig(runs=tmp_path, **settings)
        pool = WorkerPool(config, ResultStore(tmp_path / "results"))
        try:
            return await use(pool)
        finally:
            await pool.close()

    return run_apart(run())


def pid_of(pool: WorkerPool) -> int:
    process = pool._workers["codecs"]._process
    assert process is not None
    return process.pid


async def lose_worker(pool: WorkerPool, *, while_handing_over: bool = False) -> int:
    """Kill a worker that has a job, and see what becomes of the job; who it was comes back."""
    await pool.call("codecs", "compare", SMALL)
    lost = pid_of(pool)
    if while_handing_over:
        os.kill(lost, signal.SIGSTOP)  # so that it reads no more of the job
    job = asyncio.create_task(pool.call("codecs", "compare", LARGE))
    await asyncio.sleep(0.05)
    os.kill(lost, signal.SIGKILL)
    with pytest.raises(DashboardError, match="signal 9") as caught:
        await job
    assert (caught.value.status, caught.value.kind) == (502, "WorkerError")
    return lost


def test_a_worker_that_dies_is_an_error_and_the_next_job_has_another(tmp_path: Path):
    async def use(pool: WorkerPool) -> None:
        first = await lose_worker(pool)
        answer = await pool.call("codecs", "compare", SMALL)
        assert answer["results"][0]["num_bits"] > 40
        assert pid_of(pool) != first

    with_pool(tmp_path, use)


def test_a_worker_that_dies_while_a_job_is_handed_to_it_is_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wait = os.waitpid

    def wait_slowly(*arguments: int) -> tuple[int, int]:
        found = wait(*arguments)
        time.sleep(0.3)  # the pipe breaks before anyone is told how the process ended
        return found

    monkeypatch.setattr(os, "waitpid", wait_slowly)
    with_pool(tmp_path, partial(lose_worker, while_handing_over=True))


def test_a_job_that_takes_too_long_is_ended(tmp_path: Path):
    async def use(pool: WorkerPool) -> None:
        with pytest.raises(DashboardError, match="took longer") as caught:
            await pool.call("codecs", "compare", LARGE)
        assert caught.value.status == 504

    with_pool(tmp_path, use, job_limit_s=0.01)


def test_a_job_that_nobody_waits_for_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool_module, "_CANCEL_LIMIT_S", 0.2)

    async def use(pool: WorkerPool) -> None:
        await pool.call("codecs", "compare", SMALL)
        job = asyncio.create_task(pool.call("codecs", "compare", LARGE))
        await asyncio.sleep(0.05)
        job.cancel()
        answer = await pool.call("codecs", "compare", SMALL)
        assert answer["results"][0]["num_bits"] > 40

    with_pool(tmp_path, use)


def test_more_jobs_than_can_wait_are_refused(tmp_path: Path):
    async def use(pool: WorkerPool) -> list[Any]:
        every = [pool.call("codecs", "compare", SMALL) for _ in range(40)]
        return await asyncio.gather(*every, return_exceptions=True)

    found = with_pool(tmp_path, use)
    refused = [one for one in found if isinstance(one, DashboardError)]
    assert {one.status for one in refused} <= {429}
    assert 0 < len(found) - len(refused) <= 20
    assert refused


def test_an_idle_worker_gives_its_memory_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool_module, "_IDLE_LIMIT_S", 0.05)

    async def use(pool: WorkerPool) -> None:
        await pool.call("codecs", "compare", SMALL)
        pid = pid_of(pool)
        while Path(f"/proc/{pid}").exists():  # until the test's own limit
            await asyncio.sleep(0.05)

    with_pool(tmp_path, use)


def test_workers_end_with_the_server(tmp_path: Path):
    pids = []

    async def use(pool: WorkerPool) -> None:
        await pool.call("codecs", "compare", SMALL)
        pids.append(pid_of(pool))

    with_pool(tmp_path, use)
    assert not Path(f"/proc/{pids[0]}").exists()


def test_a_fault_of_the_program_is_told_without_its_details(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    async def use(pool: WorkerPool) -> None:
        with pytest.raises(DashboardError) as caught:
            await pool.call("codecs", "compare", {"source": {}})
        assert caught.value.kind == "InternalError"
        assert "KeyError" not in str(caught.value)

    with_pool(tmp_path, use)
    assert "KeyError" in capfd.readouterr().err
