"""Models and codecs at work: what is asked here is done by worker processes."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from bit_transformer.dashboard.schemas.lab import (
    CompareAnswer,
    CompareRequest,
    CompressAnswer,
    CompressRequest,
    DecompressAnswer,
    DecompressRequest,
    GenerateEvent,
    GenerateRequest,
    InspectAnswer,
    InspectRequest,
    ScoreAnswer,
    ScoreRequest,
    TelemetryAnswer,
    TelemetryRequest,
)
from bit_transformer.dashboard.services import ERRORS, Services, Shared
from bit_transformer.errors import InputError

__all__ = ["router"]

router = APIRouter(responses=ERRORS)

NDJSON = "application/x-ndjson"


@router.post(
    "/generate",
    tags=["models"],
    response_class=StreamingResponse,
    responses={200: {"model": GenerateEvent, "description": "One event a line, as JSON"}},
)
async def generate(body: GenerateRequest, shared: Shared) -> StreamingResponse:
    """Continue a prompt; the events come one a line, as they happen. Hang up to stop.

    First ``preparing`` perhaps, then ``start``, ``chunk`` after ``chunk``, and ``done`` or
    ``error``. What is wrong with the request itself is answered with an error status instead.
    """
    limit = shared.config.max_generated_bytes
    if body.num_bytes > limit:
        raise InputError(
            f"{body.num_bytes} bytes are more than the {limit:,} of one generation; ask for fewer"
        )
    arguments = {
        **body.model_dump(),
        "prompt": shared.sources.resolve(body.prompt, max_bytes=shared.config.max_lab_bytes),
        "run": str(shared.runs.open(body.run).path),
    }
    events = shared.workers.stream("model", "generate", arguments)
    first = await anext(events)  # so that a queue that is full is an error, and not an event
    return StreamingResponse(_lines(first, events), media_type=NDJSON)


@router.post("/score", tags=["models"])
async def score(body: ScoreRequest, shared: Shared) -> ScoreAnswer:
    """How surprised a model is by each bit and byte of given data."""
    arguments = {
        **body.model_dump(),
        "source": _resolved(shared, body.source),
        "run": str(shared.runs.open(body.run).path),
        "max_bytes": shared.config.max_scored_bytes,
    }
    return ScoreAnswer.model_validate(await shared.workers.call("model", "score", arguments))


@router.post("/telemetry", tags=["models"])
async def telemetry(body: TelemetryRequest, shared: Shared) -> TelemetryAnswer:
    """K, C and S of data or of a frame, whole and window by window."""
    arguments = {
        **body.model_dump(),
        "source": _resolved(shared, body.source),
        "run": None if body.run is None else str(shared.runs.open(body.run).path),
        "max_bytes": shared.config.max_lab_bytes,
    }
    kind = "codecs" if body.run is None else "model"
    return TelemetryAnswer.model_validate(await shared.workers.call(kind, "telemetry", arguments))


@router.post("/codecs/compare", tags=["codecs"])
async def compare(body: CompareRequest, shared: Shared) -> CompareAnswer:
    """What each codec makes of the same data: size, ratio and time, checked by decompressing."""
    arguments = {**body.model_dump(), "source": _resolved(shared, body.source)}
    return CompareAnswer.model_validate(await shared.workers.call("codecs", "compare", arguments))


@router.post("/codecs/compress", tags=["codecs"])
async def compress(body: CompressRequest, shared: Shared) -> CompressAnswer:
    """Data as a frame, to download."""
    arguments = {**body.model_dump(), "source": _resolved(shared, body.source)}
    return CompressAnswer.model_validate(await shared.workers.call("codecs", "compress", arguments))


@router.post("/codecs/decompress", tags=["codecs"])
async def decompress(body: DecompressRequest, shared: Shared) -> DecompressAnswer:
    """What a frame holds, to download: all of it, or with ``prefix`` as far as it goes."""
    arguments = {**body.model_dump(), "source": _resolved(shared, body.source), **_limit(shared)}
    return DecompressAnswer.model_validate(
        await shared.workers.call("codecs", "decompress", arguments)
    )


@router.post("/codecs/inspect", tags=["codecs"])
async def inspect(body: InspectRequest, shared: Shared) -> InspectAnswer:
    """Some bits of a frame with what they mean: header, code words, runs, matches."""
    arguments = {**body.model_dump(), "source": _resolved(shared, body.source), **_limit(shared)}
    return InspectAnswer.model_validate(await shared.workers.call("codecs", "inspect", arguments))


def _resolved(shared: Services, source: object) -> dict[str, object]:
    return shared.sources.resolve(source, max_bytes=shared.config.max_lab_bytes)  # type: ignore[arg-type]


def _limit(shared: Services) -> dict[str, int]:
    return {"max_bytes": shared.config.max_lab_bytes}


async def _lines(first: str, events: AsyncIterator[str]) -> AsyncIterator[bytes]:
    yield first.encode() + b"\n"
    async for event in events:
        yield event.encode() + b"\n"
