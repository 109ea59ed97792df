"""What identifies a process beyond its number, which systems give away again."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessIdentity", "identify", "is_running", "this_process"]


@dataclass(frozen=True)
class ProcessIdentity:
    """One process: its machine, its number there, and what tells it from a later namesake.

    Args:
        host: name of the machine.
        pid: number of the process.
        start_mark: the boot and clock tick at which it started; None where the system does not
            tell.
    """

    host: str
    pid: int
    start_mark: str | None


def this_process() -> ProcessIdentity:
    """The identity of the calling process."""
    return identify(os.getpid())


def identify(pid: int) -> ProcessIdentity:
    """The identity of the process that has this number on this machine now."""
    return ProcessIdentity(platform.node(), pid, _start_mark(pid))


def is_running(process: ProcessIdentity) -> bool | None:
    """Whether ``process`` still runs, or None if that cannot be known from this machine."""
    if process.host != platform.node() or os.name != "posix":
        return None
    if not _number_is_taken(process.pid):
        return False
    if process.start_mark is None or _start_mark(os.getpid()) is None:
        return True
    return _start_mark(process.pid) == process.start_mark


def _number_is_taken(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _start_mark(pid: int) -> str | None:
    """Boot and clock tick of a process's start; None if it has ended or there is no ``/proc``."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, and may itself hold any of " ()".
    fields = stat.rpartition(")")[2].split()
    state, start_tick = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}:{start_tick}"
