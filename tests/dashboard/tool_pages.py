"""The codec lab and the playground, opened for tests of what goes wrong in them."""

from typing import TYPE_CHECKING

from bit_transformer.codecs import frame_header
from tests.dashboard.conftest import PageLog, Server
from tests.dashboard.trained_runs import PROMPT

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["REFUSED", "TEXT", "ask_for_the_undecodable", "open_lab", "open_playground"]

TEXT = "the quick brown fox jumps over the lazy dog; " * 8
REFUSED = r"status of (4|5)\d\d"
"""What the browser itself says on its console about an answer that is an error."""


def open_lab(server: Server, page: "Page", page_log: PageLog) -> "Page":
    """The codec lab, whose refusals are foreseen."""
    page_log.allow(REFUSED)
    page.goto(f"{server.url}/#/codecs")
    page.locator(".lab-data textarea").wait_for()
    return page


def open_playground(server: Server, page: "Page", page_log: PageLog) -> "Page":
    """The playground with the run ``direct`` and compression on; refusals are foreseen."""
    page_log.allow(REFUSED)
    page.goto(f"{server.url}/#/playground?run=direct")
    page.locator(".prompt-form textarea").fill(PROMPT)
    page.get_by_label("Length (bytes)").fill("24")
    page.get_by_label("Seed").fill("3")
    page.click("#enable-compression")
    return page


def ask_for_the_undecodable(page: "Page") -> None:
    """Let a model go on with a frame of zstd, which nothing but luck would make one."""
    form = page.locator(".prompt-form")
    form.get_by_role("radio", name="Bits").check()
    form.locator("textarea").fill("".join(map(str, frame_header("zstd", 4000).tolist())))
    page.get_by_label("The model writes").select_option("direct")
    page.get_by_role("button", name="Generate").click()
