"""How a job in a worker process speaks to the server: one JSON object a line.

Text and not pickled objects, so that neither side can run what the other sends.
"""

import json
import threading
from typing import Any, BinaryIO

from bit_transformer.errors import BitTransformerError

__all__ = ["Channel", "JobCancelledError", "JobContext"]


class JobCancelledError(BitTransformerError):
    """Nobody waits for the job any more."""


class Channel:
    """The worker's end of the line; used by the thread that reads and the one that works."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._cancelled: set[int] = set()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        line = json.dumps(message, separators=(",", ":"), allow_nan=False)
        with self._lock:
            self._output.write(line.encode("utf-8", errors="replace") + b"\n")
            self._output.flush()

    def cancel(self, job_id: int) -> None:
        """Note that a job's end is not waited for."""
        self._cancelled.add(job_id)

    def is_cancelled(self, job_id: int) -> bool:
        """Whether it was noted."""
        return job_id in self._cancelled

    def forget(self, job_id: int) -> None:
        """Forget a job that has ended."""
        self._cancelled.discard(job_id)


class JobContext:
    """What a job knows of who waits for it."""

    def __init__(self, channel: Channel, job_id: int) -> None:
        self._channel = channel
        self._job_id = job_id

    def emit(self, event: dict[str, Any]) -> None:
        """Tell something before the end.

        Raises:
            JobCancelledError: nobody waits any more.
        """
        self.check()
        self._channel.send({"id": self._job_id, "event": event})

    def preparing(self, message: str) -> None:
        """Tell what takes a while."""
        self.emit({"type": "preparing", "message": message})

    def check(self) -> None:
        """End the job if nobody waits for it.

        Raises:
            JobCancelledError: so it is.
        """
        if self._channel.is_cancelled(self._job_id):
            raise JobCancelledError("nobody waits for this job any more; start another")
