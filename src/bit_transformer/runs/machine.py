"""What a run ran on, so that its numbers can be judged and repeated."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["environment"]

_PACKAGES = ("bit-transformer", "torch", "numpy", "safetensors", "pydantic")
_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES", "WORLD_SIZE")


def environment() -> dict[str, Any]:
    """Versions, machine, commit and command line, as plain JSON values.

    Nothing is imported to find out, and no user or host name is recorded.
    """
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "num_cores": os.cpu_count(),
        "num_usable_cores": _num_usable_cores(),
        "memory_bytes": _memory_bytes(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "command": sys.argv,
        "commit": _git("rev-parse", "HEAD"),
        "has_uncommitted_changes": _has_uncommitted_changes(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else None


def _num_usable_cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _has_uncommitted_changes() -> bool | None:
    changes = _git("status", "--porcelain", "--untracked-files=no")
    return None if changes is None else bool(changes)


def _git(*arguments: str) -> str | None:
    """What git says about this package's own source, or None if it is not in a repository."""
    source = Path(__file__).resolve().parents[2]
    if source.name != "src" or not (source.parent / ".git").exists():
        return None
    command = ["git", "-C", str(source), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
