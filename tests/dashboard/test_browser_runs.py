"""The pages of runs in a real browser: list, one run, comparison, new run, and the shell."""

from typing import TYPE_CHECKING

from tests.dashboard.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_the_list_shows_every_run_with_its_state_and_loss(server: Server, page: "Page"):
    server.write_run("one", level=2.0)
    server.write_run("two", level=3.0, state="stopped", message="asked to stop")
    page.goto(server.url)
    page.wait_for_selector(".run-row >> nth=1")
    assert page.locator(".page-lead").inner_text() == "2 in all, none running"
    assert page.locator("[data-run=one] .badge").inner_text() == "finished"
    assert page.locator("[data-run=two] .badge").inner_text() == "stopped"
    assert "bits per byte, held out" in page.locator("[data-run=one] .run-loss").inner_text()
