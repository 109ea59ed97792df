"""Every page for keyboard and screen reader, in light and dark, from desktop down to 320 pixels."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.dashboard import asking
from tests.dashboard.accessibility import contrast, nameless, overflow, structure, targets, walk
from tests.dashboard.conftest import TIMEOUT_MS, Server, drawn, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TEXT = "the quick brown fox jumps over the lazy dog; " * 4


def fill_playground(page: "Page") -> None:
    """A message with sizes, and the choice of codecs."""
    page.click("#enable-compression")
    page.locator(".prompt-form textarea").fill("the quick brown fox no. ")
    page.get_by_label("Length (bytes)").fill("24")
    page.get_by_role("button", name="Generate").click()
    page.locator(".message-foot:visible").wait_for()
    page.get_by_role("button", name="Generate").wait_for()  # the button to stop has gone


def fill_lab(page: "Page") -> None:
    """A comparison, a bit stream, and a frame that does not decompress."""
    page.locator(".lab-data textarea").fill(TEXT)
    page.get_by_role("button", name="Compare").click()
    page.locator(".size-bars").wait_for()
    # The smallest frame's bits come by themselves.
    page.locator(".stream-body:not(.is-stale) .bit-stream").wait_for()
    page.get_by_role("button", name="See the bits of huffman:english").click()
    page.locator(".stream-card h2", has_text="Bit stream of huffman:english").wait_for()
    page.locator(".stream-body:not(.is-stale) .bit-stream .kind-code").first.wait_for()
    page.locator(".way-back").get_by_role("radio", name="Hex").check()
    page.locator(".way-back textarea").fill("ffff")
    page.get_by_role("button", name="Decompress").click()
    page.locator(".error-card").wait_for()
    until(page, "!document.querySelector('button[aria-disabled=true]')")


def wait_for(*selectors: str) -> Callable[["Page"], None]:
    """Until all of that is there."""

    def wait(page: "Page") -> None:
        for selector in selectors:
            page.locator(selector).first.wait_for()

    return wait


PAGES: dict[str, tuple[str, Callable[["Page"], None]]] = {
    "runs": ("#/runs", wait_for(".run-row", ".sparkline-line")),
    "run": ("#/runs/direct", wait_for(drawn("loss"))),
    "compare": (
        "#/compare?runs=plain,direct",
        wait_for(drawn("compare-loss"), "th[scope=row] code"),
    ),
    "new": ("#/new", wait_for("form.new-run")),
    "playground": ("#/playground?run=direct", fill_playground),
    "codecs": ("#/codecs", fill_lab),
}
NAMES = list(PAGES)


@pytest.fixture(scope="module", params=["light", "dark"])
def opened(
    request: pytest.FixtureRequest, browser: "Browser", model_server: Server
) -> Iterator[Callable[[str], "Page"]]:
    """Opens a page of that name, filled, once for all tests of these colours."""
    pages: dict[str, Page] = {}
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=request.param, reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT_MS)

    def open_page(name: str) -> "Page":
        if name not in pages:
            address, fill = PAGES[name]
            page = context.new_page()
            page.goto(f"{model_server.url}/{address}")
            fill(page)
            pages[name] = page
        page = pages[name]
        page.set_viewport_size({"width": 1280, "height": 900})
        page.mouse.move(2, 2)
        return page

    yield open_page
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_text_stands_out_from_its_ground(opened, name):
    assert contrast(opened(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_can_be_used_has_a_name(opened, name):
    assert nameless(opened(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_headings_landmarks_and_references_are_in_order(opened, name):
    assert structure(opened(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_tab_key_reaches_everything_in_reading_order_and_is_seen(opened, name):
    assert walk(opened(name)) == []


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off_or_too_small_to_touch(opened, name, width):
    page = opened(name)
    page.set_viewport_size({"width": width, "height": 800})
    # Charts follow the window's width when the browser has time for them.
    with suppress(AssertionError):
        asking.wait_for(lambda: not overflow(page), 60.0)
    assert overflow(page) == []
    assert targets(page) == []


def test_the_first_stop_leads_past_the_header_to_the_content(opened):
    page = opened("codecs")
    page.reload()
    page.locator(".lab-data").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    page.locator(".lab-data").wait_for()
    assert page.evaluate("document.activeElement.id") == "main"


def test_an_error_is_announced_and_its_buttons_can_be_reached(opened):
    page = opened("codecs")
    form = page.locator(".way-back")
    form.get_by_role("radio", name="Hex").check()
    form.locator("textarea").fill("ffff")
    with page.expect_response("**/codecs/decompress"):
        form.get_by_role("button", name="Decompress").click()
    button = page.get_by_role("alert").locator("[data-fallback]").first
    button.wait_for()
    button.focus()
    page.keyboard.press("Enter")
    button.wait_for(state="detached")
    page.locator(".size-bars").wait_for()
