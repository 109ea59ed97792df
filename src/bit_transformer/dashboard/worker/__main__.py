"""``python -m bit_transformer.dashboard.worker RESULTS``: jobs in on stdin, answers on stdout.

Started by the server only. Jobs are done one after the other; a thread reads on meanwhile, to
learn of those that nobody waits for. When the server is gone, so is the worker, at once.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from bit_transformer.dashboard.failures import describe, status_of
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker.channel import Channel, JobCancelledError, JobContext

__all__ = ["main"]

_JOBS = {
    "generate": "generating",
    "score": "scoring",
    "telemetry": "measuring",
    "compare": "coding",
    "compress": "coding",
    "decompress": "coding",
    "inspect": "inspecting",
}
"""The module that has each job, as a function of the job's name."""

Job = dict[str, Any]
Function = Callable[[dict[str, Any], JobContext, ResultStore], dict[str, Any]]


def main() -> None:
    """Do jobs until stdin ends."""
    # Whatever prints must not be taken for an answer.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    channel, jobs = Channel(output), queue.Queue[Job]()
    results = ResultStore(Path(sys.argv[1]))
    threading.Thread(target=_read, args=(sys.stdin.buffer, channel, jobs), daemon=True).start()
    while True:
        job = jobs.get()
        _do(job, channel, results)
        channel.forget(job["id"])


def _read(lines: BinaryIO, channel: Channel, jobs: "queue.Queue[Job]") -> None:
    for line in lines:
        message = json.loads(line)
        if "cancel" in message:
            channel.cancel(message["cancel"])
        else:
            jobs.put(message)
    os._exit(0)  # the other thread may be deep in a computation


def _do(job: Job, channel: Channel, results: ResultStore) -> None:
    context = JobContext(channel, job["id"])
    try:
        context.check()
        module = import_module(f"bit_transformer.dashboard.worker.{_JOBS[job['job']]}")
        function: Function = getattr(module, job["job"])
        answer = {"result": function(job["arguments"], context, results)}
    except JobCancelledError:
        answer = {"cancelled": True}
    except Exception as error:  # noqa: BLE001 - told to the server, and by describe() to stderr
        answer = {
            "error": describe(error, job["job"]).model_dump(),
            "status": status_of(error),
        }
    channel.send({"id": job["id"], **answer})


if __name__ == "__main__":
    main()
