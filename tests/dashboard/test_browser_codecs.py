"""The codec lab in a real browser, beside the library's own results."""

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest

from bit_transformer import compress_bits, decompress_bits, text_to_bits
from tests.dashboard.asking import LIMIT_S
from tests.dashboard.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

TEXT = "the quick brown fox jumps over the lazy dog; " * 12
CODECS = ("stored", "huffman", "huffman:english", "rle", "lz", "zstd", "deflate", "lzma")


@pytest.fixture
def lab(server: Server, page: "Page") -> "Page":
    """The codec lab of an empty dashboard."""
    page.goto(f"{server.url}/#/codecs")
    page.locator(".lab-data textarea").wait_for()
    return page


def compare(page: "Page", text: str = TEXT) -> None:
    """Compare the codecs on a text."""
    page.locator(".lab-data textarea").fill(text)
    page.get_by_role("button", name="Compare").click()
    page.locator(".size-bars").wait_for()


def see_bits(page: "Page", codec: str) -> None:
    """Look at the bits of one codec's frame, once those of the smallest stand there."""
    page.locator(".bit-stream").wait_for()
    with page.expect_response("**/codecs/inspect"):
        page.get_by_role("button", name=f"See the bits of {codec}", exact=True).click()
    name = f"Bits of the {codec.split(':')[0]} frame"
    page.locator(f".stream-body:not(.is-stale) .bit-stream[aria-label='{name}']").wait_for()


def choose_file(page: "Page", form: str, content: bytes, name: str = "data.bin") -> None:
    """Give a file to the half of the page that has this form."""
    chosen: FilePayload = {
        "name": name,
        "mimeType": "application/octet-stream",
        "buffer": content,
    }
    page.locator(f"{form} input[type=file]").set_input_files(chosen)


def frame_of(text: str, codec: str) -> bytes:
    """A text's frame as a file holds it."""
    return compress_bits(text_to_bits(text), codec, packed=True).numpy().tobytes()


def test_every_codec_is_shown_with_the_size_that_the_library_gives(lab):
    compare(lab)
    source = text_to_bits(TEXT)
    sizes = {codec: len(compress_bits(source, codec)) for codec in CODECS}
    for codec, num_bits in sizes.items():
        row = lab.locator(f"tr[data-codec='{codec}']")
        assert f"{-(-num_bits // 8)} B" in row.inner_text()
        assert f"{len(source) / num_bits:.2f}:1" in row.inner_text()
    rows = lab.locator(".size-bars tbody tr:not(.is-failed)")
    names = rows.evaluate_all("rows => rows.map(row => row.dataset.codec)")
    shown = [name for name in names if name in sizes]
    assert shown == sorted(shown, key=lambda name: sizes[name])


def test_the_bars_are_as_long_as_the_frames_and_the_line_is_the_data(lab):
    compare(lab)
    source = text_to_bits(TEXT)
    sizes = {codec: len(compress_bits(source, codec)) for codec in CODECS}
    longest = max(sizes.values())
    assert longest > len(source), "a codec that expands belongs to the picture"
    for codec, num_bits in sizes.items():
        bar = lab.locator(f"tr[data-codec='{codec}'] .size-bar")
        box = bar.bounding_box()
        fill = bar.locator(".size-bar-fill").bounding_box()
        mark = bar.locator(".size-bar-mark").bounding_box()
        assert fill["width"] == pytest.approx(box["width"] * num_bits / longest, abs=4)
        place = mark["x"] + mark["width"] / 2 - box["x"]
        assert place == pytest.approx(box["width"] * len(source) / longest, abs=3)


def test_the_smallest_is_marked_in_words_and_its_bits_are_shown(lab):
    compare(lab)
    winner = lab.locator(".size-bars .is-smallest").first
    name = winner.get_attribute("data-codec")
    assert "smallest" in winner.inner_text()
    assert re.match(rf"{name} (is|and .* are) smallest", lab.locator(".lab-headline").inner_text())
    lab.locator(".bit-stream").wait_for()
    assert lab.locator(".stream-card h2").inner_text() == f"Bit stream of {name}"


def test_a_codec_that_cannot_do_it_keeps_its_row_and_says_why(lab):
    lab.locator(".lab-more summary").click()
    lab.get_by_label("Level").fill("99")
    compare(lab)
    failed = lab.locator("tr.is-failed[data-codec=zstd]")
    assert "99" in failed.inner_text()
    assert lab.locator("tr[data-codec=rle]").locator(".size-bar").count() == 1


