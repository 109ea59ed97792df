"""Who writes a run, and whether it still lives: ``status.json`` and the lock.

A process that is killed leaves ``"state": "running"`` behind. So a status names its process, with
the moment that process started, and readers ask the system whether that very process still runs.
From another machine the system cannot be asked; there the age of the last heartbeat decides.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bit_transformer.bits.files import writing_errors
from bit_transformer.errors import RunError, StorageError
from bit_transformer.runs.json_files import read_json
from bit_transformer.runs.process import ProcessIdentity, is_running, this_process

__all__ = ["HEARTBEAT_LIMIT_S", "RunLock", "RunState", "RunStatus", "read_status"]

RunState = Literal["running", "finished", "stopped", "failed"]

HEARTBEAT_LIMIT_S = 300.0
"""From another machine, a run whose last heartbeat is older than this counts as dead."""


class RunStatus(BaseModel):
    """What ``status.json`` holds.

    Units: ``started`` and ``updated`` are seconds since 1970 in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    state: RunState
    step: int = Field(ge=0)
    message: str = ""
    started: float
    updated: float
    host: str
    pid: int
    start_mark: str | None = None

    @property
    def process(self) -> ProcessIdentity:
        """The process that wrote this."""
        return ProcessIdentity(self.host, self.pid, self.start_mark)

    def is_alive(self) -> bool:
        """Whether the run is being written at this moment."""
        if self.state != "running":
            return False
        runs_here = is_running(self.process)
        if runs_here is None:
            return time.time() - self.updated < HEARTBEAT_LIMIT_S
        return runs_here


def read_status(path: Path) -> RunStatus:
    """The status in ``path``.

    Raises:
        RunError: the file is missing, not JSON, or lacks what a status has.
    """
    try:
        return RunStatus.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RunError(f"{path} is not a run's status: {place}: {first['msg']}") from error


class RunLock:
    """The right to write one run: at most one process holds it.

    The lock is a file created exclusively, naming its holder, so it works on shared folders and
    can be read by people. A lock whose holder has died is taken over.

    Raises:
        RunError: another living process holds it, whose number the message has; or there is no
            such folder.
        StorageError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with RunLock(folder / "writer.lock"):
        ...     sorted(p.name for p in folder.iterdir())
        ['writer.lock']
        >>> sorted(p.name for p in folder.iterdir())
        []
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_held = False

    def acquire(self) -> None:
        """Take the lock, or say who has it."""
        if self._try_to_create():
            return
        # Removing a dead holder's lock and making our own are two steps. Between them a third
        # process could remove the one that a second just made, so both happen under a guard.
        with _guarding(self.path.parent):
            self._remove_if_stale()
            if not self._try_to_create():
                raise RunError(_in_use(self.path, _holder(self.path)))

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        if not self._is_held:
            return
        self._is_held = False
        if _holder(self.path) == this_process():
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _try_to_create(self) -> bool:
        try:
            with writing_errors(self.path):
                handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileNotFoundError as error:
            raise RunError(f"there is no run folder {self.path.parent}") from error
        except StorageError as error:
            if isinstance(error.__cause__, FileExistsError):
                return False
            raise
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(this_process()), file)
        self._is_held = True
        return True

    def _remove_if_stale(self) -> None:
        holder = _holder(self.path)
        if holder is None:
            # Created but not yet filled: its holder is starting, or died in that very moment.
            is_stale = _age_s(self.path) > 10
        else:
            is_stale = is_running(holder) is False
        if is_stale:
            self.path.unlink(missing_ok=True)


def _holder(path: Path) -> ProcessIdentity | None:
    """Who holds the lock, or None if its file is gone or not filled yet."""
    try:
        fields = json.loads(path.read_bytes())
        return ProcessIdentity(str(fields["host"]), int(fields["pid"]), fields["start_mark"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _in_use(path: Path, holder: ProcessIdentity | None) -> str:
    if holder is None:
        return f"{path.parent} is being written by another process that just started; wait for it"
    whose = f"process {holder.pid} on {holder.host}"
    if is_running(holder) is None:
        return (
            f"{path.parent} is in use by {whose}, another machine; if that process is gone, "
            f"delete {path}"
        )
    return f"{path.parent} is in use by {whose}; stop it first, or choose another run folder"


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


@contextmanager
def _guarding(folder: Path) -> Iterator[None]:
    """Let one process of this machine at a time look at a stale lock, where the system can."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks: the guard is then only missing
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
