"""Ways on that lead on: none loops, none does nothing, none ends what it should not.

``test_browser_errors.py`` sees that each error has its fallback; here fallbacks are used in odd
orders, twice, or where they cannot help, and must say so.
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bit_transformer import compress_bits, text_to_bits
from bit_transformer.dashboard.storage import uploads
from tests.dashboard.asking import LIMIT_S, Client
from tests.dashboard.conftest import PageLog, Server, drawn, until, until_so
from tests.dashboard.tool_pages import (
    REFUSED,
    TEXT,
    ask_for_the_undecodable,
    open_lab,
    open_playground,
)

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page, Route

CARD = ".error-card"
RETRY = "[data-fallback=retry]"


@pytest.fixture
def lab(server: Server, page: "Page", page_log: PageLog) -> "Page":
    return open_lab(server, page, page_log)


@pytest.fixture
def playground(model_server: Server, page: "Page", page_log: PageLog) -> "Page":
    return open_playground(model_server, page, page_log)


def press(page: "Page", fallback: str) -> None:
    """Click a way on of the one card that is there."""
    page.locator(f"{CARD} [data-fallback={fallback}]").click()


def give_file(page: "Page", content: bytes, form: str = ".lab-data") -> None:
    """Choose a file in one of the lab's halves."""
    chosen: FilePayload = {
        "name": "data.bin",
        "mimeType": "application/octet-stream",
        "buffer": content,
    }
    page.locator(f"{form} input[type=file]").set_input_files(chosen)


def write_undecodable(page: "Page") -> None:
    """A generation that fails: it goes on with a frame of zstd, which only luck would make one."""
    ask_for_the_undecodable(page)
    page.locator(CARD).wait_for()


def test_a_choice_of_codecs_that_is_closed_leaves_the_card_with_all_its_ways(playground):
    playground.select_option("#compression-codec", "zstd")
    playground.get_by_label("The model writes").select_option("direct")
    playground.get_by_role("button", name="Generate").click()
    press(playground, "other_codec")
    playground.get_by_role("dialog").wait_for()
    playground.keyboard.press("Escape")
    playground.get_by_role("dialog").wait_for(state="detached")
    until(playground, "document.activeElement.dataset.fallback === 'other_codec'")
    press(playground, "other_codec")
    playground.get_by_role("dialog").locator("[data-codec='huffman:english']").click()
    playground.locator(".message-foot:visible").wait_for()
    assert playground.locator(CARD).count() == 0


def test_a_way_on_of_an_older_message_ends_the_generation_that_goes_on(playground):
    write_undecodable(playground)
    playground.locator(".prompt-form").get_by_role("radio", name="Text").check()
    playground.get_by_label("The model writes").select_option("")
    playground.get_by_label("Length (bytes)").fill("60000")
    playground.get_by_role("button", name="Generate").click()
    newer, older = (playground.get_by_role("article", name=f"Generation {n}") for n in (2, 1))
    newer.locator(".surprise-text .unit:not(.is-given)").nth(20).wait_for()
    older.locator("[data-fallback=raw_output]").click()
    newer.locator(".message-status", has_text="Stopped by you").wait_for()
    older.locator(".message-foot:visible").wait_for()
    playground.get_by_role("button", name="Generate").wait_for()
    assert playground.get_by_role("button", name="Stop", exact=True).is_hidden()
    assert newer.get_by_role("button", name="Download").is_visible()