@pytest.mark.parametrize("codec", ["rle", "huffman:english", "lz"])
def test_a_bit_stream_is_shown_bit_for_bit_with_what_each_piece_means(lab, codec):
    compare(lab)
    see_bits(lab, codec)
    assert lab.locator(".stream-card h2").inner_text() == f"Bit stream of {codec}"
    pieces = lab.locator(".bit-stream .stream-segment")
    bits = "".join(pieces.all_inner_texts())
    frame = "".join(map(str, compress_bits(text_to_bits(TEXT), codec).tolist()))
    assert frame.startswith(bits)
    assert len(bits) >= min(len(frame), 2000)
    kinds = set(pieces.evaluate_all("all => all.map(one => one.className.match(/kind-(\\w+)/)[1])"))
    assert kinds >= {"header", {"rle": "run", "huffman:english": "code", "lz": "match"}[codec]}
    lab.locator(".bit-stream").focus()
    lab.keyboard.press("Home")
    assert "header" in lab.locator(".stream [role=status]").inner_text()
    pieces.nth(3).hover()
    assert lab.locator(".floating-card:visible").inner_text().strip()


def test_neighbouring_pieces_of_one_kind_differ_in_shade(lab):
    compare(lab)
    see_bits(lab, "huffman:english")
    shades = lab.locator(".bit-stream .kind-code").evaluate_all(
        "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert all(one != two for one, two in pairwise(shades))


def test_a_long_stream_can_be_read_to_its_end(lab):
    compare(lab)
    see_bits(lab, "stored")
    seen = "".join(lab.locator(".bit-stream .stream-segment").all_inner_texts())
    frame = "".join(map(str, compress_bits(text_to_bits(TEXT), "stored").tolist()))
    while lab.get_by_role("button", name="Later").is_enabled():
        place = lab.locator(".stream-rest").inner_text()
        lab.get_by_role("button", name="Later").click()
        lab.wait_for_function(
            "old => document.querySelector('.stream-rest')?.innerText !== old", arg=place
        )
        seen += "".join(lab.locator(".bit-stream .stream-segment").all_inner_texts())
    assert seen == frame


def test_a_downloaded_frame_decompresses_to_the_data(lab):
    compare(lab)
    with lab.expect_download() as saved:
        lab.get_by_role("button", name="Download as a zstd frame").click()
    frame = np.fromfile(Path(saved.value.path()), dtype=np.uint8)
    import torch

    assert decompress_bits(torch.from_numpy(frame), packed=True).equal(text_to_bits(TEXT))


def test_the_way_back_gives_the_data_again(lab):
    compare(lab)
    with lab.expect_download():
        lab.get_by_role("button", name="Download as a lz frame").click()
    lab.get_by_role("button", name="And back").click()
    lab.locator(".outcome-good").wait_for()
    assert f"All {8 * len(TEXT):,} bits came out, by lz" in lab.locator(".outcome").inner_text()
    assert lab.locator(".preview").inner_text().strip() == TEXT.strip()
    with lab.expect_download() as saved:
        lab.locator(".way-back-result").get_by_role("button", name="Download").click()
    assert Path(saved.value.path()).read_text(encoding="utf-8") == TEXT


def test_a_file_can_be_dropped(lab):
    lab.evaluate(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "dropped.txt"));
            const target = document.querySelector(".lab-data .source-input");
            for (const type of ["dragenter", "dragover", "drop"]) {
                const event = { dataTransfer: transfer, bubbles: true };
                target.dispatchEvent(new DragEvent(type, event));
            }
        }""",
        TEXT,
    )
    assert "dropped.txt" in lab.locator(".lab-data .source-drop").inner_text()
    lab.get_by_role("button", name="Compare").click()
    lab.locator(".size-bars").wait_for()
    assert f"{len(TEXT)} B" in lab.locator(".lab-headline").inner_text()


def test_telemetry_is_of_the_frame_or_of_what_it_holds_and_says_which(lab, server):
    frame = frame_of(TEXT, "lz")
    choose_file(lab, ".way-back", frame, "text.frame")
    lab.get_by_role("button", name="Decompress").click()
    whose = lab.locator(".way-back .telemetry-whose")
    whose.get_by_text("frame's own bits (compression is off, all bits are raw)").wait_for()
    assert f"{8 * len(frame):,} bits" in whose.inner_text()
    lab.click("#enable-compression")
    whose.get_by_text("decompressed bits (compression is on)").wait_for()
    assert f"{8 * len(TEXT):,} bits" in whose.inner_text()
    answer = httpx.post(
        f"{server.url}/api/v1/telemetry",
        json={
            "source": {"kind": "hex", "value": frame.hex()},
            "is_frame": True,
            "which": "source",
            "window_bytes": 64,
        },
        timeout=LIMIT_S,
    ).json()
    last = [answer["measured"]["source"]["windows"][name][-1] for name in ("k", "c")]
    shown = lab.locator(".way-back .trace-value").all_inner_texts()
    assert shown[:2] == [f"{value:.3f}" for value in last]


def test_codecs_are_chosen_and_remembered(lab):
    for name in ("zstd", "lzma", "brotli"):
        lab.get_by_label(name, exact=True).uncheck()
    compare(lab)
    names = lab.locator(".size-bars tbody tr").evaluate_all(
        "rows => rows.map(row => row.dataset.codec)"
    )
    assert "rle" in names
    assert not {"zstd", "lzma", "brotli"} & set(names)
    lab.reload()
    assert lab.locator(".lab-data textarea").input_value() == TEXT
    assert not lab.get_by_label("zstd", exact=True).is_checked()
