"""What the routes of one application share, and how they get hold of it."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.security import SignIn
from bit_transformer.dashboard.storage.folders import ReadableFolders
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.storage.sources import SourceResolver
from bit_transformer.dashboard.storage.uploads import UploadStore
from bit_transformer.dashboard.training.control import RunControl
from bit_transformer.dashboard.training.metrics import MetricsReader
from bit_transformer.dashboard.training.reading import RunReader
from bit_transformer.dashboard.worker.pool import WorkerPool

__all__ = ["ERRORS", "Services", "Shared", "build_services"]


@dataclass(frozen=True)
class Services:
    """Everything that outlives a request."""

    config: DashboardConfig
    sign_in: SignIn
    folders: ReadableFolders
    uploads: UploadStore
    results: ResultStore
    sources: SourceResolver
    runs: RunReader
    metrics: MetricsReader
    control: RunControl
    workers: WorkerPool


def build_services(config: DashboardConfig) -> Services:
    """The services of a new application; nothing is started, and no folder made, before use."""
    folders = ReadableFolders(config.roots)
    uploads = UploadStore(
        config.state_dir / "uploads",
        max_bytes=config.max_upload_bytes,
        max_number=config.max_uploads,
    )
    results = ResultStore(config.state_dir / "results")
    runs = RunReader(config.runs, uploads)
    return Services(
        config=config,
        sign_in=SignIn(config.token, config.port),
        folders=folders,
        uploads=uploads,
        results=results,
        sources=SourceResolver(folders, uploads),
        runs=runs,
        metrics=MetricsReader(),
        control=RunControl(runs, folders, uploads, config),
        workers=WorkerPool(config, results),
    )


async def _services(request: Request) -> Services:
    # Not a plain function, for which each request would take a thread.
    return request.app.state.services


Shared = Annotated[Services, Depends(_services)]
"""The parameter by which a route asks for the services."""

ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused: what, where, what to do, and what else works"},
    "5XX": {"description": "Failed, in the same form"},
}
"""What every route documents besides its answer."""
