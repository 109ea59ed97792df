"""What must stay steady: labels through the switch, the keyboard's place, a form through reloads.

"Enable Compression" is turned here at moments when nobody expects it, buttons are pressed by
keyboard, and the browser keeps nothing.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bit_transformer import compress_bits, text_to_bits
from tests.dashboard.asking import Client
from tests.dashboard.conftest import PageLog, Server, until, until_so, wait_for_state
from tests.dashboard.trained_runs import PROMPT, write_text

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page, Request, Route

SWITCH = "#enable-compression"
TEXT = "the quick brown fox jumps over the lazy dog; " * 8


@pytest.fixture
def trains_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Trainings of the test compute in one thread, and keep their corpora to the test."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def press(page: "Page", name: str) -> None:
    """A button, with the keyboard."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")


def focused(page: "Page") -> str:
    """The text of what has the focus."""
    return page.evaluate("document.activeElement.textContent")


def test_what_is_being_measured_keeps_its_name_when_the_switch_is_turned_meanwhile(
    model_server: Server, page: "Page"
):
    page.goto(f"{model_server.url}/#/playground?run=direct")
    page.locator(".prompt-form textarea").fill(PROMPT)
    page.get_by_label("Length (bytes)").fill("60000")
    page.get_by_role("button", name="Generate").click()
    page.locator(".surprise-text .unit:not(.is-given)").nth(10).wait_for()
    whose = page.locator(".telemetry-whose")
    assert whose.inner_text() == "of the output (compression is off, all bits are raw)"
    page.click(SWITCH)
    assert whose.inner_text() == "of the output (compression was off, all bits were raw)"
    page.get_by_role("button", name="Stop").click()
    page.get_by_label("Length (bytes)").fill("24")
    page.get_by_role("button", name="Generate").click()
    page.locator(".sizes").wait_for()
    assert whose.inner_text() == "of the decompressed output (compression is on)"
    page.click(SWITCH)
    assert whose.inner_text() == "of the decompressed output (compression was on)"


def test_the_last_turn_of_the_switch_is_what_the_telemetry_of_a_frame_says(
    server: Server, page: "Page"
):
    page.goto(f"{server.url}/#/codecs")
    frame = compress_bits(text_to_bits(TEXT), "lz", packed=True).numpy().tobytes()
    chosen: FilePayload = {"name": "x.frame", "mimeType": "text/plain", "buffer": frame}
    page.locator(".way-back input[type=file]").set_input_files(chosen)
    page.get_by_role("button", name="Decompress", exact=True).click()
    whose = page.locator(".way-back .telemetry-whose")
    whose.get_by_text("frame's own bits (compression is off").wait_for()
    held: list[Route] = []
    over: list[Request] = []

    def note(request: "Request") -> None:
        over.append(request)

    page.on("requestfinished", note)
    page.on("requestfailed", note)
    page.route("**/telemetry", lambda route: held.append(route))
    page.click(SWITCH)
    until_so(page, lambda: len(held) == 1)
    page.click(SWITCH)
    until_so(page, lambda: len(held) == 2)
    whose.get_by_text("measuring").wait_for()
    held[1].continue_()
    whose.get_by_text("frame's own bits (compression is off").wait_for()
    from playwright.sync_api import Error

    with suppress(Error):  # the page has given this one up
        held[0].continue_()
    until_so(page, lambda: {route.request for route in held} <= set(over))
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 50))")  # what follows of it
    assert "compression is off" in whose.inner_text()
    assert f"{8 * len(frame):,} bits" in whose.inner_text()


def test_the_form_s_own_switch_keeps_the_keyboard(server: Server, page: "Page"):
    page.goto(f"{server.url}/#/new")
    toggle = page.get_by_role("switch", name="Train with compression")
    toggle.focus()
    for state in ("true", "false", "true"):
        page.keyboard.press("Space")
        page.locator(f"{SWITCH}[aria-checked={state}]").wait_for()
        assert focused(page) == "Train with compression"
        assert toggle.get_attribute("aria-checked") == state


