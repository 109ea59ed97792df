"""Answers that are no success."""

from pydantic import Field

from bit_transformer.dashboard.schemas.body import Body

__all__ = ["ErrorAnswer", "ErrorDetail", "Fallback"]


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
    fallbacks: list[Fallback] = Field(default_factory=list)


class ErrorAnswer(Body):
    """Every answer that is not a success."""

    error: ErrorDetail
