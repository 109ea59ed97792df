"""Who does the jobs of a batch: this thread, or worker processes beside it.

The rows are the same either way and for any number of workers. A batch's jobs are dealt out, and
all rows are awaited before the next batch; the loader reads ahead, so the training does not wait.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from bit_transformer.codecs.registry import get_codec
from bit_transformer.data.compression import Job, Row, do_job
from bit_transformer.data.worker import message_of_jobs, read_message, rows_in, write_message
from bit_transformer.errors import TrainingError

__all__ = ["InThread", "Pool", "Workers", "open_pool"]

_ENDING_S = 5.0


class Pool(Protocol):
    """Something that does jobs."""

    def rows(self, jobs: Sequence[Job]) -> list[Row]:
        """The rows of the jobs, in their order.

        Raises:
            TrainingError: a codec does not give back what it was given, or a worker has died.
        """
        ...

    def close(self) -> None:
        """End whatever does the jobs."""
        ...


class InThread:
    """The thread that asks does the jobs itself."""

    def rows(self, jobs: Sequence[Job]) -> list[Row]:
        """The rows of the jobs, in their order."""
        return [do_job(job) for job in jobs]

    def close(self) -> None:
        """Nothing is to be ended."""


class Workers:
    """Processes that do the jobs.

    Each has one message at a time: it has read all of it before it writes, and its answer is read
    before the next is sent, so that no two ever wait for each other.
    """

    def __init__(self, num_workers: int) -> None:
        self._processes = [_start() for _ in range(num_workers)]

    def rows(self, jobs: Sequence[Job]) -> list[Row]:
        """The rows of the jobs, in their order.

        Raises:
            TrainingError: a codec does not give back what it was given, or a worker has died.
        """
        share = -(-len(jobs) // len(self._processes))
        at_work = []
        for number, process in enumerate(self._processes):
            own = jobs[number * share : (number + 1) * share]
            if own:
                _send(process, own)
                at_work.append(process)
        return [row for process in at_work for row in _receive(process)]

    def close(self) -> None:
        """End the processes: their input ends, and so do they."""
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # it has died, and what was not yet sent is lost
                        pipe.close()
        for process in self._processes:
            try:
                process.wait(_ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def open_pool(num_workers: int, codecs: Sequence[str]) -> Pool:
    """Workers for these codecs; this thread where none are asked for.

    Workers start afresh and know the library's own codecs only. So this thread does the jobs also
    where a codec was registered by the program.
    """
    if num_workers == 0 or not all(_is_built_in(name) for name in codecs):
        return InThread()
    return Workers(num_workers)


def _is_built_in(name: str) -> bool:
    if name == "auto":
        return True
    return type(get_codec(name)).__module__.startswith("bit_transformer.codecs.")


def _start() -> "subprocess.Popen[bytes]":
    """A worker that imports the very package that this process has imported."""
    package_root = str(Path(__file__).parents[2])
    paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "bit_transformer.data.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # so that a terminal's Ctrl-C does not reach it
    )


def _send(process: "subprocess.Popen[bytes]", jobs: Sequence[Job]) -> None:
    assert process.stdin is not None
    try:
        write_message(process.stdin, message_of_jobs(jobs))
    except OSError as error:
        raise _death(process) from error


def _receive(process: "subprocess.Popen[bytes]") -> list[Row]:
    assert process.stdout is not None
    message = read_message(process.stdout)
    if message is None:
        raise _death(process)
    if "error" in message.head:
        raise TrainingError(message.head["error"])
    return rows_in(message)


def _death(process: "subprocess.Popen[bytes]") -> TrainingError:
    try:
        code = process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        code = None
    return TrainingError(
        f"a process that compresses batches has ended with code {code}; what it said is above. "
        "Set loader_workers to 0 to compress without such processes"
    )
