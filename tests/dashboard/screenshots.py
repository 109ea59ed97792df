"""The pictures in docs/screenshots: real trainings, on real pages, in a real browser.

    python -m tests.dashboard.screenshots docs/screenshots          all of them
    python -m tests.dashboard.screenshots docs/screenshots run      those whose name begins so

Trains four small models on the documentation first, through the dashboard itself, which takes a
minute or two; one of them goes on while it is photographed, and one is killed. Whoever adds a page
adds its pictures to ``SHOTS``; ``act`` may type and click before the picture is taken.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bit_transformer import compress_bits, text_to_bits
from bit_transformer.dashboard.config import DashboardConfig
from bit_transformer.runs import RunFolder
from tests.dashboard.conftest import FLAGS, TIMEOUT_MS, Server, drawn, found_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DOCS = Path(__file__).parents[2] / "docs"
DESKTOP, PHONE = 1280, 390
OPTIONS = {"width": 64, "depth": 2, "batch_bytes": 1024, "evaluate_every": 0.1}
RUNS: dict[str, dict[str, Any]] = {
    "docs-raw": {"compress_prob": 0.0, "direct_prob": 0.0},
    "docs-huffman": {"compress_prob": 0.5, "direct_prob": 0.0},
    "docs-direct": {"compress_prob": 0.3, "direct_prob": 0.3, "codecs": ["huffman:english"]},
}
NUM_STEPS = 600


@dataclass(frozen=True)
class Shot:
    """One picture.

    Args:
        at: the page's address, from its ``#``.
        wait: what must be there before the picture is taken.
        act: what is done before that.
    """

    name: str
    at: str
    width: int = DESKTOP
    height: int = 820
    colours: str = "light"
    is_compressing: bool = False
    wait: str = "h1"
    act: Callable[["Page"], None] | None = None


PASSAGE = (
    "## The frame\n\nA frame is a string of bits: a header, then a payload, which ends where the "
    "frame ends. How long the frame is, its container says.\n\n"
)


def _generate(page: "Page", form: str = "Text", unit: int = 60) -> None:
    """An output in the playground, and the pointer on one piece of it."""
    page.locator(".prompt-form textarea").fill("A frame is a string of ")
    page.get_by_label("Length (bytes)").fill("500")
    page.get_by_label("Temperature").fill("0.7")
    page.get_by_label("Seed").fill("4")
    page.get_by_role("button", name="Generate").click()
    page.locator(".message-foot:visible").wait_for()
    page.locator(".view-bar").get_by_role("radio", name=form).check()
    page.locator(".surprise-text [data-unit]:not(.is-given)").nth(unit).hover()


def _generate_bits(page: "Page") -> None:
    _generate(page, "Bits", 100)


def _generate_on_phone(page: "Page") -> None:
    _generate(page)
    page.mouse.move(2, 2)
    page.locator(".telemetry").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.telemetry').scrollIntoView()")


def _compare(page: "Page") -> None:
    page.locator(".lab-data textarea").fill(3 * PASSAGE)
    page.get_by_role("button", name="Compare").click()
    page.locator(".size-bars").wait_for()
    page.get_by_role("button", name="See the bits of huffman:english").click()
    page.locator(".bit-stream .kind-code").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


def _compare_on_phone(page: "Page") -> None:
    _compare(page)
    page.evaluate("document.querySelector('.comparison-results').scrollIntoView()")


def _decompress_a_cut_frame(page: "Page") -> None:
    frame = compress_bits(text_to_bits(PASSAGE), "huffman:english", packed=True)
    page.locator(".way-back").get_by_role("radio", name="Hex").check()
    page.locator(".way-back textarea").fill(frame.numpy().tobytes()[:60].hex(" "))
    page.get_by_role("button", name="Decompress").click()
    page.locator(".error-card").wait_for()
    page.evaluate("document.querySelector('.way-back').scrollIntoView()")


CHARTS = drawn("loss")
MODEL = "#/playground?run=docs-direct"
SHOTS = [
    Shot("runs-light", "#/runs", wait=".sparkline-line"),
    Shot("runs-dark", "#/runs", colours="dark", is_compressing=True, wait=".sparkline-line"),
    Shot("runs-phone", "#/runs", PHONE, 844, "dark"),
    Shot("run-light", "#/runs/docs-live", height=1330, is_compressing=True, wait=CHARTS),
    Shot("run-dark", "#/runs/docs-direct", height=1330, colours="dark", wait=CHARTS),
    Shot("run-phone", "#/runs/docs-direct", PHONE, 1250, "light", True, wait=CHARTS),
    Shot("died-light", "#/runs/docs-killed", height=700, wait=".error-card"),
    Shot(
        "compare-light",
        "#/compare?runs=docs-raw,docs-huffman,docs-direct",
        height=1200,
        wait=drawn("compare-loss"),
    ),
    Shot("playground-light", MODEL, height=1080, is_compressing=True, act=_generate),
    Shot("playground-dark", MODEL, height=1080, colours="dark", act=_generate_bits),
    Shot("playground-phone", MODEL, PHONE, 844, "dark", True, act=_generate_on_phone),
    Shot("codecs-light", "#/codecs", height=1500, act=_compare),
    Shot("codecs-dark", "#/codecs", height=1500, colours="dark", act=_compare),
    Shot("codecs-phone", "#/codecs", PHONE, 844, act=_compare_on_phone),
    Shot("error-light", "#/codecs", height=640, act=_decompress_a_cut_frame),
    Shot("new-light", "#/new", height=1330, is_compressing=True, wait=".command"),
    Shot("new-phone", "#/new", PHONE, 844, "dark", wait=".command"),
]


def main() -> None:
    """Train, and take the pictures that the command line asks for."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1])
    prefixes = tuple(sys.argv[2:]) or ("",)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        runs = Path(temporary) / "runs"
        server = Server(DashboardConfig(runs=runs, roots=(DOCS,)))
        server.start()
        browser = driver.chromium.launch(executable_path=found_browser(), args=list(FLAGS))
        try:
            train_all(server)
            for shot in SHOTS:
                if shot.name.startswith(prefixes):
                    take(browser, server, shot, folder)
        finally:
            httpx.post(f"{server.url}/api/v1/runs/docs-live/stop", json={}, timeout=60)
            _wait_for(server, "docs-live", "stopped", "finished")
            server.stop()
            browser.close()


