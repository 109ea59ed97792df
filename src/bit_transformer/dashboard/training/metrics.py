"""Increments of metrics for viewers, at once or as soon as there is something new.

Ten viewers of a run ask for the same increments: they share its columns, the answers made of
them, and one watcher, which looks at the run's files and wakes all who wait.
"""

import asyncio
import csv
import io
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bit_transformer.dashboard.schemas.runs import RunSummary
from bit_transformer.dashboard.training.columns import RunColumns
from bit_transformer.dashboard.training.records import CONTROL_NAME
from bit_transformer.runs import RunFolder

__all__ = ["MetricsReader"]

_MOST_RUNS = 16
_MOST_ANSWERS = 16
_LOOK_EVERY_S = 0.03
_GATHER_S = 0.01
"""After a first change, for what is written with it."""
_LEAST_GAP_S = 0.12
"""From one telling to the next, so that a run of many small steps is not slowed by its viewers."""
_SUMMARY_S = 0.05
_ALIVE_EVERY_S = 1.0


class MetricsReader:
    """The columns of the runs that were asked for lately."""

    def __init__(self) -> None:
        self._runs: OrderedDict[Path, _Followed] = OrderedDict()

    async def answer(
        self,
        run: RunFolder,
        summary: Callable[[], RunSummary],
        *,
        since: str,
        max_points: int,
        until: int | None,
        wait_s: float,
    ) -> bytes:
        """The body of an answer with what is new since a token, as JSON."""
        followed = self._follow(run)
        await followed.refresh()
        if wait_s and followed.columns.since(since) == followed.columns.num_rows:
            await followed.wait_for_news(wait_s)
            await followed.refresh()
        run_text = await followed.summary(summary)
        body = followed.increment(since, until, max_points)
        return f'{body[:-1]},"run":{run_text}}}'.encode()

    def csv(self, run: RunFolder) -> str:
        """All rows of a run as CSV, in their order."""
        names: dict[str, None] = {"step": None, "kind": None}
        for row in _flat_rows(run.metrics_path):
            names |= dict.fromkeys(row)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(names), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(_flat_rows(run.metrics_path))
        return out.getvalue()

    def close(self) -> None:
        """Wake all who wait, since no news will come."""
        for followed in self._runs.values():
            followed.wake()

    def _follow(self, run: RunFolder) -> "_Followed":
        followed = self._runs.get(run.path)
        if followed is None:
            followed = self._runs[run.path] = _Followed(run)
        self._runs.move_to_end(run.path)
        while len(self._runs) > _MOST_RUNS:
            _, oldest = self._runs.popitem(last=False)
            oldest.wake()
        return followed


class _Followed:
    """One run that viewers look at."""

    def __init__(self, run: RunFolder) -> None:
        self.columns = RunColumns(run.metrics_path)
        self._run = run
        self._lock = asyncio.Lock()
        self._seen: tuple[int, int] | None = None
        self._answers: OrderedDict[tuple[Any, ...], str] = OrderedDict()
        self._summary: asyncio.Task[str] | None = None
        self._summary_until = 0.0
        self._watcher: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._num_waiting = 0
        self._told_at = 0.0

    async def refresh(self) -> None:
        """Read what was appended."""
        now = _size(self._run.metrics_path)
        if now == self._seen:
            return
        async with self._lock:
            now = _size(self._run.metrics_path)
            if now != self._seen:
                await asyncio.to_thread(self.columns.update)
                self._seen = now

    async def summary(self, make: Callable[[], RunSummary]) -> str:
        """The run in brief, as JSON; made once for all viewers that are woken together."""
        now = time.monotonic()
        if self._summary is None or now > self._summary_until:
            self._summary_until = now + _SUMMARY_S
            self._summary = asyncio.create_task(asyncio.to_thread(_as_json, make))
        return await asyncio.shield(self._summary)

    def increment(self, since: str, until: int | None, max_points: int) -> str:
        """An answer but for the run's summary, as JSON."""
        columns = self.columns
        start = columns.since(since)
        key = (start, until, max_points, columns.token)
        found = self._answers.get(key)
        if found is None:
            content = {
                "next": columns.token,
                "is_reset": start is None,
                "num_points": columns.num_rows - (start or 0),
                "series": columns.series(start or 0, until, max_points),
            }
            found = json.dumps(content, separators=(",", ":"), allow_nan=False)
            self._answers[key] = found
            while len(self._answers) > _MOST_ANSWERS:
                self._answers.popitem(last=False)
        return found

    async def wait_for_news(self, wait_s: float) -> None:
        """Return when the run's files change, or after ``wait_s``."""
        if self._watcher is None or self._watcher.done():
            self._news = asyncio.Event()
            self._watcher = asyncio.create_task(self._watch())
        self._num_waiting += 1
        try:
            await asyncio.wait_for(self._news.wait(), wait_s)
        except TimeoutError:
            return
        finally:
            self._num_waiting -= 1

    def wake(self) -> None:
        """Let all who wait go."""
        self._news.set()

    async def _watch(self) -> None:
        """Look at the files until they change or nobody waits."""
        before, alive_at = self._signature(), time.monotonic()
        is_alive = self._run.is_alive()
        while not self._news.is_set():
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self._num_waiting:
                break
            is_changed = self._signature() != before
            if time.monotonic() - alive_at > _ALIVE_EVERY_S:
                alive_at = time.monotonic()
                is_changed = is_changed or self._run.is_alive() != is_alive
            if is_changed:
                rest_s = self._told_at + _LEAST_GAP_S - time.monotonic()
                await asyncio.sleep(max(_GATHER_S, rest_s))
                break
        self._told_at = time.monotonic()
        self._news.set()

    def _signature(self) -> tuple[Any, ...]:
        paths = (
            self._run.metrics_path,
            self._run.samples_path,
            self._run.status_path,
            self._run.path / CONTROL_NAME,
        )
        return tuple(_size(path) for path in paths)


def _as_json(make: Callable[[], RunSummary]) -> str:
    return make().model_dump_json()


def _size(path: Path) -> tuple[int, int]:
    """What changes when a file grows or is replaced."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_ino, status.st_size)


def _flat_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for line in file:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                yield _flat(row, "")


def _flat(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = "; ".join(map(str, value)) if isinstance(value, list) else value
    return flat
