"""What goes wrong, told with what happened, where and what to do, and the button that helps.

Each test makes a real failure in the playground or the codec lab, reads its card, clicks its
fallback and sees that it worked and that nothing typed was lost. Runs that die or fail, and the
form of new runs, are in ``test_browser_new_run.py``; a wrong token is in ``test_browser_shell.py``.
"""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bit_transformer import compress_bits, text_to_bits
from bit_transformer.codecs import decompress_prefix
from bit_transformer.dashboard.storage import uploads
from tests.dashboard.asking import wait_for
from tests.dashboard.conftest import PageLog, Server
from tests.dashboard.tool_pages import (
    REFUSED,
    TEXT,
    ask_for_the_undecodable,
    open_lab,
    open_playground,
)
from tests.dashboard.trained_runs import PROMPT

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Locator, Page
    from torch import Tensor


@pytest.fixture
def lab(server: Server, page: "Page", page_log: PageLog) -> "Page":
    return open_lab(server, page, page_log)


@pytest.fixture
def playground(model_server: Server, page: "Page", page_log: PageLog) -> "Page":
    return open_playground(model_server, page, page_log)


def card_of(page: "Page") -> "Locator":
    """The error card, once it is there; it says what, and what to do, and shows no trace."""
    card = page.locator(".error-card")
    card.first.wait_for()
    assert card.count() == 1
    text = card.inner_text()
    assert len(card.locator(".error-what").inner_text()) > 15
    assert len(card.locator(".error-fix").inner_text()) > len("What to do") + 10
    assert card.get_attribute("role") == "alert"
    assert not re.search(r"Traceback|File \"|\.py\b|undefined|\[object", text)
    return card


def click(page: "Page", fallback: str) -> None:
    """Click a fallback of the card."""
    card_of(page).locator(f"[data-fallback={fallback}]").click()


def wait_for_output(page: "Page") -> None:
    """Until the generation of a fallback has ended; the first one left its buttons standing."""
    page.locator(".message-status", has_text=re.compile(r"\d bytes in ")).wait_for()


def give_frame(page: "Page", content: bytes) -> None:
    """Give the lab a file to decompress, and try."""
    chosen: FilePayload = {
        "name": "x.frame",
        "mimeType": "application/octet-stream",
        "buffer": content,
    }
    page.locator(".way-back input[type=file]").set_input_files(chosen)
    page.get_by_role("button", name="Decompress").click()


def frame_of(codec: str) -> bytes:
    """The text's frame as a file holds it."""
    return compress_bits(text_to_bits(TEXT), codec, packed=True).numpy().tobytes()


def test_a_bad_upload_is_told_from_a_frame_and_looked_at_as_plain_data(lab):
    give_frame(lab, b"\xffThis is no frame at all, but a note about foxes.")
    assert "header" in card_of(lab).locator(".error-where").inner_text()
    click(lab, "raw_data")
    lab.locator(".size-bars").wait_for()
    assert "x.frame" in lab.locator(".lab-data .source-drop").inner_text()
    assert "smallest" in lab.locator(".lab-headline").inner_text()
    assert lab.locator(".error-card").count() == 0


def test_a_cut_stream_says_at_which_bit_and_gives_its_longest_valid_part(lab):
    cut = frame_of("huffman:english")[:100]
    give_frame(lab, cut)
    where = card_of(lab).locator(".error-where").inner_text()
    assert re.search(r"bit \d+ of the huffman frame", where)
    click(lab, "valid_prefix")
    lab.locator(".outcome-part").wait_for()
    expected = decompress_prefix(_packed(cut), packed=True).bits
    assert f"{len(expected):,} bits of " in lab.locator(".outcome").inner_text()
    num_bytes = len(expected) // 8
    assert lab.locator(".preview").inner_text().startswith(TEXT[: num_bytes - 1])
    with lab.expect_download() as saved:
        lab.locator(".way-back-result").get_by_role("button", name="Download").click()
    assert Path(saved.value.path()).read_bytes()[:num_bytes] == TEXT.encode()[:num_bytes]


def test_a_damaged_frame_stays_where_it_was_given(lab):
    give_frame(lab, frame_of("zstd")[:-5])
    card_of(lab)
    assert "x.frame" in lab.locator(".way-back .source-drop").inner_text()
    assert card_of(lab).locator("[data-fallback=retry]").is_visible()


