"""How long a browser takes to show the dashboard: first paint, first figures, first chart.

    python -m benchmarks.dashboard_first_view [REPEATS]

Every repeat is a fresh profile, so nothing is cached. The run that is opened has 100,000 steps. It
also counts how far the figures are behind the run: from the moment at which a row is in the file to
the moment at which the page shows it. Times are milliseconds, median and worst; they mean something
on an otherwise idle machine only, so the load is printed too.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.runs import RunFolder
from tests.dashboard.conftest import FLAGS, Server, found_browser
from tests.dashboard.written_runs import append_rows

NUM_STEPS = 100_000
NUM_UPDATES = 20
WATCH = """() => new Promise((done) => {
    const look = () => {
        const found = /step ([0-9,]+)/.exec(document.querySelector('.run-progress').innerText);
        if (found && Number(found[1].replaceAll(',', '')) >= STEP) done(Date.now());
        else requestAnimationFrame(look);
    };
    look();
})"""


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        server = Server(DashboardConfig(runs=Path(folder) / "runs"))
        server.runs.mkdir()
        server.write_run("long", num_steps=NUM_STEPS)
        live = server.write_run("live", num_steps=100, total_steps=10_000, state="running")
        server.start()
        browser = driver.chromium.launch(executable_path=found_browser(), args=list(FLAGS))
        print(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        measured: dict[str, list[float]] = {}
        for _ in range(repeats):
            for name, value in (first_list(browser, server) | first_run(browser, server)).items():
                measured.setdefault(name, []).append(value)
        measured["update behind the run"] = delays(browser, server, RunFolder(live))
        browser.close()
        server.stop()
    for name, values in measured.items():
        print(f"{name:28} {statistics.median(values):8.0f} {max(values):8.0f}")


def first_list(browser: Browser, server: Server) -> dict[str, float]:
    page = _fresh(browser)
    page.goto(server.url)
    page.wait_for_selector(".run-row")
    times = {"list: first paint": _first_paint(page), "list: all runs": _now(page)}
    page.context.close()
    return times


def first_run(browser: Browser, server: Server) -> dict[str, float]:
    page = _fresh(browser)
    page.goto(f"{server.url}/#/runs/long")
    page.wait_for_selector(".tile-value")
    times = {"run: first paint": _first_paint(page), "run: figures": _now(page)}
    page.wait_for_selector("[data-chart=loss] .main-svg")
    times["run: first chart"] = _now(page)
    page.context.close()
    return times


def delays(browser: Browser, server: Server, run: RunFolder) -> list[float]:
    page = _fresh(browser)
    page.goto(f"{server.url}/#/runs/{run.path.name}")
    page.wait_for_selector("[data-chart=loss] .main-svg")
    found = []
    for step in range(101, 101 + NUM_UPDATES):
        page.wait_for_timeout(500)
        page.evaluate(f"() => {{ globalThis.shown = ({WATCH.replace('STEP', str(step))})(); }}")
        written = time.time()
        append_rows(run, step, step, 10_000)
        found.append(page.evaluate("() => globalThis.shown") - 1000 * written)
    page.context.close()
    return found


def _fresh(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    return context.new_page()


def _first_paint(page: Page) -> float:
    return page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")


def _now(page: Page) -> Any:
    return page.evaluate("performance.now()")


if __name__ == "__main__":
    main()
