"""What surrounds every page: routes, "Enable Compression", colours, a lost server, signing in."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.dashboard.conftest import PageLog, Server, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = ("runs", "compare", "playground", "codecs", "new")
LOST = r"ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_INCOMPLETE"


def test_every_page_opens_from_the_bar_and_says_where_one_is(server: Server, page: "Page"):
    server.write_run("one", num_steps=20)
    page.goto(server.url)
    for name in PAGES:
        page.click(f".nav-link[data-page={name}]")
        page.wait_for_selector(f".page-{name} h1")
        assert page.locator(".nav-link[aria-current=page]").get_attribute("data-page") == name
        # Some pages show their heading while they ask for what stands below it.
        until(page, "document.activeElement.tagName === 'H1'")
    assert page.locator(".error-card").count() == 0


def test_an_address_that_is_no_page_says_so_and_leads_to_the_runs(server: Server, page: "Page"):
    page.goto(f"{server.url}/#/nowhere")
    page.wait_for_selector(".error-card")
    assert "#/nowhere" in page.locator(".error-what").inner_text()
    page.click("[data-fallback=runs]")
    page.wait_for_selector(".page-runs h1")


def test_enable_compression_is_seen_at_a_glance_and_kept_in_this_browser(
    server: Server, page: "Page"
):
    page.goto(server.url)
    toggle = page.get_by_role("switch", name="Enable Compression", exact=True)
    assert toggle.get_attribute("aria-checked") == "false"
    assert not page.locator("#compression-strip").is_visible()
    toggle.click()
    assert toggle.get_attribute("aria-checked") == "true"
    assert "Compression on" in page.locator("#compression-strip").inner_text()
    assert page.evaluate("document.documentElement.dataset.compression") == "on"
    until(page, "document.querySelectorAll('#compression-codec option').length > 4")
    page.select_option("#compression-codec", "huffman")
    page.reload()
    assert toggle.get_attribute("aria-checked") == "true"
    until(page, "document.querySelector('#compression-codec').value === 'huffman'")


def test_another_tab_of_the_browser_follows_the_switch(server: Server, page: "Page"):
    page.goto(server.url)
    other = page.context.new_page()
    other.goto(server.url)
    page.get_by_role("switch", name="Enable Compression").click()
    other.wait_for_selector("#enable-compression[aria-checked=true]")


def test_the_ratio_of_all_messages_stands_beside_the_switch(server: Server, page: "Page"):
    page.goto(server.url)
    page.get_by_role("switch", name="Enable Compression").click()
    page.evaluate(
        """async () => {
            const { compression } = await import("/components/compression.js");
            compression.record({ sourceBits: 8000, frameBits: 4000 });
            compression.record({ sourceBits: 8000, frameBits: 6000 });
        }"""
    )
    text = page.locator(".strip-ratio").inner_text()
    assert "1.60:1" in text
    assert "2.0 KB → 1.3 KB" in text.replace("2 KB", "2.0 KB")
    assert "2 messages" in text


def test_colours_follow_the_system_until_the_browser_chooses(server: Server, page: "Page"):
    page.emulate_media(color_scheme="dark")
    page.goto(server.url)
    page.wait_for_selector("html[data-theme=dark]")
    page.click("#theme")  # system, then light, then dark
    page.wait_for_selector("html[data-theme=light]")
    page.reload()
    page.wait_for_selector("html[data-theme=light]")
    page.click("#theme")
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-theme=dark]")


def test_a_server_that_ends_is_told_of_and_found_again_when_it_is_back(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow(LOST)
    server.write_run("one", num_steps=20)
    page.goto(server.url)
    page.wait_for_selector("[data-run=one]")
    server.stop()
    page.wait_for_selector("#connection:visible")
    assert "Runs go on without it" in page.locator("#connection").inner_text()
    assert page.locator("[data-run=one]").is_visible()
    server.start()
    page.wait_for_selector("#connection", state="hidden")
    server.write_run("two", num_steps=20)
    page.wait_for_selector("[data-run=two]")


def test_a_token_is_asked_for_once_and_a_wrong_one_is_explained(
    make_server: Callable[..., Server], page: "Page", page_log: PageLog
):
    page_log.allow(r"status of 401")
    server = make_server(token="correct horse battery")
    server.write_run("secret", num_steps=20)
    page.goto(server.url)
    page.fill("input[type=password]", "wrong token here")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".error-card")
    assert "not the dashboard's token" in page.locator(".error-what").inner_text()
    page.fill("input[type=password]", "correct horse battery")
    page.click("form button.button-primary")
    page.wait_for_selector("[data-run=secret]")
    page.reload()
    page.wait_for_selector("[data-run=secret]")


def test_the_link_of_the_terminal_signs_in_and_hides_the_token(
    make_server: Callable[..., Server], page: "Page"
):
    server = make_server(token="correct horse battery")
    server.write_run("secret", num_steps=20)
    page.goto(f"{server.url}/?token=correct+horse+battery")
    page.wait_for_selector("[data-run=secret]")
    assert "token" not in page.url
