"""Results to download: files that workers wrote, kept until newer ones take their place."""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from bit_transformer.bits.files import write_bytes_atomically
from bit_transformer.dashboard.schemas.storage import Download
from bit_transformer.dashboard.storage.names import check_id, new_id, no_such, shown_name
from bit_transformer.errors import RunError
from bit_transformer.runs import read_json, write_json_atomically

__all__ = ["ResultStore"]

_MOST_RESULTS = 64
_MOST_BYTES = 512_000_000


class ResultStore:
    """The folder of results; used by workers, which add, and by the server, which gives out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, content: bytes) -> Download:
        """Keep a result, and let the oldest go where they are too many.

        Raises:
            StorageError: the disk is full.
        """
        self._make_room(len(content))
        found = Download(
            id=new_id(),
            name=shown_name(name),
            num_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        write_bytes_atomically(self.path(found.id), content)
        write_json_atomically(self.folder / f"{found.id}.json", found.model_dump())
        return found

    def get(self, result_id: str) -> Download:
        """What is known of a result.

        Raises:
            DashboardError: there is none of this id any more.
        """
        note = self.folder / f"{check_id(result_id, 'result')}.json"
        try:
            found = Download.model_validate(read_json(note))
        except (RunError, ValidationError) as error:
            raise no_such(result_id, "result") from error
        if not self.path(result_id).is_file():
            raise no_such(result_id, "result")
        return found

    def path(self, result_id: str) -> Path:
        """Where the bytes of a result are, or would be."""
        return self.folder / f"{check_id(result_id, 'result')}.bin"

    def _make_room(self, num_bytes: int) -> None:
        files = [(path.stat(), path) for path in self.folder.glob("*.bin") if path.is_file()]
        files.sort(key=lambda pair: pair[0].st_mtime)
        total = sum(status.st_size for status, _ in files) + num_bytes
        while files and (len(files) >= _MOST_RESULTS or total > _MOST_BYTES):
            status, path = files.pop(0)
            total -= status.st_size
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
