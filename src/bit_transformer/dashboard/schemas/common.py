"""What all subjects share: errors, sources of data, and the state of the server."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Body",
    "CodecEntry",
    "ErrorAnswer",
    "ErrorDetail",
    "Fallback",
    "Limits",
    "Source",
    "StatusAnswer",
    "TokenRequest",
]


class Body(BaseModel):
    """The base of every body: no unknown fields, no numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Fallback(Body):
    """What else would work, one click away.

    ``id`` is one of: ``raw_output``, ``valid_prefix``, ``without_compression``, ``other_codec``,
    ``reload``, ``retry``, ``shorter``, ``sign_in``, ``free_space``, ``resume``, ``other_name``,
    ``upload``, ``raw_data``.
    """

    id: str
    label: str


class ErrorDetail(Body):
    """What happened, where, what to do, and what else would work."""

    kind: str = Field(description="the class of the error, such as CodecError")
    what: str
    where: str | None = None
    fix: str
    fallbacks: list[Fallback] = []


class ErrorAnswer(Body):
    """Every answer that is not a success."""

    error: ErrorDetail


class Source(Body):
    """Data of a request: written in it, uploaded before, or a file below an allowed root."""

    kind: Literal["text", "hex", "bits", "upload", "path"]
    value: str = Field(description="the text, digits, an upload's id, or a path")


class TokenRequest(Body):
    """Signing in."""

    token: str = Field(max_length=1024)


class Limits(Body):
    """What the server takes at most."""

    max_upload_bytes: int
    max_uploads: int
    max_body_bytes: int
    max_lab_bytes: int
    max_scored_bytes: int
    max_generated_bytes: int
    max_running: int
    max_wait_s: float


class CodecEntry(Body):
    """One codec as requests spell it, such as ``huffman:english`` or ``zstd``."""

    name: str
    is_complete: bool = Field(description="whatever a model writes in it decompresses")
    is_available: bool
    has_level: bool = False
    install: str | None = Field(default=None, description="the line that installs it")


class StatusAnswer(Body):
    """The server and what it can do."""

    version: str
    torch: str | None = Field(description="the installed version; None where there is none")
    python: str
    num_cores: int
    is_token_needed: bool
    is_signed_in: bool
    limits: Limits
    runs: str
    roots: list[str]
    free_disk_bytes: int | None
    codecs: list[CodecEntry]
