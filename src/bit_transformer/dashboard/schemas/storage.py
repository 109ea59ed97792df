"""Files that may be read, uploads, and results to download."""

from typing import Literal

from pydantic import Field

from bit_transformer.dashboard.schemas.body import Body

__all__ = ["Download", "FileEntry", "FileListing", "Upload", "UploadsAnswer"]


class FileEntry(Body):
    """A file or folder below an allowed root."""

    name: str
    path: str
    kind: Literal["file", "folder"]
    num_bytes: int | None


class FileListing(Body):
    """What a folder holds; of no folder, the roots."""

    path: str | None
    parent: str | None
    entries: list[FileEntry]
    is_cut: bool = Field(description="there are more than are listed")


class Upload(Body):
    """Data that was sent before."""

    id: str
    name: str
    num_bytes: int
    sha256: str
    created: float


class UploadsAnswer(Body):
    """All uploads, the newest first."""

    uploads: list[Upload]
    num_bytes: int


class Download(Body):
    """A result, to be had at ``/api/v1/downloads/{id}`` until newer ones take its place."""

    id: str
    name: str
    num_bytes: int
    sha256: str