def train_all(server: Server) -> None:
    """The runs that the pictures show."""
    for name, options in RUNS.items():
        _start(server, name, f"{NUM_STEPS}steps", options)
    _start(server, "docs-killed", "5000steps", RUNS["docs-huffman"])
    for name in RUNS:
        _wait_for(server, name, "finished")
    os.kill(RunFolder(server.runs / "docs-killed").status().pid, signal.SIGKILL)
    _wait_for(server, "docs-killed", "dead")
    _start(server, "docs-live", "20000steps", RUNS["docs-direct"])
    deadline = time.monotonic() + 600
    while _run(server, "docs-live")["progress"]["step"] < NUM_STEPS // 2:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def take(browser: "Browser", server: Server, shot: Shot, folder: Path) -> None:
    """One picture."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.colours == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(2 * TIMEOUT_MS)
    state = '{"isEnabled": true, "codec": "auto"}' if shot.is_compressing else "null"
    context.add_init_script(f"localStorage.setItem('bit-transformer.compression', '{state}')")
    page = context.new_page()
    page.goto(f"{server.url}/{shot.at}")
    page.wait_for_selector(shot.wait)
    if shot.act is not None:
        shot.act(page)
    page.wait_for_timeout(2500)
    path = folder / f"{shot.name}.png"
    page.screenshot(path=path)
    context.close()
    print(f"{path}: {path.stat().st_size:,} bytes", flush=True)  # noqa: T201


def _start(server: Server, name: str, budget: str, options: dict[str, Any]) -> None:
    body = {
        "recipe": "tiny",
        "name": name,
        "budget": budget,
        "data": [str(page) for page in sorted(DOCS.rglob("*.md"))],  # not these pictures
        "options": {**OPTIONS, "threads": 1, **options},
    }
    answer = httpx.post(f"{server.url}/api/v1/runs", json=body, timeout=60)
    assert answer.status_code == 201, answer.text


def _run(server: Server, name: str) -> dict[str, Any]:
    return httpx.get(f"{server.url}/api/v1/runs/{name}", timeout=60).json()


def _wait_for(server: Server, name: str, *states: str) -> None:
    deadline = time.monotonic() + 900
    while (run := _run(server, name))["status"] not in states:
        assert time.monotonic() < deadline, f"{name} is still {run['status']}"
        assert run["status"] != "failed", run["message"]
        time.sleep(0.3)


if __name__ == "__main__":
    main()
