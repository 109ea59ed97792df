"""The run folder, as a contract between the one process that writes it and all that read it.

    NAME/
      config.json              the whole resolved configuration; written once, at the start
      environment.json         what the run runs on: versions, machine, commit
      status.json              state, step, heartbeat and process; replaced every few seconds
      metrics.jsonl            one JSON object a line, each with an integer "step"; grows
      samples.jsonl            the same, for generated samples
      checkpoints/
        step_00000100/         one checkpoint; complete if it has this name
      tensorboard/             event files, where asked for
      writer.lock              who may write; there only while somebody does

``config.json`` makes a folder a run. The writer holds the lock from before its first write to
after its last. ``status.json`` says ``running``, ``finished`` (the budget is spent), ``stopped``
(asked to stop, and saved) or ``failed`` (with the reason as its message); a ``running`` whose
process is gone was killed, see :meth:`RunFolder.is_alive`. The ``.json`` files are replaced whole.
The ``.jsonl`` files only grow, except that a resumed run first cuts the rows after the step it
resumes from; readers meet that in :func:`~bit_transformer.runs.read_metrics`. Names that begin
with a dot are temporary. Readers ignore names that they do not know.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bit_transformer.bits.files import writing_errors
from bit_transformer.errors import InputError, RunError
from bit_transformer.runs.json_files import read_json, write_json_atomically
from bit_transformer.runs.process import this_process
from bit_transformer.runs.status import RunLock, RunState, RunStatus, read_status

__all__ = ["HEARTBEAT_S", "RunFolder", "latest_run", "list_runs", "open_run"]

HEARTBEAT_S = 2.0
"""How often a running run renews its status."""

_CHECKPOINT_NAME = re.compile(r"step_(\d{8,})")
_RUN_NAME = re.compile(r"[\w][\w.+-]*")


@dataclass(frozen=True)
class RunFolder:
    """One run's folder: the paths of its files, and its status."""

    path: Path

    @classmethod
    def create(
        cls, path: Path | None = None, name: str = "run", root: Path = Path("runs")
    ) -> "RunFolder":
        """A new, empty run folder.

        Args:
            path: the folder itself, which must not exist or be empty.
            name: without a path, the folder is made in ``root`` and called this and the time.
            root: where runs live.

        Raises:
            RunError: ``path`` already holds something.
            InputError: the name cannot be part of a folder's name.
            StorageError: the folder cannot be made.
        """
        if path is None:
            path = _unused_path(root, name)
        elif path.is_dir() and any(path.iterdir()):
            raise RunError(
                f"{path} already holds a run or other files; resume it, or choose another folder"
            )
        with writing_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.json"

    @property
    def environment_path(self) -> Path:
        """What the run ran on."""
        return self.path / "environment.json"

    @property
    def status_path(self) -> Path:
        """State, step and heartbeat."""
        return self.path / "status.json"

    @property
    def metrics_path(self) -> Path:
        """One row of numbers a line."""
        return self.path / "metrics.jsonl"

    @property
    def samples_path(self) -> Path:
        """One generated sample a line."""
        return self.path / "samples.jsonl"

    @property
    def checkpoints_path(self) -> Path:
        """The folder of all checkpoints."""
        return self.path / "checkpoints"

    @property
    def tensorboard_path(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    def checkpoint_path(self, step: int) -> Path:
        """Where the checkpoint of ``step`` is, or would be."""
        return self.checkpoints_path / f"step_{step:08d}"

    def checkpoints(self) -> list[tuple[int, Path]]:
        """Step and folder of every complete checkpoint, oldest first."""
        if not self.checkpoints_path.is_dir():
            return []
        matches = [(_CHECKPOINT_NAME.fullmatch(p.name), p) for p in self.checkpoints_path.iterdir()]
        return sorted((int(match[1]), path) for match, path in matches if match and path.is_dir())

    def lock(self) -> RunLock:
        """The right to write this run, to be used in a ``with`` statement."""
        return RunLock(self.path / "writer.lock")

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Save the resolved configuration, as plain JSON values."""
        write_json_atomically(self.config_path, dict(config))

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration."""
        return read_json(self.config_path)

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Save what the run runs on."""
        write_json_atomically(self.environment_path, dict(environment))

    def status(self) -> RunStatus:
        """The last status that was written.

        Raises:
            RunError: there is none yet, or the file is damaged.
        """
        return read_status(self.status_path)

    def write_status(self, state: RunState, step: int, message: str = "") -> None:
        """Replace the status by one that names the calling process."""
        process, now = this_process(), time.time()
        started = now
        if self.status_path.exists():
            earlier = _status_or_none(self)
            if earlier is not None and earlier.process == process and earlier.state == "running":
                started = earlier.started
        status = RunStatus(
            state=state, step=step, message=message, started=started, updated=now, **asdict(process)
        )
        write_json_atomically(self.status_path, status.model_dump())

    def beat(self, step: int, message: str = "") -> None:
        """Renew the heartbeat of a running run, unless that was done a moment ago."""
        earlier = _status_or_none(self)
        is_fresh = (
            earlier is not None
            and earlier.state == "running"
            and 0 <= time.time() - earlier.updated < HEARTBEAT_S
        )
        if not is_fresh:
            self.write_status("running", step, message)

    def is_alive(self) -> bool:
        """Whether a process is writing this run at this moment."""
        status = _status_or_none(self)
        return status is not None and status.is_alive()


def open_run(path: Path) -> RunFolder:
    """The run in ``path``.

    Raises:
        RunError: there is no folder, or it is not a run's.
    """
    path = Path(path)
    if not path.is_dir():
        raise RunError(f"there is no run folder {path}")
    run = RunFolder(path)
    if not run.config_path.is_file():
        raise RunError(f"{path} is not a run folder: it has no {run.config_path.name}")
    return run


def list_runs(root: Path = Path("runs")) -> list[RunFolder]:
    """All runs directly in ``root``, the one written to last first; none if there is no root."""
    root = Path(root)
    if not root.is_dir():
        return []
    runs = [RunFolder(path) for path in root.iterdir() if not path.name.startswith(".")]
    runs = [run for run in runs if run.config_path.is_file()]
    return sorted(runs, key=lambda run: (_last_written(run), run.path.name), reverse=True)


def latest_run(root: Path = Path("runs")) -> RunFolder:
    """The run in ``root`` that was written to last.

    Raises:
        RunError: there is none.
    """
    runs = list_runs(root)
    if not runs:
        raise RunError(f"there is no run in {root}; start one, or name its folder")
    return runs[0]


def _status_or_none(run: RunFolder) -> RunStatus | None:
    try:
        return run.status()
    except RunError:
        return None


def _last_written(run: RunFolder) -> float:
    status = _status_or_none(run)
    return run.config_path.stat().st_mtime if status is None else status.updated


def _unused_path(root: Path, name: str) -> Path:
    if not _RUN_NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a run; use letters, digits, '-', '_', '.' and '+', "
            "and begin with a letter or digit"
        )
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = root / stem, 1
    while path.exists():
        number += 1
        path = root / f"{stem}-{number}"
    return path
