"""Stopping when asked to: Ctrl-C and the system's request to end become a flag that the loop reads.

The second Ctrl-C is not caught: it ends the process at once, as anywhere else.
"""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopRequest"]


class StopRequest:
    """Whether somebody asked this process to stop, for as long as the block lasts.

    Outside the main thread, where Python hears no signals, only :meth:`ask` sets it.

    Example:
        >>> with StopRequest() as stop:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     stop.reason
        'SIGTERM'
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._earlier: dict[signal.Signals, Any] = {}

    def ask(self, reason: str) -> None:
        """Request the stop from within the program."""
        self.reason = self.reason or reason

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._earlier[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.ask(signal.Signals(number).name)
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
