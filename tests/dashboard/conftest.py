"""A dashboard on a free port, and a headless Chromium that may look at nothing else.

``server`` is a real uvicorn in this process, over a run folder of the test's own; it can be taken
down and brought up again on its port. ``page`` is a page of a fresh browser profile. It keeps every
request that would leave 127.0.0.1, every failed assertion of the browser, and every console error,
and its test fails for them at the end, unless ``page_log.allow(...)`` foresaw them.

A machine without a browser skips these tests and says how to get one; with the environment variable
BIT_TRANSFORMER_NEEDS_BROWSER=1 they fail there instead.
"""

import itertools
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bit_transformer.dashboard.app import create_app
from bit_transformer.dashboard.config import DashboardConfig
from tests.dashboard.asking import LIMIT_S, Client, wait_for
from tests.dashboard.trained_runs import train_run, write_text
from tests.dashboard.written_runs import write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

_tried = itertools.count()

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "no browser is installed; on Debian: apt-get install chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 180_000
"""For a single step of the browser: a busy machine is no failure."""
TRAINING_MS = 2 * TIMEOUT_MS
"""For what a training must do first: it is a process that loads PyTorch, beside all else."""
TEST_LIMIT_S = 1200
"""For a whole test: it has many steps, some behind a training."""
READY_LIMIT_S = 1000.0
"""For the codecs to be compiled, which happens once on a machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of the dashboard their time, and a second try.

    Their own limits are those of single steps. A server, its processes and a browser share two
    cores here: one test in thousands fails for a moment's sake. What fails twice is broken, and
    what passes the second time is named in the summary, to be mended.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_LIMIT_S))


class Server:
    """A dashboard in a thread, with the folder of its runs.

    Args:
        config: settings; the port is chosen here and kept through restarts.
    """

    def __init__(self, config: DashboardConfig) -> None:
        self.config = config.model_copy(update={"port": _free_port()})
        self.runs = config.runs
        self.url = f"http://127.0.0.1:{self.config.port}"
        self._stop: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Answer requests from now on."""
        import uvicorn

        app = create_app(self.config)
        settings = uvicorn.Config(
            app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(settings)
        # What cannot be bound fails here, and not unseen in a thread.
        listener = socket.create_server(("127.0.0.1", self.config.port))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        wait_for(lambda: server.started)

        def stop() -> None:
            server.should_exit = True
            thread.join(LIMIT_S)
            listener.close()
            assert not thread.is_alive(), "the dashboard did not end"

        self._stop = stop

    def stop(self) -> None:
        """Answer no longer."""
        self._stop()
        self._stop = lambda: None

    def write_run(self, name: str, **facts: Any) -> Path:
        """A run folder as a training would have left it; see :func:`write_run`."""
        return write_run(self.runs / name, **facts)


@dataclass
class PageLog:
    """What a page did that no page should; ``allowed`` are patterns of foreseen messages."""

    messages: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Foresee console messages and failed requests that match."""
        self.allowed.append(pattern)

    @property
    def unforeseen(self) -> list[str]:
        """What must not have happened."""
        return [
            one for one in self.messages if not any(re.search(two, one) for two in self.allowed)
        ]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start dashboards with settings of one's own; they are stopped after the test."""
    servers: list[Server] = []

    def make(**settings: Any) -> Server:
        settings.setdefault("runs", tmp_path / "runs")
        server = Server(DashboardConfig(**settings))
        server.runs.mkdir(parents=True, exist_ok=True)
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    """A dashboard with an empty run folder and no roots."""
    return make_server()


@pytest.fixture(scope="session")
def codecs_compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All that workers compile when they first need it is compiled, and kept on this machine.

    On a fresh checkout that takes longer than a step of the browser may.
    """
    runs = tmp_path_factory.mktemp("compiled") / "runs"
    server = Server(DashboardConfig(runs=runs, job_limit_s=READY_LIMIT_S))
    server.start()
    client = Client(server.url, timeout=READY_LIMIT_S)
    text = {"kind": "text", "value": "the quick brown fox jumps over the lazy dog; " * 8}
    for result in client.post("/codecs/compare", source=text)["results"]:
        client.post("/codecs/inspect", source=text, codec=result["name"])
    client.post("/telemetry", source=text, window_bytes=64)
    server.stop()


@pytest.fixture(scope="session")
def browser(codecs_compiled: None) -> Iterator["Browser"]:
    """A headless Chromium."""
    found = found_browser()
    if found is None:
        if os.environ.get("BIT_TRANSFORMER_NEEDS_BROWSER") == "1":
            pytest.fail(INSTALL)
        pytest.skip(INSTALL)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page_log() -> PageLog:
    """What the test's pages did that they should not; look at ``allow``."""
    return PageLog()


@pytest.fixture
def context(browser: "Browser", page_log: PageLog) -> Iterator["BrowserContext"]:
    """A fresh browser profile, watched."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(TIMEOUT_MS)
    context.on("page", lambda page: watch(page, page_log))
    yield context
    context.close()
    assert not page_log.unforeseen, "the page did what it should not: " + "; ".join(
        page_log.unforeseen
    )


@pytest.fixture
def page(context: "BrowserContext") -> "Page":
    """An empty page, watched."""
    return context.new_page()


def found_browser() -> str | None:
    """The path of an installed browser that can be driven."""
    return next(filter(None, map(shutil.which, EXECUTABLES)), None)


def drawn(chart: str) -> str:
    """The selector of a chart that is drawn whole: its picture comes before curves and legend."""
    return f"[data-chart={chart}] .chart-plot[data-points]"


def wait_for_state(page: "Page", state: str) -> None:
    """Wait until the page of a run says that its training is in a state."""
    page.wait_for_selector(f".run-state .badge-{state}", timeout=TRAINING_MS)


def until(page: "Page", claim: str, limit_ms: int = TIMEOUT_MS) -> None:
    """Wait for a claim, a JavaScript expression, to hold in a page.

    Playwright's own ``wait_for_function`` evaluates texts in the page, which its policy forbids.
    """
    deadline = time.monotonic() + limit_ms / 1000
    while not page.evaluate(f"() => Boolean({claim})"):
        assert time.monotonic() < deadline, f"this never came true: {claim}"
        page.wait_for_timeout(50)


def until_so(page: "Page", condition: Callable[[], Any]) -> None:
    """Wait for a condition of the test's own to hold; the page's events come in meanwhile."""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        page.wait_for_timeout(20)


def watch(page: "Page", log: PageLog) -> None:
    """Note what a page asks of the world, and what goes wrong in it."""

    def on_request(request: "Request") -> None:
        if not re.match(r"(http://127\.0\.0\.1:\d+/|data:|blob:|about:)", request.url):
            log.messages.append(f"a request left this machine: {request.url}")

    def on_console(message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            log.messages.append(f"console {message.type}: {message.text}")

    page.on("request", on_request)
    page.on("console", on_console)
    page.on("pageerror", lambda error: log.messages.append(f"uncaught: {error}"))


def _free_port() -> int:
    """A port that stays this test's while its server is down.

    It lies below those that systems give to outgoing connections, and other processes that test
    here begin to look elsewhere.
    """
    for port in range(10_000 + os.getpid() % 200 * 100 + next(_tried) % 100, 32_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("no port is free")


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of finished runs: ``plain``, on data, and ``direct``, on compressed bits too."""
    folder = tmp_path_factory.mktemp("trained")
    text = write_text(folder / "texts")
    runs = folder / "runs"
    train_run(runs, "plain", text)
    compressed = ("--direct_prob", "0.5", "--compress_prob", "0.2")
    train_run(runs, "direct", text, *compressed, "--codecs", "huffman:english")
    return runs


@pytest.fixture(scope="session")
def model_server(trained_runs: Path) -> Iterator[Server]:
    """A dashboard over the trained runs, for all tests that change none; its models stay loaded."""
    server = Server(DashboardConfig(runs=trained_runs, max_upload_bytes=200_000))
    server.start()
    yield server
    server.stop()
