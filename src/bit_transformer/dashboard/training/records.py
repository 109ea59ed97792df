"""What the dashboard notes of trainings that it started, and what it asked of any.

A start's note and log lie hidden among the runs, since a run's folder must be empty when its
training begins. What was asked of a run lies in its folder, as ``control.json``: so every
dashboard that reads the folder can tell a paused run from a stopped one.
"""

import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bit_transformer.errors import RunError
from bit_transformer.runs import RunFolder, RunStatus, read_json, write_json_atomically
from bit_transformer.runs.process import ProcessIdentity, is_running

__all__ = ["Request", "Start", "StartNotes", "read_request", "write_request"]

CONTROL_NAME = "control.json"
_LOG_TAIL_BYTES = 16_384

Asked = Literal["pause", "stop"]


class Request(BaseModel):
    """What was asked of a run, when, and of which process, if it was asked of one."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    request: Asked
    time: float
    pid: int | None = None
    start_mark: str | None = None

    def is_of(self, status: RunStatus) -> bool:
        """Whether it was asked of the process that wrote a status, or of the run since then.

        A process may be asked while it is being loaded, before it writes that it has started.
        """
        is_same = self.pid is not None and (self.pid, self.start_mark) == (
            status.pid,
            status.start_mark,
        )
        return is_same or self.time >= status.started


class Start(BaseModel):
    """Which process was started for a run, and when."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    time: float
    host: str
    pid: int
    start_mark: str | None

    @property
    def process(self) -> ProcessIdentity:
        """The process that was started."""
        return ProcessIdentity(self.host, self.pid, self.start_mark)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return is_running(self.process) is True


class StartNotes:
    """The notes, configurations and logs of the trainings that were started from here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> set[str]:
        """The runs that there are notes of."""
        return {path.stem for path in self.folder.glob("*.json")}

    def read(self, name: str) -> Start | None:
        """The last start of a run, if it was from here."""
        try:
            return Start.model_validate(read_json(self.folder / f"{name}.json"))
        except (RunError, ValidationError):
            return None

    def write(self, name: str, process: ProcessIdentity) -> None:
        """Note a start."""
        start = Start(
            time=time.time(), host=process.host, pid=process.pid, start_mark=process.start_mark
        )
        write_json_atomically(self.folder / f"{name}.json", start.model_dump())

    def config_path(self, name: str) -> Path:
        """Where the configuration lies that a run is started with."""
        return self.folder / f"{name}.toml"

    def log_path(self, name: str) -> Path:
        """Where a run's output goes."""
        return self.folder / f"{name}.log"

    def log_tail(self, name: str) -> str:
        """The end of a run's output."""
        try:
            with self.log_path(name).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _LOG_TAIL_BYTES))
                return file.read().decode("utf-8", errors="replace").strip()
        except OSError:
            return ""


def read_request(run: RunFolder) -> Request | None:
    """What was last asked of a run."""
    try:
        return Request.model_validate(read_json(run.path / CONTROL_NAME))
    except (RunError, ValidationError):
        return None


def write_request(
    run: RunFolder, asked: Asked | None, process: ProcessIdentity | None = None
) -> None:
    """Note what is asked of a run, and of which process of it; None: nothing any more."""
    path = run.path / CONTROL_NAME
    if asked is None:
        path.unlink(missing_ok=True)
        return
    pid, start_mark = (process.pid, process.start_mark) if process else (None, None)
    request = Request(request=asked, time=time.time(), pid=pid, start_mark=start_mark)
    write_json_atomically(path, request.model_dump())
