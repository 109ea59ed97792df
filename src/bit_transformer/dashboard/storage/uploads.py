"""Uploads: bytes from requests, in a folder of their own, limited in size, number and sum.

Each is a file named by its id, and beside it a JSON file with what people should know. An upload
that breaks off leaves nothing.
"""

import asyncio
import hashlib
import shutil
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import ValidationError

from bit_transformer.bits.files import atomic_path, is_temporary, writing_errors
from bit_transformer.dashboard.schemas.storage import Upload
from bit_transformer.dashboard.storage.names import check_id, new_id, no_such, shown_name
from bit_transformer.errors import DashboardError, RunError, StorageError
from bit_transformer.runs import read_json, write_json_atomically

__all__ = ["UploadStore"]

_IDLE_LIMIT_S = 60.0
_SPARE_DISK_BYTES = 64_000_000
"""Disk that uploads leave free, so that trainings can still save."""


class UploadStore:
    """The folder of uploads."""

    def __init__(self, folder: Path, *, max_bytes: int, max_number: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_number = max_number
        self._lock = threading.Lock()
        self._num_coming = 0

    def all(self) -> list[Upload]:
        """All uploads, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [self._read(path) for path in self.folder.glob("*.json") if not is_temporary(path)]
        return sorted((one for one in found if one), key=lambda one: one.created, reverse=True)

    def get(self, upload_id: str) -> Upload:
        """What is known of an upload.

        Raises:
            DashboardError: there is none of this id.
        """
        found = self._read(self.folder / f"{check_id(upload_id, 'upload')}.json")
        if found is None or not self.path(upload_id).is_file():
            raise no_such(upload_id, "upload")
        return found

    def path(self, upload_id: str) -> Path:
        """Where the bytes of an upload are, or would be."""
        return self.folder / f"{check_id(upload_id, 'upload')}.bin"

    def at(self, path: str) -> Upload | None:
        """The upload whose bytes lie at a path; None if they do not, or not any more."""
        name = Path(path)
        if name.parent != self.folder.absolute() or name.suffix != ".bin":
            return None
        try:
            return self.get(name.stem)
        except DashboardError:
            return None

    async def receive(
        self, name: str, parts: AsyncIterator[bytes], declared: int | None = None
    ) -> Upload:
        """Keep what comes.

        Raises:
            DashboardError: there are too many, it is too large, or it stopped coming.
            StorageError: the disk is full, or soon would be.
        """
        if declared is not None and declared > self._max_bytes:
            raise self._too_large()
        upload_id = new_id()
        with self._place():
            self._check_disk(declared or 0)
            path = self.path(upload_id)
            with atomic_path(path) as temporary:
                num_bytes, digest = await self._write(temporary, parts)
            found = Upload(
                id=upload_id,
                name=shown_name(name),
                num_bytes=num_bytes,
                sha256=digest,
                created=time.time(),
            )
            try:
                write_json_atomically(self._note_path(upload_id), found.model_dump())
            except StorageError:
                path.unlink(missing_ok=True)
                raise
        return found

    def delete(self, upload_id: str) -> None:
        """Delete an upload.

        Raises:
            DashboardError: there is none of this id.
        """
        self.get(upload_id)
        with writing_errors(self.folder):
            self._note_path(upload_id).unlink(missing_ok=True)
            self.path(upload_id).unlink(missing_ok=True)

    def _note_path(self, upload_id: str) -> Path:
        return self.folder / f"{upload_id}.json"

    def _read(self, path: Path) -> Upload | None:
        try:
            return Upload.model_validate(read_json(path))
        except (RunError, ValidationError):
            return None

    def _place(self) -> "_Place":
        return _Place(self)

    def _take_place(self) -> None:
        with self._lock:
            if len(self.all()) + self._num_coming >= self._max_number:
                raise DashboardError(
                    f"there are {self._max_number} uploads already; delete some that are not "
                    "needed any more",
                    status=409,
                    kind="TooManyUploadsError",
                    fallbacks=("free_space",),
                )
            self._num_coming += 1

    def _give_place_back(self) -> None:
        with self._lock:
            self._num_coming -= 1

    def _check_disk(self, num_bytes: int) -> None:
        with writing_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free - num_bytes < _SPARE_DISK_BYTES:
            raise StorageError(
                f"the disk of {self.folder} is nearly full, and trainings need the rest to save; "
                "delete old uploads or runs"
            )

    async def _write(self, path: Path, parts: AsyncIterator[bytes]) -> tuple[int, str]:
        digest, num_bytes, checked = hashlib.sha256(), 0, 0
        with writing_errors(path), path.open("wb") as file:
            while (part := await self._next(parts)) is not None:
                num_bytes += len(part)
                if num_bytes > self._max_bytes:
                    raise self._too_large()
                if num_bytes - checked > 1 << 24:
                    self._check_disk(0)
                    checked = num_bytes
                digest.update(part)
                file.write(part)
        return num_bytes, digest.hexdigest()

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes | None:
        try:
            return await asyncio.wait_for(anext(parts), _IDLE_LIMIT_S)
        except StopAsyncIteration:
            return None
        except TimeoutError as error:
            raise DashboardError(
                f"nothing came for {_IDLE_LIMIT_S:.0f} s, so the upload was given up; try again",
                status=408,
                kind="TimeoutError",
                fallbacks=("retry",),
            ) from error

    def _too_large(self) -> DashboardError:
        return DashboardError(
            f"the file is larger than the {self._max_bytes:,} bytes of an upload; use a part of "
            "it, or start the dashboard with a larger --max-upload",
            status=413,
            kind="TooLargeError",
            fallbacks=("shorter",),
        )


class _Place:
    """One upload's place among those that are allowed, for as long as the block lasts."""

    def __init__(self, store: UploadStore) -> None:
        self._store = store

    def __enter__(self) -> None:
        self._store._take_place()

    def __exit__(self, *_: object) -> None:
        self._store._give_place_back()
