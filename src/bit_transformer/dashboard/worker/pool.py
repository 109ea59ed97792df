"""The server's end of the workers: jobs go in, answers and events come out.

One process for models, which is large, and one for everything else: so that nobody who compares
codecs waits for a model to write. A worker does one job at a time; jobs that cannot be started
within reason are refused rather than queued without end.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.failures import FALLBACKS, describe
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.errors import DashboardError

__all__ = ["WorkerPool"]

_MOST_WAITING = 12
_MOST_LINE_BYTES = 1 << 27
_CANCEL_LIMIT_S = 3.0
_IDLE_LIMIT_S = 600.0

Message = dict[str, Any]


class WorkerPool:
    """The workers of one server, each started when it is first needed."""

    def __init__(self, config: DashboardConfig, results: ResultStore) -> None:
        self._workers = {
            kind: _Worker(str(results.folder.absolute()), config.job_limit_s)
            for kind in ("model", "codecs")
        }

    async def call(self, kind: str, job: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of a job; what it tells before is dropped.

        Raises:
            DashboardError: the job failed, as it says; or the worker died, is busy or too slow.
        """
        async for message in self._workers[kind].run(job, arguments):
            if "result" in message:
                return message["result"]
            if "error" in message:
                raise _failure(message)
        raise _lost(job, None)

    async def stream(self, kind: str, job: str, arguments: dict[str, Any]) -> AsyncIterator[str]:
        """The events of a job as JSON, its result last. An error that comes first is raised.

        Raises:
            DashboardError: as :meth:`call`, before the first event.
        """
        is_begun = False
        async for message in self._workers[kind].run(job, arguments):
            if "error" in message and not is_begun:
                raise _failure(message)
            is_begun = True
            if "error" in message:
                yield json.dumps({"type": "error", "error": message["error"]})
            else:
                yield json.dumps(message.get("event") or message.get("result"))

    async def close(self) -> None:
        """End all workers."""
        for worker in self._workers.values():
            await worker.end()


class _Job:
    """One job on its way through a worker."""

    def __init__(self, number: int, name: str, arguments: dict[str, Any]) -> None:
        self.number = number
        self.request = {"id": number, "job": name, "arguments": arguments}
        self.name = name
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.is_abandoned = asyncio.Event()


class _Worker:
    """One process, or none while there is nothing to do."""

    def __init__(self, results: str, job_limit_s: float) -> None:
        self._results = results
        self._job_limit_s = job_limit_s
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._num_jobs = 0
        self._num_waiting = 0
        self._drivers: set[asyncio.Task[None]] = set()
        self._idle: asyncio.TimerHandle | None = None

    async def run(self, name: str, arguments: dict[str, Any]) -> AsyncIterator[Message]:
        """The messages of a job; the last is its result or its error.

        Whoever stops listening ends the job.
        """
        if self._num_waiting >= _MOST_WAITING:
            raise DashboardError(
                f"{self._num_waiting} others are waiting already; try again in a moment",
                status=429,
                kind="BusyError",
                fallbacks=("retry",),
            )
        self._num_waiting += 1
        self._num_jobs += 1
        job = _Job(self._num_jobs, name, arguments)
        driver = asyncio.create_task(self._drive(job))
        self._drivers.add(driver)
        driver.add_done_callback(self._drivers.discard)
        try:
            while True:
                message = await job.messages.get()
                yield message
                if "event" not in message:
                    return
        finally:
            job.is_abandoned.set()

    async def end(self) -> None:
        """End the process, and whatever it does."""
        process, self._process = self._process, None
        if self._idle is not None:
            self._idle.cancel()
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _drive(self, job: _Job) -> None:
        """Do a job when it is its turn, and put its messages into its queue."""
        if self._turn.locked():
            waiting = {"type": "preparing", "message": "waiting for another job to end"}
            job.messages.put_nowait({"event": waiting})
        async with self._turn:
            self._num_waiting -= 1
            if job.is_abandoned.is_set():
                return
            try:
                await self._do(job)
            except DashboardError as error:
                await self.end()
                job.messages.put_nowait(_as_message(error))
            except asyncio.CancelledError:
                await self.end()
                raise
        self._end_when_idle()

    async def _do(self, job: _Job) -> None:
        process = await self._ready_process()
        assert process.stdin is not None
        await self._write(process, job.request, job)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._job_limit_s
        abandoned = asyncio.create_task(job.is_abandoned.wait())
        try:
            while True:
                reading = asyncio.create_task(self._read(process, job))
                done, _ = await asyncio.wait(
                    {reading, abandoned} if not abandoned.done() else {reading},
                    timeout=max(0.0, deadline - loop.time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if abandoned in done:
                    deadline = min(deadline, loop.time() + _CANCEL_LIMIT_S)
                    await self._write(process, {"cancel": job.number}, job)
                if not done:
                    reading.cancel()
                    raise self._too_slow(job)
                message = await reading if abandoned not in done else await asyncio.wait_for(
                    reading, max(0.1, deadline - loop.time())
                )  # fmt: skip
                if message.get("id") != job.number:
                    continue
                job.messages.put_nowait(message)
                if "event" not in message:
                    return
        except TimeoutError as error:
            raise self._too_slow(job) from error
        finally:
            abandoned.cancel()

    async def _ready_process(self) -> asyncio.subprocess.Process:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._process is None or self._process.returncode is not None:
            environment = {key: value for key, value in os.environ.items() if "TOKEN" not in key}
            environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bit_transformer.dashboard.worker",
                self._results,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                limit=_MOST_LINE_BYTES,
                start_new_session=True,
            )
        return self._process

    async def _write(
        self, process: asyncio.subprocess.Process, message: Message, job: _Job
    ) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            # The pipe breaks a moment before the end of the process is known.
            raise _lost(job.name, await process.wait()) from error

    async def _read(self, process: asyncio.subprocess.Process, job: _Job) -> Message:
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
        except ValueError as error:
            raise DashboardError(
                "the answer is too large to be passed on; ask for less",
                status=413,
                kind="TooLargeError",
                fallbacks=("shorter",),
            ) from error
        if not line:
            raise _lost(job.name, await process.wait())
        return json.loads(line)

    def _too_slow(self, job: _Job) -> DashboardError:
        return DashboardError(
            f"{job.name} took longer than {self._job_limit_s:.0f} s and was ended; use less data",
            status=504,
            kind="TimeoutError",
            fallbacks=("shorter", "retry"),
        )

    def _end_when_idle(self) -> None:
        """Give the memory of a worker back that nobody has needed for a while."""

        def end_now() -> None:
            if not self._turn.locked():
                task = asyncio.ensure_future(self.end())
                self._drivers.add(task)
                task.add_done_callback(self._drivers.discard)

        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_LIMIT_S, end_now)


def _failure(message: Message) -> DashboardError:
    """What a job said of its failure, as an error."""
    told = message["error"]
    return DashboardError(
        told["what"],
        status=message.get("status", 500),
        kind=told["kind"],
        where=told["where"],
        fix=told["fix"],
        fallbacks=tuple(one["id"] for one in told["fallbacks"] if one["id"] in FALLBACKS),
    )


def _as_message(error: DashboardError) -> Message:
    return {"error": describe(error).model_dump(), "status": error.status}


def _lost(job: str, code: int | None) -> DashboardError:
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return DashboardError(
        f"the process that did {job} ended ({how}), as when memory runs out; try again, or use "
        "less data",
        status=502,
        kind="WorkerError",
        fallbacks=("retry", "shorter"),
    )