def test_with_each_click_there_is_less_data_also_below_all_limits(lab):
    sizes: list[int] = []

    def time_out(route: "Route") -> None:
        asked = json.loads(route.request.post_data or "")
        sizes.append(len(asked["source"]["value"]))
        ways = [{"id": "shorter", "label": "Use less data"}]
        what = {"kind": "TimeoutError", "what": "compare took too long", "where": None}
        error = {**what, "fix": "Use less data.", "fallbacks": ways}
        route.fulfill(status=504, json={"error": error})

    lab.route("**/codecs/compare", time_out)
    lab.locator(".lab-data textarea").fill(TEXT)
    lab.get_by_role("button", name="Compare").click()
    for times in (2, 3):
        press(lab, "shorter")
        # The older card stands there until the answer to the shorter data has come.
        until_so(lab, lambda: len(sizes) == times)  # noqa: B023
        until(
            lab, "!document.querySelector('.error-card :disabled, .lab-data [aria-disabled=true]')"
        )
    lab.unroute("**/codecs/compare")
    press(lab, "shorter")
    lab.locator(".size-bars").wait_for()
    assert sizes == [len(TEXT), len(TEXT) // 2, len(TEXT) // 4]
    assert f"{len(TEXT) // 8} B become" in lab.locator(".lab-headline").inner_text()


def fill_disk(monkeypatch: pytest.MonkeyPatch, folder: Path, is_full: Any) -> None:
    """The disk has no room while ``is_full()`` holds."""
    real = shutil.disk_usage(folder)

    def usage(path: object) -> SimpleNamespace:
        del path
        free = 0 if is_full() else real.free
        return SimpleNamespace(total=real.total, used=real.total - free, free=free)

    monkeypatch.setattr(uploads.shutil, "disk_usage", usage)


def test_a_disk_that_no_deletion_helps_says_so_and_offers_that_way_no_more(
    lab, server: Server, monkeypatch: pytest.MonkeyPatch
):
    state = {"is_full": True}
    fill_disk(monkeypatch, server.runs, lambda: state["is_full"])
    give_file(lab, TEXT.encode())
    lab.get_by_role("button", name="Compare").click()
    press(lab, "free_space")
    lab.locator(".error-what", has_text="no upload left").wait_for()
    assert lab.locator("[data-fallback=free_space]").count() == 0
    state["is_full"] = False
    press(lab, "retry")
    lab.locator(".size-bars").wait_for()
    assert "data.bin" in lab.locator(".lab-data .source-drop").inner_text()


def test_uploads_that_a_run_needs_are_left_and_the_others_make_room(
    lab, server: Server, monkeypatch: pytest.MonkeyPatch
):
    client = Client(server.url)
    needed = client.upload(b"needed " * 99, "needed.txt")["id"]
    client.upload(b"old " * 99, "old.txt")
    folder = server.config.state_dir / "uploads"
    path = str((folder / f"{needed}.bin").absolute())
    server.write_run("paused", num_steps=20, state="stopped", settings={"data": {"paths": [path]}})
    fill_disk(monkeypatch, folder, lambda: len(list(folder.glob("*.bin"))) > 1)
    give_file(lab, TEXT.encode())
    lab.get_by_role("button", name="Compare").click()
    press(lab, "free_space")
    lab.locator(".toast", has_text="Deleted 1 upload").wait_for()
    lab.locator(".size-bars").wait_for()
    kept = {one["id"]: one["name"] for one in client.get("/uploads")["uploads"]}
    assert kept[needed] == "needed.txt"
    assert "old.txt" not in kept.values()


def test_much_that_is_typed_in_digits_goes_as_one_upload(lab, server: Server):
    form = lab.locator(".lab-data")
    form.get_by_role("radio", name="Hex").check()
    form.locator("textarea").fill("5a" * 150_000)
    for _ in range(2):
        with lab.expect_response("**/codecs/compare") as answer:
            lab.get_by_role("button", name="Compare").click()
        assert answer.value.json()["num_source_bits"] == 1_200_000
        until(lab, "!document.querySelector('.lab-data [aria-disabled=true]')")
    assert len(Client(server.url).get("/uploads")["uploads"]) == 1


def test_a_number_out_of_range_can_be_brought_to_the_nearest_that_is_in(playground):
    playground.get_by_label("Top k").fill("-7")
    playground.get_by_role("button", name="Generate").click()
    assert "Top k: at least 1" in playground.locator(CARD).inner_text()
    press(playground, "nearest")
    playground.locator(".message-foot:visible").wait_for()
    assert playground.get_by_label("Top k").input_value() == "1"
    assert playground.locator(CARD).count() == 0


def test_the_bits_of_a_cut_frame_come_with_the_way_to_its_longest_valid_part(lab):
    frame = compress_bits(text_to_bits(TEXT), "huffman:english", packed=True).numpy().tobytes()
    give_file(lab, frame[:60], ".way-back")
    lab.locator(".way-back").get_by_role("button", name="See the bits").click()
    lab.locator(".stream-card .bit-stream").wait_for()
    lab.locator(f".stream-card {CARD} [data-fallback=valid_prefix]").click()
    lab.locator(".outcome-part").wait_for()


def test_a_result_that_is_kept_no_more_is_made_again(lab, server: Server):
    frame = compress_bits(text_to_bits(TEXT), "lz", packed=True).numpy().tobytes()
    give_file(lab, frame, ".way-back")
    lab.get_by_role("button", name="Decompress", exact=True).click()
    lab.locator(".outcome-good").wait_for()
    shutil.rmtree(server.config.state_dir / "results")
    download = lab.locator(".way-back-result").get_by_role("button", name="Download")
    download.click()
    lab.locator(CARD).wait_for()
    press(lab, "decompress")
    lab.locator(CARD).wait_for(state="detached")
    lab.locator(".outcome-good").wait_for()
    with lab.expect_download() as saved:
        download.click()
    assert Path(saved.value.path()).read_text(encoding="utf-8") == TEXT


def test_a_frame_has_the_same_ratio_on_the_way_back_as_on_the_way_there(lab):
    lab.locator(".lab-data textarea").fill("a rose is a rose")
    lab.get_by_role("button", name="Compare").click()
    row = lab.locator("tr[data-codec='huffman:english']")
    row.wait_for()
    num_bits = len(compress_bits(text_to_bits("a rose is a rose"), "huffman:english"))
    assert num_bits % 8, "a frame of whole bytes would show nothing"
    lab.get_by_role("button", name="Download as a huffman:english frame").click()
    lab.get_by_role("button", name="And back").click()
    lab.locator(".outcome-good").wait_for()
    ratio = f"{128 / num_bits:.2f}:1"
    assert ratio in row.inner_text()
    assert ratio in lab.locator(".outcome").inner_text()


def test_an_address_that_is_no_code_for_anything_is_told_and_not_swallowed(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow(REFUSED)
    for address in ("#/runs/%E0%A4%A", "#/compare?runs=100%"):
        page.goto("about:blank")
        page.goto(f"{server.url}/{address}")
        page.locator(CARD).wait_for()
        assert "There is no run" in page.locator(f"{CARD} .error-what").inner_text().capitalize()
    page.goto(f"{server.url}/#/runs/%E0%A4%A")
    press(page, "runs")
    page.wait_for_selector(".page-runs h1")


def test_a_page_that_the_server_was_away_for_draws_itself_when_it_is_back(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow("ERR_|Failed to load resource")
    page.goto(server.url)
    page.locator(".empty").wait_for()
    server.stop()
    page.click(".nav-link[data-page=new]")
    page.locator(CARD).wait_for()
    assert "answer" in page.locator(CARD).inner_text()
    server.start()
    page.locator(".page-new .command").wait_for()
    assert page.locator(CARD).count() == 0


@pytest.mark.parametrize("part", ["pages/new-run.js", "runs/data-picker.js"])
def test_a_page_whose_program_did_not_come_opens_when_it_does(
    server: Server, page: "Page", page_log: PageLog, part: str
):
    page_log.allow("ERR_|Failed to")
    page.route(f"**/{part}", lambda route: route.abort())
    page.goto(f"{server.url}/#/new")
    page.locator(CARD).wait_for()
    page.unroute(f"**/{part}")
    # The page knocks by itself, too, and may have opened before a button can be pressed.
    page.evaluate("selector => document.querySelector(selector)?.click()", f"{CARD} {RETRY}")
    page.locator(".page-new .command").wait_for()
    assert page.locator(CARD).count() == 0


def test_a_comparison_goes_on_by_itself_after_a_restart(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow("ERR_|Failed to load resource")
    server.write_run("one", num_steps=40)
    server.write_run("two", num_steps=40)
    page.goto(f"{server.url}/#/compare?runs=one,two")
    page.wait_for_selector(drawn("compare-loss"))
    server.stop()
    page.locator(CARD).wait_for()
    server.start()
    page.locator(CARD).wait_for(state="detached")
    assert page.get_by_role("row", name="two").count() == 1


def test_what_ended_a_run_stands_there_again_after_a_restart(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow("ERR_|Failed to load resource")
    server.write_run("broke", num_steps=20, state="failed", message="it broke; mend it")
    page.goto(f"{server.url}/#/runs/broke")
    lost = page.locator(f"{CARD}[data-kind=Unreachable]")
    page.locator(f"{CARD}[data-kind=TrainingError]").wait_for()
    server.stop()
    lost.wait_for()
    assert page.locator(f"{CARD}[data-kind=TrainingError]").is_visible()
    server.start()
    lost.wait_for(state="detached")
    assert page.locator(f"{CARD}[data-kind=TrainingError]").is_visible()


def test_the_playground_waits_for_the_first_model_and_names_the_one_it_takes(
    make_server, trained_runs: Path, tmp_path: Path, page: "Page"
):
    server = make_server(runs=tmp_path / "none-yet")
    page.goto(f"{server.url}/#/playground?run=missing")
    page.get_by_role("link", name="Start a run").wait_for()
    shutil.copytree(trained_runs / "plain", server.runs / "plain")
    page.locator(".prompt-form").wait_for()
    hint = page.locator(".field-hint", has_text="no model of missing yet; plain is chosen instead")
    assert hint.is_visible()


def test_signing_in_again_is_one_click_away_when_a_token_has_changed(
    make_server, page: "Page", page_log: PageLog
):
    page_log.allow(REFUSED)
    server = make_server(token="correct horse battery")
    server.write_run("secret", num_steps=20)
    page.goto(f"{server.url}/?token=correct+horse+battery")
    page.locator("[data-run=secret]").wait_for()
    page.context.clear_cookies()
    page.locator(f"{CARD} [data-fallback=sign_in]").click()
    page.locator("input[type=password]").wait_for()
    assert httpx.get(f"{server.url}/api/v1/runs", timeout=LIMIT_S).status_code == 401
