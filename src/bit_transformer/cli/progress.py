"""Progress of long work on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["byte_progress", "note"]

Update = Callable[[int, int], None]

_LINE_EVERY_S = 10.0


def note(text: str) -> None:
    """Tell the person at the terminal something that is not a result."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def byte_progress(title: str, *, is_quiet: bool = False) -> Iterator[Update]:
    """A function that takes the bytes done and the bytes in all, and shows them with rate and ETA.

    A total of 0 means that it is not known yet.
    """
    if is_quiet:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        with _bar(title) as update:
            yield update
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        yield update


def _lines(title: str) -> Update:
    started = told = time.monotonic()

    def update(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told < _LINE_EVERY_S or not total:
            return
        told = now
        rate = done / (now - started)
        note(f"{title}: {done / total:.0%} of {total:,} bytes, {rate / 1000:,.1f} KB/s")

    return update
