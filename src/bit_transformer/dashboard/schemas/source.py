"""Data that a request brings, or names."""

from typing import Literal

from pydantic import Field

from bit_transformer.dashboard.schemas.body import Body

__all__ = ["Source"]


class Source(Body):
    """Data of a request: written in it, uploaded before, or a file below an allowed root."""

    kind: Literal["text", "hex", "bits", "upload", "path"]
    value: str = Field(description="the text, digits, an upload's id, or a path")
