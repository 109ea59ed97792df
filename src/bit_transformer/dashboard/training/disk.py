"""Whether a run ended because its disk is full, and whether there is room to go on.

A training that cannot write says so in its status where the disk still takes that, and else in its
log; where neither could be written, the room that is left tells.
"""

import shutil
from pathlib import Path

from rich.filesize import decimal

from bit_transformer.dashboard.schemas.runs import DiskRoom, RunState
from bit_transformer.errors import DashboardError
from bit_transformer.runs import RunFolder

__all__ = ["check_room", "disk_trouble"]

_TOLD_BY = ("the disk is full", "No space left on device")
_QUOTA_TOLD_BY = ("the disk quota is used up", "Disk quota exceeded")
"""What messages of a full disk hold: the library's, or the system's in another's words."""
_BESIDE_BYTES = 1_000_000
"""What a run writes beside its checkpoints: metrics, samples, its status."""


def disk_trouble(run: RunFolder, state: RunState, told: str) -> DiskRoom | None:
    """The room on the disk of a run that ended for want of it; None for any other.

    Args:
        told: what the run left to say: its message, and the end of its log if it died.
    """
    is_quota = any(words in told for words in _QUOTA_TOLD_BY)
    is_told = is_quota or any(words in told for words in _TOLD_BY)
    if state != "dead" and not (state == "failed" and is_told):
        return None
    room = _room(run)
    if is_quota:
        # What a quota leaves is not what the disk has.
        return room.model_copy(update={"free_bytes": None, "is_full": False})
    return room if is_told or room.is_full else None


def check_room(run: RunFolder) -> None:
    """Refuse to go on with a run whose next checkpoint cannot be saved.

    Raises:
        DashboardError: the disk has less room than its last checkpoint took.
    """
    room = _room(run)
    if not room.is_full or room.free_bytes is None:
        return
    needed = "" if room.needed_bytes is None else f", and about {decimal(room.needed_bytes)} needed"
    raise DashboardError(
        f"The disk of {room.folder} is full: {decimal(room.free_bytes)} are free{needed}.",
        status=507,
        kind="StorageError",
        where=f"the run {run.path.name}",
        fix=f"Free space in {room.folder}, as by deleting runs or uploads that are not needed any "
        "more; then resume.",
        fallbacks=("resume",),
    )


def _room(run: RunFolder) -> DiskRoom:
    folder = run.path.parent
    needed = _last_checkpoint_bytes(run)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = None
    least = (needed or 0) + _BESIDE_BYTES
    return DiskRoom(
        folder=str(folder),
        free_bytes=free,
        needed_bytes=None if needed is None else least,
        is_full=free is not None and free < least,
    )


def _last_checkpoint_bytes(run: RunFolder) -> int | None:
    checkpoints = run.checkpoints()
    return _tree_bytes(checkpoints[-1][1]) if checkpoints else None


def _tree_bytes(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
