"""Runs as the page shows them, out of their folders."""

import re
from pathlib import Path
from typing import Any

from bit_transformer.checkpoint import best_checkpoint
from bit_transformer.dashboard.schemas.runs import (
    Checkpoint,
    Progress,
    RunData,
    RunDetail,
    RunState,
    RunSummary,
    Sample,
    SamplesAnswer,
)
from bit_transformer.dashboard.storage.uploads import UploadStore
from bit_transformer.dashboard.training.disk import disk_trouble
from bit_transformer.dashboard.training.last_rows import LastRows, RowTracker
from bit_transformer.dashboard.training.recipes import nearest_recipe
from bit_transformer.dashboard.training.records import Request, Start, StartNotes, read_request
from bit_transformer.errors import BitTransformerError, DashboardError, InputError, RunError
from bit_transformer.runs import RunFolder, RunStatus, list_runs, read_json, read_metrics

__all__ = ["RunReader", "check_run_name"]

_RUN_NAME = re.compile(r"[\w][\w.+-]{0,199}")
_STATE_NAME = "trainings"


def check_run_name(name: str) -> None:
    """Refuse what cannot name a run.

    Raises:
        InputError: it holds other characters than names of folders everywhere may hold.
    """
    if _RUN_NAME.fullmatch(name) is None or ".." in name:
        raise InputError(
            f"{name[:80]!r} cannot name a run; use up to 200 letters, digits, '-', '_', '.' and "
            "'+', and begin with a letter or digit"
        )


class RunReader:
    """Reads all runs in one folder; ``uploads`` are what some of them learn from."""

    def __init__(self, root: Path, uploads: UploadStore) -> None:
        self.root = Path(root).expanduser().absolute()
        self._uploads = uploads
        self.notes = StartNotes(self.root / ".dashboard" / _STATE_NAME)
        self._rows = RowTracker()
        self._configs: dict[Path, tuple[int, dict[str, Any]]] = {}

    def open(self, run_id: str) -> RunFolder:
        """The run of that name.

        Raises:
            DashboardError: there is none.
        """
        if _RUN_NAME.fullmatch(run_id):
            run = RunFolder(self.root / run_id)
            is_claimed = run.path.is_dir() and self.notes.read(run_id) is not None
            if run.config_path.is_file() or is_claimed:
                return run
        raise DashboardError(
            f"there is no run {run_id[:200]!r} in {self.root}; reload the list of runs, since it "
            "may have been moved or deleted",
            status=404,
            kind="NotFoundError",
            fallbacks=("reload",),
        )

    def summaries(self) -> list[RunSummary]:
        """All runs, the one written to last first."""
        found = list_runs(self.root)
        known = {run.path.name for run in found}
        claimed = [RunFolder(self.root / name) for name in self.notes.names() - known]
        runs = [*found, *(run for run in claimed if run.path.is_dir())]
        runs = [run for run in runs if _RUN_NAME.fullmatch(run.path.name)]
        summaries = [self.summary(run) for run in runs]
        return sorted(summaries, key=lambda one: one.updated or 0.0, reverse=True)

    def summary(self, run: RunFolder) -> RunSummary:
        """One run in brief."""
        return RunSummary(**self._brief(run))

    def detail(self, run_id: str) -> RunDetail:
        """One run with all that its folder says.

        Raises:
            DashboardError: there is none.
        """
        run = self.open(run_id)
        config = self.config(run)
        recipe, others = nearest_recipe(config)
        return RunDetail(
            **self._brief(run),
            folder=str(run.path),
            config=config,
            data=[self._data(str(path)) for path in config.get("data", {}).get("paths", [])],
            nearest_recipe=recipe,
            other_settings=others,
            environment=_json_or_none(run.environment_path),
            checkpoints=_checkpoints(run),
            log=self.notes.log_tail(run.path.name),
        )

    def _data(self, path: str) -> RunData:
        upload = self._uploads.at(path)
        if upload is None:
            return RunData(path=path, name=path)
        return RunData(upload=upload.id, name=upload.name, num_bytes=upload.num_bytes)

    def samples(self, run_id: str, last: int) -> SamplesAnswer:
        """The last samples of a run, oldest first."""
        rows, _ = read_metrics(self.open(run_id).samples_path, on_corrupt=_ignore)
        return SamplesAnswer(
            samples=[
                Sample(
                    step=row["step"],
                    prompt=str(row.get("prompt", "")),
                    text=str(row.get("text", "")),
                    view=row.get("view"),
                    codec=row.get("codec"),
                )
                for row in rows[-last:]
            ]
        )

    def config(self, run: RunFolder) -> dict[str, Any]:
        """The configuration of a run; empty where there is none yet."""
        try:
            changed = run.config_path.stat().st_mtime_ns
            cached = self._configs.get(run.path)
            if cached is None or cached[0] != changed:
                if len(self._configs) > 1000:
                    self._configs.clear()
                cached = self._configs[run.path] = (changed, run.read_config())
        except (RunError, OSError):
            return {}
        return cached[1]

    def state(self, run: RunFolder) -> tuple[RunState, str]:
        """What a run does, and what to tell of it."""
        return self._state(run, _status(run), self.notes.read(run.path.name))

    def _state(
        self, run: RunFolder, status: RunStatus | None, start: Start | None
    ) -> tuple[RunState, str]:
        is_silent = status is None
        log = self.notes.log_tail(run.path.name) if is_silent else ""
        return _state(status, start, read_request(run), log)

    def _brief(self, run: RunFolder) -> dict[str, Any]:
        status, config, rows = _status(run), self.config(run), self._rows.read(run)
        start = self.notes.read(run.path.name)
        state, message = self._state(run, status, start)
        has_checkpoint = bool(run.checkpoints())
        model = config.get("model", {})
        return {
            "id": run.path.name,
            "name": str(config.get("name", run.path.name)),
            "status": state,
            "message": message,
            "started": status.started if status else start.time if start else None,
            "updated": status.updated if status else start.time if start else None,
            "progress": _progress(state, status, rows),
            **_figures(rows, run),
            "compress_prob": config.get("compress_prob"),
            "direct_prob": config.get("direct_prob"),
            "codecs": list(config.get("codecs", [])),
            "patch_bits": model.get("patch_bits"),
            "budget": config.get("budget"),
            "can_pause": state in ("running", "starting"),
            "can_stop": state in ("running", "starting", "paused"),
            "can_resume": state in ("paused", "stopped", "failed", "dead") and has_checkpoint,
            "has_checkpoint": has_checkpoint,
            "disk": disk_trouble(run, state, self._told(run, state, message)),
        }

    def _told(self, run: RunFolder, state: RunState, message: str) -> str:
        """What a run left to say; one that died may have said it in its log alone."""
        if state != "dead":
            return message
        return f"{message}\n{self.notes.log_tail(run.path.name)}"


