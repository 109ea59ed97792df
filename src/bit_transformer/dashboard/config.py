"""What a dashboard may read, how much it takes, and who may ask; importable without FastAPI."""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from bit_transformer.errors import ConfigError
from bit_transformer.settings import Settings

__all__ = ["DashboardConfig", "is_loopback"]

MIN_TOKEN_LENGTH = 12


class DashboardConfig(Settings):
    """The settings of one server."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8321, ge=0, le=65535, description="0: any that is free")
    runs: Path = Field(default=Path("runs"), description="the folder of all runs")
    roots: tuple[Path, ...] = Field(
        default=(), description="folders whose files may be read; none: uploads only"
    )
    token: str | None = Field(default=None, description="what every request must know")
    max_upload_bytes: int = Field(default=256_000_000, ge=1, description="of one upload")
    max_uploads: int = Field(default=64, ge=1, description="uploads that are kept")
    max_body_bytes: int = Field(default=4_000_000, ge=1024, description="of a JSON request")
    max_lab_bytes: int = Field(
        default=32_000_000, ge=1, description="of data that codecs and telemetry are given"
    )
    max_scored_bytes: int = Field(default=65_536, ge=1, description="of data that a model scores")
    max_generated_bytes: int = Field(default=65_536, ge=1, description="of one generation")
    max_running: int = Field(default=4, ge=1, description="trainings at a time")
    job_limit_s: float = Field(default=600.0, gt=0, description="for one job of a worker")
    max_wait_s: float = Field(default=25.0, ge=0, description="that an answer waits for news")

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def state_dir(self) -> Path:
        """Where uploads, results and logs are kept: hidden among the runs."""
        return self.runs / ".dashboard"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.token is not None and len(self.token) < MIN_TOKEN_LENGTH:
            raise ConfigError(
                f"a token of {len(self.token)} characters can be guessed; take at least "
                f"{MIN_TOKEN_LENGTH}"
            )
        if self.token is None and not self.is_local:
            raise ConfigError(
                f"listening on {self.host} lets other machines in; set a token "
                "(--token or BIT_TRANSFORMER_TOKEN), or listen on 127.0.0.1"
            )
        for root in self.roots:
            if not root.is_dir():
                raise ConfigError(f"the root {root} is no folder; name one that exists")
        return self


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine alone.

    Example:
        >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
