"""Outputs of the playground outlive its page: left and come back to, while writing and after."""

import json
from typing import TYPE_CHECKING

import pytest

from tests.dashboard.conftest import PageLog, Server, until, until_so
from tests.dashboard.tool_pages import REFUSED
from tests.dashboard.trained_runs import PROMPT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

LONG = "60000"
UNITS = ".surprise-text .unit:not(.is-given)"


@pytest.fixture
def playground(model_server: Server, page: "Page") -> "Page":
    """The playground with the run ``plain`` and a prompt."""
    page.goto(f"{model_server.url}/#/playground?run=plain")
    page.locator(".prompt-form textarea").fill(PROMPT)
    page.get_by_label("Length (bytes)").fill("24")
    page.get_by_label("Seed").fill("7")
    return page


def generate(page: "Page") -> None:
    """Press the button, and wait until nothing is being written any more."""
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Generate").wait_for()


def leave(page: "Page") -> None:
    """Go to the list of runs."""
    page.click(".nav-link[data-page=runs]")
    page.locator(".page-runs .run-row").first.wait_for()


def come_back(page: "Page") -> None:
    """Go to the playground by the bar."""
    page.click(".nav-link[data-page=playground]")
    page.locator(".prompt-form").wait_for()


def generation(page: "Page", number: int) -> "Locator":
    """A message by its number."""
    return page.get_by_role("article", name=f"Generation {number}", exact=True)


def hold_generation(page: "Page") -> "list[Route]":
    """Generations wait at the door; the routes, to let them in."""
    held: list[Route] = []
    page.route("**/api/v1/generate", lambda route: held.append(route))
    page.get_by_role("button", name="Generate").click()
    page.locator(".message-status", has_text="Waiting for the model").wait_for()
    until_so(page, lambda: held)
    return held


def test_outputs_are_still_there_when_one_comes_back(playground):
    generate(playground)
    playground.locator(".view-bar").get_by_role("radio", name="Hex").check()
    before = [
        playground.locator(one).all_inner_texts()
        for one in (UNITS, ".message-status", ".message-facts", ".trace-value", ".telemetry-whose")
    ]
    leave(playground)
    come_back(playground)
    after = [
        playground.locator(one).all_inner_texts()
        for one in (UNITS, ".message-status", ".message-facts", ".trace-value", ".telemetry-whose")
    ]
    assert after == before
    assert len(after[0]) == 24
    with playground.expect_download() as saved:
        playground.get_by_role("button", name="Download").click()
    assert saved.value.path().read_bytes() == bytes.fromhex("".join(after[0]))
    generate(playground)
    assert playground.locator(".message h3").all_inner_texts() == ["Generation 2", "Generation 1"]
    playground.get_by_role("button", name="Remove Generation 2").click()
    playground.get_by_role("button", name="Remove Generation 1").click()
    assert playground.locator(".messages-empty").is_visible()


def test_what_is_being_written_goes_on_meanwhile_and_can_be_stopped_after(playground):
    playground.get_by_label("Length (bytes)").fill(LONG)
    playground.get_by_role("button", name="Generate").click()
    playground.locator(UNITS).nth(20).wait_for()
    leave(playground)
    come_back(playground)
    assert playground.get_by_role("button", name="Generate").is_hidden()
    num_units = playground.locator(UNITS).count()
    until(playground, f"document.querySelectorAll('{UNITS}').length > {num_units}")
    playground.get_by_role("button", name="Stop").click()
    playground.get_by_role("button", name="Generate").wait_for()
    assert "Stopped by you" in playground.locator(".message-status").inner_text()
    assert playground.locator(UNITS).count() > num_units


def test_the_end_of_an_output_is_told_on_other_pages(playground):
    held = hold_generation(playground)
    leave(playground)
    held[0].continue_()
    notice = playground.locator(".toast", has_text="Generation 1 has ended")
    notice.get_by_role("button", name="Show").click()
    playground.locator(".prompt-form").wait_for()
    assert "24 bytes in" in playground.locator(".message-status").inner_text()
    assert playground.get_by_role("button", name="Generate").is_visible()
    assert playground.locator(UNITS).count() > 0


def test_an_error_that_came_meanwhile_is_there_and_is_answered_with_the_form_of_now(
    playground, page_log: PageLog
):
    page_log.allow(REFUSED)
    held = hold_generation(playground)
    leave(playground)
    error = {"kind": "GenerationError", "what": "It went wrong.", "where": None, "fallbacks": []}
    held[0].fulfill(status=422, json={"error": {**error, "fix": "Try again."}})
    playground.locator(".toast", has_text="Generation 1 has ended").wait_for()
    playground.unroute("**/api/v1/generate")
    come_back(playground)
    card = generation(playground, 1).locator(".error-card")
    assert "It went wrong." in card.inner_text()
    playground.get_by_label("Length (bytes)").fill("5")
    with playground.expect_request("**/api/v1/generate") as asked:
        card.locator("[data-fallback=retry]").click()
    assert json.loads(asked.value.post_data or "")["num_bytes"] == 5
    generation(playground, 1).locator(".message-status", has_text="5 bytes in").wait_for()
    assert card.count() == 0


def test_of_very_many_outputs_the_newest_are_kept_and_it_is_said(playground):
    playground.get_by_label("Length (bytes)").fill("1")
    for number in range(1, 23):
        generate(playground)
        generation(playground, number).wait_for()
    assert playground.locator(".message").count() == 22
    leave(playground)
    come_back(playground)
    titles = playground.locator(".message h3").all_inner_texts()
    assert titles == [f"Generation {number}" for number in range(22, 2, -1)]
    assert playground.get_by_text("Older outputs were let go").is_visible()


def test_a_page_that_was_left_before_it_stood_takes_nothing_from_its_successor(playground):
    generate(playground)
    leave(playground)
    held: list[Route] = []
    playground.route("**/api/v1/runs", lambda route: held.append(route), times=1)
    playground.click(".nav-link[data-page=playground]")
    until_so(playground, lambda: held)
    playground.click(".nav-link[data-page=codecs]")
    playground.locator(".page-codecs .lab-data").wait_for()
    come_back(playground)
    late = held[0].request
    with playground.expect_event("requestfinished", lambda request: request == late):
        held[0].continue_()
    playground.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")
    assert generation(playground, 1).is_visible()
    assert playground.locator(".prompt-form").count() == 1