def _state(
    status: RunStatus | None, start: Start | None, request: Request | None, log: str
) -> tuple[RunState, str]:
    if start is not None and start.is_alive and (status is None or status.process != start.process):
        return "starting", "the training is being loaded"
    if status is None and request is not None and start is not None and request.time > start.time:
        return "stopped", "it ended as asked, before it began"
    if status is None:
        last = log.splitlines()[-1] if log else "it left no message"
        return "failed", f"the training ended before it began: {last}"
    asked = request if request is not None and request.is_of(status) else None
    if status.state == "running":
        return _running_state(status, asked)
    if status.state == "stopped" and asked is not None and asked.request == "pause":
        return "paused", "paused; resume goes on from here"
    return status.state, status.message


def _running_state(status: RunStatus, asked: Request | None) -> tuple[RunState, str]:
    if status.is_alive():
        if asked is not None:
            word = "pausing" if asked.request == "pause" else "stopping"
            return "running", f"{word}: it saves after its present step"
        return "running", status.message
    if asked is not None and asked.request == "pause" and status.step:
        return "paused", "paused; resume goes on from here"
    if asked is not None:
        return "stopped", "it ended as asked, while it was being prepared"
    return "dead", (
        "its process is gone without a word, as when the machine restarts or memory runs out; "
        "resume goes on from the last checkpoint"
    )


def _status(run: RunFolder) -> RunStatus | None:
    try:
        return run.status()
    except RunError:
        return None


def _progress(state: RunState, status: RunStatus | None, rows: LastRows) -> Progress:
    last = rows.last or {}
    fraction, elapsed_s = last.get("progress"), last.get("elapsed_s")
    eta_s = None
    if state == "running" and fraction and elapsed_s is not None:
        eta_s = (elapsed_s + (last.get("apart_s") or 0.0)) * (1 - fraction) / fraction
    step = max(status.step if status else 0, last.get("step", 0))
    return Progress(step=step, fraction=fraction, eta_s=eta_s, elapsed_s=elapsed_s)


def _figures(rows: LastRows, run: RunFolder) -> dict[str, Any]:
    train, valid = rows.train or {}, rows.valid or {}
    views = train.get("views") if isinstance(train.get("views"), dict) else {}
    views = {name: view for name, view in (views or {}).items() if isinstance(view, dict)}
    ratios = [view.get("compression_ratio") for view in views.values()]
    accuracies = [view.get("bit_accuracy") for view in views.values()]
    best = _json_or_none(run.checkpoints_path / "best.json") or {}
    return {
        "bits_per_byte": train.get("bits_per_byte"),
        "held_out_bits_per_byte": valid.get("bits_per_byte"),
        "best_bits_per_byte": best.get("bits_per_byte"),
        "bit_accuracy": valid.get("bit_accuracy", next(iter(accuracies), None)),
        "bytes_per_s": train.get("bytes_per_s"),
        "compression_ratio": next((ratio for ratio in ratios if ratio is not None), None),
    }


def _checkpoints(run: RunFolder) -> list[Checkpoint]:
    try:
        best = best_checkpoint(run)
    except BitTransformerError:
        best = None
    return [
        Checkpoint(
            step=step,
            is_best=path == best,
            num_bytes=sum(one.stat().st_size for one in path.rglob("*") if one.is_file()),
        )
        for step, path in run.checkpoints()
    ]


def _json_or_none(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path)
    except RunError:
        return None


def _ignore(byte: int, line: bytes) -> None:
    del byte, line
