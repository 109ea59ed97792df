"""Runs: listed, read while they grow, started, paused, resumed, stopped."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from bit_transformer.dashboard.schemas.runs import (
    MetricsAnswer,
    NewRun,
    RecipeEntry,
    RunDetail,
    RunsAnswer,
    RunSummary,
    SamplesAnswer,
)
from bit_transformer.dashboard.services import ERRORS, Shared
from bit_transformer.dashboard.training.recipes import recipe_entries

__all__ = ["router"]

router = APIRouter(tags=["runs"], responses=ERRORS)


@router.get("/recipes")
def recipes() -> list[RecipeEntry]:
    """The named configurations that a run can start from, with the values of the form."""
    return recipe_entries()


@router.get("/runs")
def runs(shared: Shared) -> RunsAnswer:
    """All runs in the run folder, the one written to last first."""
    return RunsAnswer(runs=shared.runs.summaries())


@router.post("/runs", status_code=201)
def start(body: NewRun, shared: Shared) -> RunSummary:
    """Start a training as a process of its own, which outlives this server.

    409 if the name is taken, 429 if as many run as may.
    """
    return shared.control.start(body)


@router.get("/runs/{run_id}")
def run(run_id: str, shared: Shared) -> RunDetail:
    """One run with its configuration, machine, checkpoints and the end of its log."""
    return shared.runs.detail(run_id)


@router.get("/runs/{run_id}/metrics", response_model=MetricsAnswer)
async def metrics(
    run_id: str,
    shared: Shared,
    since: Annotated[str, Query(max_length=64, description="an earlier answer's next")] = "",
    max_points: Annotated[int, Query(ge=10, le=100_000)] = 2000,
    until: Annotated[int | None, Query(ge=0, description="the last step")] = None,
    wait_s: Annotated[float, Query(ge=0, le=60, description="for news, if there are none")] = 0.0,
) -> Response:
    """What is new in a run's metrics, as columns; of many rows, the extremes of equal stretches.

    With ``wait_s`` the answer comes as soon as the run writes something or changes its status,
    or after that time with nothing new.
    """
    run = shared.runs.open(run_id)
    wait_s = min(wait_s, shared.config.max_wait_s)
    body = await shared.metrics.answer(
        run, lambda: shared.runs.summary(run), since=since, max_points=max_points,
        until=until, wait_s=wait_s,
    )  # fmt: skip
    return Response(body, media_type="application/json")


@router.get("/runs/{run_id}/metrics.csv", response_class=PlainTextResponse)
def metrics_csv(run_id: str, shared: Shared) -> Response:
    """Every row of a run's metrics as CSV, nested values with dots in their names."""
    return Response(
        shared.metrics.csv(shared.runs.open(run_id)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{run_id}.csv"'},
    )


@router.get("/runs/{run_id}/samples")
def samples(
    run_id: str, shared: Shared, last: Annotated[int, Query(ge=1, le=1000)] = 50
) -> SamplesAnswer:
    """The last samples that a run's model wrote while it was trained, oldest first."""
    return shared.runs.samples(run_id, last)


@router.post("/runs/{run_id}/pause")
def pause(run_id: str, shared: Shared) -> RunSummary:
    """Ask a run to save and to end, marked as paused."""
    return shared.control.pause(run_id)


@router.post("/runs/{run_id}/stop")
def stop(run_id: str, shared: Shared) -> RunSummary:
    """Ask a run to save and to end."""
    return shared.control.stop(run_id)


@router.post("/runs/{run_id}/resume")
def resume(run_id: str, shared: Shared) -> RunSummary:
    """Go on with a run from its last checkpoint."""
    return shared.control.resume(run_id)