def test_wrong_digits_are_named_before_anything_is_sent(lab):
    sent = []
    lab.on("request", lambda request: sent.append(request.method))
    form = lab.locator(".lab-data")
    form.get_by_role("radio", name="Bits").check()
    form.locator("textarea").fill("0110 012")
    assert "Place 8 is “2”" in form.locator(".source-problem").inner_text()
    assert form.locator("textarea").get_attribute("aria-invalid") == "true"
    lab.get_by_role("button", name="Compare").click()
    assert "Place 8" in card_of(lab).inner_text()
    assert "POST" not in sent
    form.locator("textarea").fill("0110 01")
    click(lab, "retry")
    lab.locator(".size-bars").wait_for()


def test_a_file_too_large_to_upload_is_used_as_far_as_it_may(
    make_server, page: "Page", page_log: PageLog
):
    page_log.allow(REFUSED)
    server = make_server(max_upload_bytes=1000)
    page.goto(f"{server.url}/#/codecs")
    chosen: FilePayload = {
        "name": "large.txt",
        "mimeType": "text/plain",
        "buffer": TEXT.encode() * 9,
    }
    page.locator(".lab-data input[type=file]").set_input_files(chosen)
    page.get_by_role("button", name="Compare").click()
    assert "1 KB" in card_of(page).inner_text()
    click(page, "shorter")
    page.locator(".size-bars").wait_for()
    assert "1 KB become" in page.locator(".lab-headline").inner_text()


def test_data_too_large_for_the_lab_is_used_as_far_as_it_may(
    make_server, page: "Page", page_log: PageLog
):
    page_log.allow(REFUSED)
    server = make_server(max_lab_bytes=500)
    page.goto(f"{server.url}/#/codecs")
    page.locator(".lab-data textarea").fill(TEXT * 3)
    page.get_by_role("button", name="Compare").click()
    assert "500" in card_of(page).inner_text()
    click(page, "shorter")
    page.locator(".size-bars").wait_for()
    assert page.locator(".lab-data textarea").input_value() == (TEXT * 3)[:500]


def test_a_disk_that_fills_is_told_and_deleting_old_uploads_helps(
    lab, server: Server, monkeypatch: pytest.MonkeyPatch
):
    def give() -> None:
        chosen: FilePayload = {
            "name": "new.txt",
            "mimeType": "text/plain",
            "buffer": TEXT.encode(),
        }
        lab.locator(".lab-data input[type=file]").set_input_files(chosen)
        lab.get_by_role("button", name="Compare").click()

    give()
    lab.locator(".size-bars").wait_for()
    folder = server.config.state_dir / "uploads"
    assert list(folder.glob("*.bin"))
    real = shutil.disk_usage(folder)

    def usage(path: object) -> SimpleNamespace:
        del path
        free = 0 if list(folder.glob("*.bin")) else real.free
        return SimpleNamespace(total=real.total, used=real.total - free, free=free)

    monkeypatch.setattr(uploads.shutil, "disk_usage", usage)
    give()
    assert "full" in card_of(lab).inner_text()
    click(lab, "free_space")
    lab.locator(".toast", has_text="Deleted 1 upload").wait_for()
    lab.locator(".error-card").wait_for(state="detached")
    lab.locator(".size-bars").wait_for()
    # The card goes when the upload begins, and its file is there when that has ended.
    wait_for(lambda: len(list(folder.glob("*.bin"))) == 1)


def test_an_upload_that_is_gone_is_sent_again(lab, server: Server):
    chosen: FilePayload = {"name": "mine.txt", "mimeType": "text/plain", "buffer": TEXT.encode()}
    lab.locator(".lab-data input[type=file]").set_input_files(chosen)
    lab.get_by_role("button", name="Compare").click()
    lab.locator(".size-bars").wait_for()
    for path in (server.config.state_dir / "uploads").iterdir():
        path.unlink()
    lab.get_by_role("button", name="Compare").click()
    click(lab, "upload")
    lab.locator(".error-card").wait_for(state="detached")
    wait_for(lambda: list((server.config.state_dir / "uploads").glob("*.bin")))


def test_a_server_that_restarts_loses_no_form_and_the_same_button_works_after(
    lab, server: Server, page_log: PageLog
):
    page_log.allow("ERR_|Failed to load resource")
    lab.locator(".lab-data textarea").fill(TEXT)
    server.stop()
    lab.get_by_role("button", name="Compare").click()
    assert "does not answer" in card_of(lab).inner_text()
    assert lab.locator(".lab-data textarea").input_value() == TEXT
    server.start()
    click(lab, "retry")
    lab.locator(".size-bars").wait_for()
    assert lab.locator(".lab-data textarea").input_value() == TEXT


