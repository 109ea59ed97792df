"""Jobs for worker processes; being built."""

from collections.abc import AsyncIterator
from typing import Any

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.errors import DashboardError

__all__ = ["WorkerPool"]


class WorkerPool:
    """The workers of one server."""

    def __init__(self, config: DashboardConfig, results: ResultStore) -> None:
        self._config = config
        self._results = results

    async def call(self, kind: str, job: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result of a job."""
        raise DashboardError(f"{job} by {kind} is being built; {len(arguments)}", status=503)

    async def stream(self, kind: str, job: str, arguments: dict[str, Any]) -> AsyncIterator[str]:
        """The events of a job."""
        await self.call(kind, job, arguments)
        yield ""

    async def close(self) -> None:
        """End all workers."""
