"""A request's data as workers take it: bits in the request, or a file that may be read."""

import re
from typing import Any

from bit_transformer.dashboard.schemas.source import Source
from bit_transformer.dashboard.storage.folders import ReadableFolders
from bit_transformer.dashboard.storage.uploads import UploadStore
from bit_transformer.errors import DashboardError, InputError

__all__ = ["SourceResolver"]


class SourceResolver:
    """What a :class:`~bit_transformer.dashboard.schemas.source.Source` stands for."""

    def __init__(self, folders: ReadableFolders, uploads: UploadStore) -> None:
        self._folders = folders
        self._uploads = uploads

    def resolve(self, source: Source, *, max_bytes: int) -> dict[str, Any]:
        """The data, as a worker is told it: ``hex`` or ``bits`` or a ``file``, and a name.

        Raises:
            InputError: the digits are none, or the text cannot be written in UTF-8.
            DashboardError: the file or upload is not there, may not be read, or is too large.
        """
        found = self._found(source)
        num_bytes = found.pop("num_bytes")
        if num_bytes > max_bytes:
            raise DashboardError(
                f"{num_bytes:,} bytes are more than the {max_bytes:,} that are taken here; use "
                "a part of them",
                status=413,
                kind="TooLargeError",
                fallbacks=("shorter",),
            )
        if source.kind == "path":
            found["hex"] = self._folders.read(source.value, max_bytes).hex()
        return found

    def _found(self, source: Source) -> dict[str, Any]:
        value = source.value
        if source.kind == "text":
            content = _utf8(value)
            return {"name": "text", "hex": content.hex(), "num_bytes": len(content)}
        if source.kind == "hex":
            content = _hexadecimal(value)
            return {"name": "bytes", "hex": content.hex(), "num_bytes": len(content)}
        if source.kind == "bits":
            digits = _binary(value)
            return {"name": "bits", "bits": digits, "num_bytes": len(digits) // 8}
        if source.kind == "upload":
            upload = self._uploads.get(value)
            path = self._uploads.path(value)
            return {"name": upload.name, "file": str(path), "num_bytes": upload.num_bytes}
        return {"name": self._folders.check(value).name, "num_bytes": 0}


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text holds half a character at position {error.start}; remove it, or give the "
            "bytes as hexadecimal digits"
        ) from error


def _hexadecimal(text: str) -> bytes:
    digits = re.sub(r"\s+", "", text)
    found = re.search(r"[^0-9a-fA-F]", digits)
    if found:
        raise InputError(
            f"hexadecimal digits are 0-9 and a-f, and number {found.start() + 1} is "
            f"{found[0]!r}; correct it"
        )
    if len(digits) % 2:
        raise InputError(
            f"{len(digits)} hexadecimal digits are no whole number of bytes; add one or remove one"
        )
    return bytes.fromhex(digits)


def _binary(text: str) -> str:
    digits = re.sub(r"\s+", "", text)
    found = re.search(r"[^01]", digits)
    if found:
        raise InputError(
            f"bits are 0 and 1, and number {found.start() + 1} is {found[0]!r}; correct it"
        )
    return digits