def test_a_codec_that_models_cannot_write_in_is_exchanged_for_one_that_they_can(playground):
    playground.select_option("#compression-codec", "zstd")
    playground.get_by_label("The model writes").select_option("direct")
    playground.get_by_role("button", name="Generate").click()
    assert "zstd" in card_of(playground).inner_text()
    click(playground, "other_codec")
    dialog = playground.get_by_role("dialog")
    assert dialog.locator("[data-codec=zstd]").count() == 0
    dialog.locator("[data-codec='huffman:english']").click()
    playground.locator(".message-foot:visible").wait_for()
    assert "huffman:english" in playground.locator(".message-facts").inner_text()
    assert playground.locator("#compression-codec").input_value() == "huffman:english"
    assert playground.locator(".prompt-form textarea").input_value() == PROMPT


@pytest.fixture
def undecodable(playground: "Page") -> "Page":
    """A model that went on with a frame of zstd, which nothing but luck would make one."""
    ask_for_the_undecodable(playground)
    assert re.search("zstd|frame", card_of(playground).inner_text())
    return playground


def test_an_output_that_does_not_decompress_is_shown_raw(undecodable):
    click(undecodable, "raw_output")
    wait_for_output(undecodable)
    assert undecodable.locator(".surprise-text .unit").count() > 0
    assert "compressed output" in undecodable.locator(".telemetry-whose").inner_text()
    with undecodable.expect_download() as saved:
        undecodable.get_by_role("button", name="Download").click()
    undecodable.locator(".view-bar").get_by_role("radio", name="Hex").check()
    shown = undecodable.locator(".unit-hex:not(.is-given)").all_inner_texts()
    raw = Path(saved.value.path()).read_bytes()
    assert raw == bytes.fromhex("".join(shown))
    assert len(raw) > 0


def test_an_output_that_does_not_decompress_gives_its_valid_part(undecodable):
    click(undecodable, "valid_prefix")
    wait_for_output(undecodable)
    card = undecodable.locator(".error-card")
    assert card.count() == 1
    assert card.get_attribute("data-kind") == "Warning"


def test_an_output_that_does_not_decompress_is_made_again_without_compression(undecodable):
    click(undecodable, "without_compression")
    # The notice goes by itself, so it is answered before the output is waited for.
    again = undecodable.get_by_role("button", name="Turn on again")
    again.wait_for()
    assert undecodable.locator("#enable-compression").get_attribute("aria-checked") == "false"
    again.click()
    assert undecodable.locator("#enable-compression").get_attribute("aria-checked") == "true"
    wait_for_output(undecodable)
    assert undecodable.locator(".error-card").count() == 0
    assert "compression was off" in undecodable.locator(".telemetry-whose").inner_text()


def test_a_number_out_of_range_is_named_and_the_rest_is_kept(playground):
    playground.get_by_label("Length (bytes)").fill("-4")
    playground.get_by_role("button", name="Generate").click()
    assert "Length (bytes): at least 0" in card_of(playground).inner_text()
    assert playground.evaluate("document.activeElement.name") == "num_bytes"
    assert playground.locator(".prompt-form textarea").input_value() == PROMPT
    playground.get_by_label("Length (bytes)").fill("8")
    click(playground, "retry")
    playground.locator(".message-foot:visible").wait_for()


def test_a_server_that_stops_answering_amid_an_output_leaves_what_came(
    make_server, trained_runs: Path, page: "Page", page_log: PageLog
):
    page_log.allow("ERR_|Failed to load resource")
    server = make_server(runs=trained_runs)
    page.goto(f"{server.url}/#/playground?run=plain")
    page.locator(".prompt-form textarea").fill(PROMPT)
    page.get_by_label("Length (bytes)").fill("60000")
    page.get_by_role("button", name="Generate").click()
    units = page.locator(".surprise-text .unit:not(.is-given)")
    units.nth(10).wait_for()
    server.stop()
    card_of(page)
    assert units.count() > 10
    assert page.get_by_role("button", name="Download").is_visible()
    assert page.locator(".prompt-form textarea").input_value() == PROMPT


def _packed(content: bytes) -> "Tensor":
    import torch

    return torch.frombuffer(bytearray(content), dtype=torch.uint8)
