"""The interface as tools for agents, over the protocol itself."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from bit_transformer.dashboard.app import create_app
from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.dashboard.tools import _NAMES
from bit_transformer.errors import MissingDependencyError
from tests.dashboard.asking import LIMIT_S
from tests.dashboard.conftest import Server

pytest.importorskip("fastmcp")

TOKEN = "a token of sixteen"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Calls of an agent that knows the token."""
    runs = tmp_path_factory.mktemp("agents") / "runs"
    server = Server(DashboardConfig(runs=runs, token=TOKEN))
    server.write_run("done", num_steps=20)
    settings = uvicorn.Config(
        create_app(server.config, has_tools=True), host="127.0.0.1", port=server.config.port,
        log_level="error",
    )  # fmt: skip
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.02)

    def call(method: str, token: str = TOKEN, **parameters: Any) -> httpx.Response:
        headers = {
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {token}",
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        with httpx.Client(timeout=LIMIT_S) as client:
            return client.post(f"{server.url}/mcp", json=body, headers=headers)

    yield call
    running.should_exit = True
    thread.join(LIMIT_S)


def test_agents_see_what_programs_can_do(agent):
    tools = agent("tools/list").json()["result"]["tools"]
    names = {tool["name"] for tool in tools}
    assert names == set(_NAMES.values()) | {"generate_text"}
    start = next(tool for tool in tools if tool["name"] == "start_run")
    assert "recipe" in start["inputSchema"]["properties"]
    operations = {
        route["operationId"]
        for methods in create_app().openapi()["paths"].values()
        for route in methods.values()
    }
    assert set(_NAMES) <= operations


def test_tools_answer_and_their_failures_say_what_to_do(agent):
    listed = agent("tools/call", name="list_runs", arguments={}).json()["result"]
    assert listed["structuredContent"]["runs"][0]["id"] == "done"
    missing = agent("tools/call", name="show_run", arguments={"run_id": "nothing"}).json()
    assert missing["result"]["isError"]
    assert "There is no run" in missing["result"]["content"][0]["text"]
    failed = agent("tools/call", name="generate_text", arguments={"run": "done"}).json()["result"]
    assert failed["isError"]
    assert "checkpoint" in failed["content"][0]["text"]


def test_agents_pass_the_same_guard(agent):
    assert agent("tools/list", token="wrong").status_code == 401


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "fastmcp", None)
    with pytest.raises(MissingDependencyError, match=r"bit-transformer\[agents\]"):
        create_app(DashboardConfig(runs=tmp_path), has_tools=True)
