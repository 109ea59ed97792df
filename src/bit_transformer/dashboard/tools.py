"""The interface as tools for language-model agents, over the Model Context Protocol at ``/mcp``.

Made from the interface's own schema, so that a tool takes what its route takes. What a program
would read as a stream, or as bytes, an agent gets as one answer or not at all. Requests of agents
pass the same guard as all others; a tool's own request then passes it again.
"""

import json
from typing import Annotated, Any

import httpx
from fastapi import FastAPI
from pydantic import Field

from bit_transformer.errors import MissingDependencyError

__all__ = ["add_tools"]

_NAMES = {
    "status": "dashboard_status",
    "recipes": "list_recipes",
    "runs": "list_runs",
    "run": "show_run",
    "start": "start_run",
    "pause": "pause_run",
    "stop": "stop_run",
    "resume": "resume_run",
    "metrics": "run_metrics",
    "samples": "run_samples",
    "files": "list_files",
    "uploads": "list_uploads",
    "score": "score_data",
    "telemetry": "measure_telemetry",
    "compare": "compare_codecs",
    "compress": "compress_data",
    "decompress": "decompress_frame",
    "inspect": "inspect_frame",
}
"""The tools, by the routes that they are made of; other routes are none."""

_TIMEOUT_S = 660.0


def add_tools(app: FastAPI) -> None:
    """Serve the routes that are there so far as tools at ``/mcp``.

    Raises:
        MissingDependencyError: the extra ``agents`` is not installed.
    """
    try:
        from fastmcp import FastMCP
        from fastmcp.server.providers.openapi import MCPType
    except ModuleNotFoundError as error:
        raise MissingDependencyError("fastmcp", "agents", "serving agents") from error

    def kind(route: Any, default: Any) -> Any:
        return default if route.operation_id in _NAMES else MCPType.EXCLUDE

    server = FastMCP.from_fastapi(
        app,
        name="bit-transformer",
        route_map_fn=kind,
        mcp_names=_NAMES,
        httpx_client_kwargs={**_client_options(app), "timeout": _TIMEOUT_S},
    )
    server.tool(_generation_tool(app))
    serving = server.http_app(path="/mcp", stateless_http=True, json_response=True)
    app.router.routes.extend(serving.routes)
    app.state.tools_lifespan = serving.lifespan


def _client_options(app: FastAPI) -> dict[str, Any]:
    """How a tool reaches the routes: as a program on this machine that knows the token."""
    config = app.state.services.config
    headers = {} if config.token is None else {"Authorization": f"Bearer {config.token}"}
    return {"base_url": "http://127.0.0.1", "headers": headers}


def _generation_tool(app: FastAPI) -> Any:
    async def generate_text(
        run: Annotated[str, Field(description="the run whose model writes")],
        prompt: Annotated[str, Field(description="text to continue")] = "",
        num_bytes: Annotated[int, Field(ge=0, le=4096)] = 256,
        temperature: Annotated[float, Field(ge=0, le=100)] = 1.0,
        seed: Annotated[int | None, Field(ge=0)] = None,
        compression: Annotated[bool, Field(description="compress what goes in and out")] = False,
    ) -> dict[str, Any]:
        """Continue a text with a run's model; tells the mean surprise and compressed sizes too."""
        body = {
            "run": run,
            "prompt": {"kind": "text", "value": prompt},
            "num_bytes": num_bytes,
            "temperature": temperature,
            "seed": seed,
            "compression": compression,
        }
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, **_client_options(app)) as client:
            answer = await client.post("/api/v1/generate", json=body, timeout=_TIMEOUT_S)
        return _whole(answer)

    return generate_text


def _whole(answer: httpx.Response) -> dict[str, Any]:
    """A stream of events as one answer, or what agents are told instead."""
    from fastmcp.exceptions import ToolError

    events = [json.loads(line) for line in answer.text.splitlines() if line]
    if events and "error" in events[-1]:
        told = events[-1]["error"]
        raise ToolError(f"{told['what']} {told['fix']}")
    last = events[-1]
    return {
        "text": "".join(event["text"] for event in events if event["type"] == "chunk"),
        "num_bytes": last["num_bytes"],
        "bits_per_byte": last["bits_per_byte"],
        "reason": last["reason"],
        "compression": last["compression"],
    }
