"""The server, what it can do, and signing in."""

from pydantic import Field

from bit_transformer.dashboard.schemas.body import Body

__all__ = ["CodecEntry", "Limits", "StatusAnswer", "TokenRequest"]


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