def test_comparing_and_decompressing_leave_the_keyboard_where_it_was(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow(r"status of 422")
    page.goto(f"{server.url}/#/codecs")
    page.locator(".lab-data textarea").fill(TEXT)
    press(page, "Compare")
    page.locator(".size-bars").wait_for()
    assert focused(page) == "Compare"
    page.locator(".way-back").get_by_role("radio", name="Hex").check()
    page.locator(".way-back textarea").fill("ffff")
    press(page, "Decompress")
    page.locator(".error-card").wait_for()
    assert focused(page) == "Decompress"
    page.locator("[data-fallback=raw_data]").focus()
    page.keyboard.press("Enter")
    page.locator(".error-card").wait_for(state="detached")
    until(page, "document.activeElement.textContent === 'Decompress'")


def test_paging_through_a_bit_stream_keeps_the_keyboard(server: Server, page: "Page"):
    page.goto(f"{server.url}/#/codecs")
    page.locator(".lab-data textarea").fill(TEXT)
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="See the bits of stored").click()
    page.locator(".bit-stream[aria-label='Bits of the stored frame']").wait_for()
    press(page, "Later")
    until(page, "document.activeElement.matches('.bit-stream')")
    assert page.get_by_role("button", name="Later").is_disabled()
    press(page, "To the beginning")
    page.locator(".stream-rest", has_text="Bits 0 to").wait_for()
    until(page, "document.activeElement.matches('.bit-stream')")


def test_a_browser_that_keeps_nothing_can_do_everything_but_remember(server: Server, page: "Page"):
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
            const refuse = () => { throw new DOMException("no", "SecurityError"); };
            Object.defineProperty(window, name, { get: refuse });
        }"""
    )
    page.goto(f"{server.url}/#/codecs")
    page.click(SWITCH)
    assert page.locator("#compression-strip").is_visible()
    page.click("#theme")
    page.locator("html[data-theme=light]").wait_for()
    page.locator(".lab-data textarea").fill(TEXT)
    page.get_by_role("button", name="Compare").click()
    page.locator(".size-bars").wait_for()


def test_an_uncopyable_clipboard_is_copied_to_in_the_old_way(server: Server, page: "Page"):
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(f"{server.url}/#/new")
    page.get_by_role("button", name="Copy").click()
    page.locator(".toast", has_text="The command is in the clipboard").wait_for()
    name = page.get_by_label("Name", exact=True)
    name.focus()
    page.keyboard.press("Control+V")
    assert name.input_value().startswith("bit-transformer train --recipe")


@pytest.mark.usefixtures("trains_here")
def test_a_run_with_the_settings_of_another_has_its_data_views_and_recipe(
    server: Server, page: "Page", tmp_path: Path
):
    client = Client(server.url)
    book = write_text(tmp_path / "texts")
    upload = client.upload(book.read_bytes(), "fox.txt")["id"]
    body = {"recipe": "tiny", "name": "older", "budget": "12steps", "data": [{"upload": upload}]}
    options = {"depth": 1, "direct_prob": 0.5, "codecs": ["rle"]}
    client.post("/runs", 201, **body, options=options)
    page.goto(f"{server.url}/#/runs/older")
    wait_for_state(page, "finished")
    # What the page did not know when the training was being loaded has come in by itself.
    page.get_by_role("link", name="Try it").wait_for()
    page.locator(".folded", has_text="All settings").get_by_text("All settings").click()
    until(page, "document.body.innerText.includes('model.depth')")
    assert "direct 50 %" in page.locator(".run-title").inner_text()
    page.get_by_role("link", name="New run with these").click()
    page.locator(".page-lead", has_text="With the settings of older").wait_for()
    assert page.locator(SWITCH).get_attribute("aria-checked") == "true"
    assert page.locator("input[value=tiny]").is_checked()
    assert page.locator(".data-name").inner_text() == "fox.txt"
    assert page.get_by_role("slider", name="Direct").input_value() == "0.5"
    page.get_by_label("Budget").fill("13steps")
    page.reload()
    page.locator(".page-lead", has_text="With the settings of older").wait_for()
    assert page.get_by_label("Budget").input_value() == "13steps"
    page.get_by_label("Name", exact=True).fill("younger")
    page.get_by_role("button", name="Start the run").click()
    wait_for_state(page, "finished")
    older, younger = (client.get(f"/runs/{name}")["config"] for name in ("older", "younger"))
    differing = {name for name in older if older[name] != younger[name]}
    assert differing == {"name", "run_dir", "budget"}


def test_data_outside_the_allowed_folders_is_left_out_with_one_click(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow(r"status of 403")
    server.write_run("older", num_steps=20, settings={"data": {"paths": ["/somewhere/else"]}})
    page.goto(f"{server.url}/#/new?from=older")
    page.locator(".data-name", has_text="/somewhere/else").wait_for()
    page.get_by_role("button", name="Start the run").click()
    page.locator("[data-fallback=upload]").click()
    page.locator(".data-name", has_text="Python's standard library").wait_for()
    until(page, "document.activeElement.matches('.drop input[type=file]')")
