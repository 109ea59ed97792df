"""Trainings started, paused, resumed and stopped: processes of their own, in their own session.

A training that was started here goes on when the server ends, and is found again by its folder.
Asking one to end is the signal that Ctrl-C is for it too: it saves, and then ends. A signal is
sent only to a process of this machine that holds the run's lock and still is the one that the
run's status names.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

from bit_transformer.bits.files import atomic_path, writing_errors
from bit_transformer.codecs.registry import get_codec
from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.schemas.runs import NewRun, RunSummary, UploadedData
from bit_transformer.dashboard.storage.folders import ReadableFolders
from bit_transformer.dashboard.storage.uploads import UploadStore
from bit_transformer.dashboard.training.disk import check_room
from bit_transformer.dashboard.training.reading import RunReader, check_run_name
from bit_transformer.dashboard.training.recipes import option_settings
from bit_transformer.dashboard.training.records import write_request
from bit_transformer.errors import DashboardError, RunError, StorageError
from bit_transformer.recipes import build_config, write_toml
from bit_transformer.runs import RunFolder, read_json
from bit_transformer.runs.process import ProcessIdentity, identify, is_running
from bit_transformer.training.config import TrainConfig

__all__ = ["RunControl"]

_ENDING_S = 20.0


class RunControl:
    """Starts and ends the trainings of one run folder."""

    def __init__(
        self,
        runs: RunReader,
        folders: ReadableFolders,
        uploads: UploadStore,
        config: DashboardConfig,
    ) -> None:
        self._runs = runs
        self._folders = folders
        self._uploads = uploads
        self._max_running = config.max_running
        self._lock = threading.Lock()
        self._children: set[int] = set()

    def start(self, new: NewRun) -> RunSummary:
        """The run that was just started.

        Raises:
            ConfigError: the settings do not fit together.
            DashboardError: the name is taken, the data may not be read, or too many run already.
            StorageError: the run's folder cannot be made.
        """
        name = new.name or f"{new.recipe}-{time.strftime('%Y%m%d-%H%M%S')}"
        check_run_name(name)
        run = RunFolder(self._runs.root / name)
        config = self._configuration(new, run)
        with self._lock:
            self._check_load()
            self._claim(run)
            try:
                self._write_config(run, config)
                self._spawn(run, ["--config", str(self._runs.notes.config_path(name))])
            except (StorageError, OSError):
                run.path.rmdir()
                raise
        return self._runs.summary(run)

    def resume(self, run_id: str) -> RunSummary:
        """The run that goes on.

        Raises:
            DashboardError: there is none, it has no checkpoint, it is running, or the disk has no
                room for its next checkpoint.
        """
        run = self._runs.open(run_id)
        _wait_for_end(run)
        with self._lock:
            self._reap()
            summary = self._runs.summary(run)
            if not summary.can_resume:
                raise DashboardError(_why_not_resumed(summary), status=409, kind="RunError")
            check_room(run)
            self._check_load()
            write_request(run, None)
            self._spawn(run, ["--resume", str(run.path)])
        return self._runs.summary(run)

    def pause(self, run_id: str) -> RunSummary:
        """The run that was asked to save and end, to be resumed.

        Raises:
            DashboardError: there is none, or it is not running.
        """
        return self._end(run_id, "pause")

    def stop(self, run_id: str) -> RunSummary:
        """The run that was asked to save and end; one that is paused just changes its name."""
        return self._end(run_id, "stop")

    def check_upload_is_free(self, upload_id: str) -> None:
        """Refuse if a run that can still go on learns from the upload.

        Raises:
            DashboardError: one does.
        """
        path = str(self._uploads.path(upload_id))
        for summary in self._runs.summaries():
            config = self._runs.config(self._runs.open(summary.id))
            if path in config.get("data", {}).get("paths", []) and summary.status != "finished":
                raise DashboardError(
                    f"the run {summary.id!r} learns from this upload and is not finished; stop "
                    "it and delete its folder first",
                    status=409,
                    kind="InUseError",
                )

    def _configuration(self, new: NewRun, run: RunFolder) -> TrainConfig:
        settings = option_settings(new.options)
        paths = [self._data_path(one) for one in new.data]
        codecs = settings.get("codecs", [])
        for codec in codecs:
            if codec != "auto":
                get_codec(codec)
        layer: dict[str, Any] = {"run_dir": str(run.path), "name": run.path.name}
        if paths:
            layer["data"] = {"paths": paths}
        if new.budget is not None:
            layer["budget"] = new.budget
        return build_config(new.recipe, settings, layer)

    def _data_path(self, one: UploadedData | str) -> str:
        if isinstance(one, UploadedData):
            self._uploads.get(one.upload)
            return str(self._uploads.path(one.upload).absolute())
        return str(self._folders.check(one))

    def _check_load(self) -> None:
        self._reap()
        states = [one.status for one in self._runs.summaries()]
        num_running = sum(state in ("running", "starting") for state in states)
        if num_running >= self._max_running:
            raise DashboardError(
                f"{num_running} trainings run already, which is as many as may; stop or pause one",
                status=429,
                kind="BusyError",
                fallbacks=("retry",),
            )

    def _claim(self, run: RunFolder) -> None:
        """Make the folder, which nobody else can have made."""
        with writing_errors(run.path.parent):
            run.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            run.path.mkdir()
        except FileExistsError as error:
            raise DashboardError(
                f"there is a run {run.path.name!r} already; choose another name",
                status=409,
                kind="NameTakenError",
                fallbacks=("other_name",),
            ) from error
        except OSError as error:
            raise StorageError(
                f"cannot make {run.path}: {error.strerror}; choose another place with --runs"
            ) from error

    def _write_config(self, run: RunFolder, config: TrainConfig) -> None:
        path = self._runs.notes.config_path(run.path.name)
        with atomic_path(path) as temporary:
            temporary.write_text(write_toml(config), encoding="utf-8")

    def _spawn(self, run: RunFolder, options: list[str]) -> None:
        notes, name = self._runs.notes, run.path.name
        command = [sys.executable, "-m", "bit_transformer", "train", *options, "--quiet"]
        environment = {key: value for key, value in os.environ.items() if "TOKEN" not in key}
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        log_path = notes.log_path(name)
        with writing_errors(log_path):
            log_path.parent.mkdir(parents=True, exist_ok=True)
            with log_path.open("ab") as log:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=self._runs.root,
                    start_new_session=True,
                )
        # It is not this object's to wait for: it goes on when the server is gone.
        child.returncode = 0
        self._children.add(child.pid)
        notes.write(name, identify(child.pid))

    def _end(self, run_id: str, asked: Literal["pause", "stop"]) -> RunSummary:
        run = self._runs.open(run_id)
        with self._lock:
            self._reap()
            summary = self._runs.summary(run)
            if asked == "stop" and summary.status == "paused":
                write_request(run, "stop")
            elif summary.status in ("running", "starting"):
                process = self._writer(run, summary)
                write_request(run, asked, process)
                os.kill(process.pid, signal.SIGTERM)
            else:
                raise DashboardError(
                    f"the run {run_id!r} is {summary.status}, so there is nothing to {asked}; "
                    "reload to see its state",
                    status=409,
                    kind="RunError",
                    fallbacks=("reload",),
                )
        return self._runs.summary(run)

    def _writer(self, run: RunFolder, summary: RunSummary) -> ProcessIdentity:
        """The process that writes a run, if it is certain which one that is."""
        if summary.status == "starting":
            start = self._runs.notes.read(run.path.name)
            process = None if start is None else start.process
        else:
            process = run.status().process
            if not _holds_lock(run, process):
                process = None
        if process is None or is_running(process) is not True or process.pid == os.getpid():
            raise DashboardError(
                f"the process of the run {run.path.name!r} cannot be told for sure from here; "
                "end it on the machine where it was started, with Ctrl-C or its SIGTERM",
                status=409,
                kind="RunError",
            )
        return process

    def _reap(self) -> None:
        """Let processes go that have ended, so that the system forgets them."""
        if os.name != "posix":
            return
        for pid in list(self._children):
            try:
                has_ended = os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                has_ended = True
            if has_ended:
                self._children.discard(pid)


def _wait_for_end(run: RunFolder) -> None:
    """Let the process end that has saved and said so: it still holds the lock for a moment."""
    deadline = time.monotonic() + _ENDING_S
    while time.monotonic() < deadline:
        try:
            status = run.status()
        except RunError:
            return
        is_ending = status.state != "running" and is_running(status.process) is True
        if not (is_ending and _holds_lock(run, status.process)):
            return
        time.sleep(0.05)


def _holds_lock(run: RunFolder, process: ProcessIdentity) -> bool:
    try:
        holder = read_json(Path(run.path / "writer.lock"))
    except RunError:
        return False
    held = (holder.get("host"), holder.get("pid"), holder.get("start_mark"))
    return held == (process.host, process.pid, process.start_mark)


def _why_not_resumed(summary: RunSummary) -> str:
    if summary.status in ("running", "starting"):
        return f"the run {summary.id!r} is {summary.status} already; reload to see it"
    if summary.status == "finished":
        return (
            f"the run {summary.id!r} is finished: its budget is spent; train on with "
            f"'bit-transformer train --resume {summary.id} --budget LARGER'"
        )
    return (
        f"the run {summary.id!r} has no checkpoint to go on from; start a new run with the same "
        "settings"
    )
