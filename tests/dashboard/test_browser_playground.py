"""The playground in a real browser, beside what the interface says of the same request."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.dashboard.asking import LIMIT_S
from tests.dashboard.conftest import TIMEOUT_MS, PageLog, Server, watch
from tests.dashboard.trained_runs import PROMPT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NUM_BYTES = 24
COMPRESSION = "#enable-compression"


@pytest.fixture
def playground(model_server: Server, page: "Page") -> "Page":
    """The playground with the run ``plain``, a prompt, a length and a seed."""
    open_playground(page, model_server, "plain")
    return page


@pytest.fixture(scope="module")
def shown(model_server: Server, browser: "Browser") -> Iterator["Page"]:
    """The playground with one output, for tests that only look at it."""
    log = PageLog()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    watch(page, log)
    open_playground(page, model_server, "plain")
    generate(page)
    yield page
    context.close()
    assert not log.unforeseen


@pytest.fixture(scope="module")
def events(model_server: Server) -> list[dict[str, Any]]:
    """What the interface answers to the same request."""
    return ask(model_server)


def open_playground(page: "Page", server: Server, run: str) -> None:
    """Go there and fill in the form."""
    page.goto(f"{server.url}/#/playground?run={run}")
    page.locator(".prompt-form textarea").fill(PROMPT)
    page.get_by_label("Length (bytes)").fill(str(NUM_BYTES))
    page.get_by_label("Seed").fill("7")


def generate(page: "Page") -> None:
    """Press the button, and wait for the end of the newest message."""
    page.get_by_role("button", name="Generate").click()
    wait_for_end(page)
    assert not page.locator(".error-card").all_inner_texts()


def wait_for_end(page: "Page") -> None:
    """Until no generation goes on and the newest message has its buttons."""
    newest = page.locator(".message").first
    newest.locator(".message-foot:visible, .error-card").first.wait_for()
    page.get_by_role("button", name="Generate").wait_for()


def ask(server: Server, **request: Any) -> list[dict[str, Any]]:
    """The events of the same generation, asked for directly."""
    body = {"run": "plain", "num_bytes": NUM_BYTES, "seed": 7, **request}
    body.setdefault("prompt", {"kind": "text", "value": PROMPT})
    answer = httpx.post(f"{server.url}/api/v1/generate", json=body, timeout=LIMIT_S)
    return [json.loads(line) for line in answer.text.splitlines()]


def joined(events: list[dict[str, Any]], name: str) -> list[float]:
    """A list that comes in pieces."""
    return [value for event in events if event["type"] == "chunk" for value in event[name]]


def output_of(events: list[dict[str, Any]]) -> bytes:
    """All bytes of a generation."""
    return b"".join(base64.b64decode(event["bytes"]) for event in events if "bytes" in event)


def show_as(page: "Page", form: str) -> None:
    """Choose Text, Hex or Bits above the messages."""
    page.locator(".view-bar").get_by_role("radio", name=form).check()


def output_bytes(page: "Page") -> bytes:
    """What the newest message shows of the output."""
    show_as(page, "Hex")
    message = page.locator(".message").first
    return bytes.fromhex("".join(message.locator(".unit-hex:not(.is-given)").all_inner_texts()))


def test_an_output_is_shown_as_the_interface_gives_it(shown, events):
    assert output_bytes(shown) == output_of(events)
    status = shown.locator(".message-status").inner_text()
    assert f"{NUM_BYTES} bytes" in status
    assert f"Surprise: {events[-1]['bits_per_byte']:.2f} bits per byte" in status
    show_as(shown, "Text")
    assert "".join(shown.locator(".surprise-text .is-given").all_inner_texts()) == PROMPT


def test_every_bit_has_the_colour_of_its_surprise(shown, events):
    show_as(shown, "Bits")
    edges = [0.03, 0.1, 0.25, 0.5, 0.9, 1.5, 2.5, 4]
    steps = [sum(value >= edge for edge in edges) for value in joined(events, "bit_surprise")]
    colours = shown.locator(".surprise-text .bit:not(.is-given)").evaluate_all(
        "bits => bits.map(bit => Number(bit.className.match(/surprise-(\\d)/)[1]))"
    )
    assert colours == steps
    assert len(set(steps)) > 3, "the colours must differ for this to say anything"
    drawn = "".join(shown.locator(".surprise-text .bit").all_inner_texts())
    assert drawn == "".join(f"{byte:08b}" for byte in PROMPT.encode() + output_of(events))


def test_pointing_at_a_byte_shows_what_was_expected_of_each_of_its_bits(shown, events):
    show_as(shown, "Hex")
    shown.locator(".surprise-text .unit:not(.is-given)").nth(5).hover()
    card = shown.locator(".floating-card:visible")
    card.wait_for()
    bits = [row.split()[1] for row in card.locator("tbody tr").all_inner_texts()]
    assert "".join(bits) == f"{output_of(events)[5]:08b}"
    widths = card.locator(".bit-bar-fill").evaluate_all("bars => bars.map(bar => bar.style.width)")
    expected = joined(events, "prob_one")[40:48]
    assert [float(width.removesuffix("%")) for width in widths] == pytest.approx(
        [100 * share for share in expected], abs=0.01
    )
    told = card.locator(".byte-card-story").inner_text()
    found = re.search(r"surprise ([\d.]+) bits", told)
    assert found is not None
    surprise = float(found[1])
    assert surprise == pytest.approx(joined(events, "byte_surprise")[5], abs=0.06)


def test_the_arrow_keys_move_from_byte_to_byte_and_tell_of_each(shown):
    show_as(shown, "Hex")
    shown.locator(".surprise-text").focus()
    shown.keyboard.press("Home")
    told = shown.locator(".surprise [role=status]")
    assert told.inner_text() == "prompt: “t”. given, not predicted."
    for _ in PROMPT:
        shown.keyboard.press("ArrowRight")
    assert re.match(r"byte 0: .*surprise .* bits, probability", told.inner_text())
    shown.keyboard.press("End")
    assert told.inner_text().startswith(f"byte {NUM_BYTES - 1}")
    shown.keyboard.press("Escape")
    assert shown.locator(".floating-card:visible").count() == 0


def test_k_c_and_s_stand_beside_the_output_and_say_whose_they_are(shown, events):
    last = [event for event in events if event["type"] == "chunk"][-1]
    values = shown.locator(".trace-value").all_inner_texts()
    assert values == [f"{last[name]:.3f}" for name in ("k", "c", "s")]
    whose = shown.locator(".telemetry-whose").inner_text()
    assert whose == "of the output (compression is off, all bits are raw)"


def test_a_download_holds_the_bytes_of_the_output(shown, events):
    with shown.expect_download() as saved:
        shown.get_by_role("button", name="Download").click()
    assert Path(saved.value.path()).read_bytes() == output_of(events)


TEXTS = [
    b"plain",
    "naïve 漢字 🙂\n\tend".encode(),
    b"\xff\xc3\x28\xe2\x82 cut \xf0\x9f\x99",
    b"\xed\xa0\x80\xc0\x80\xf5\x80\x80\x80",
    bytes(range(256)),
]


@pytest.mark.parametrize("data", TEXTS)
def test_text_is_cut_into_characters_where_utf_8_is_valid_and_into_bytes_elsewhere(shown, data):
    script = """async (bytes) => {
        const { splitCharacters } = await import("/parts/utf8.js");
        return splitCharacters(Uint8Array.from(bytes), true);
    }"""
    pieces = shown.evaluate(script, list(data))
    starts = [piece["start"] for piece in pieces]
    assert starts == [
        sum(piece["length"] for piece in pieces[:place]) for place in range(len(pieces))
    ]
    assert sum(piece["length"] for piece in pieces) == len(data)
    shown_text = "".join(piece["text"] or "" for piece in pieces)
    assert shown_text == data.decode(errors="ignore")


def test_an_output_streams_and_the_stop_button_ends_it_with_what_came(playground):
    playground.get_by_label("Length (bytes)").fill("60000")
    playground.get_by_role("button", name="Generate").click()
    units = playground.locator(".surprise-text .unit:not(.is-given)")
    units.nth(20).wait_for()
    assert playground.get_by_role("button", name="Generate").is_hidden()
    playground.get_by_role("button", name="Stop").click()
    playground.get_by_role("button", name="Generate").wait_for()
    assert "Stopped by you" in playground.locator(".message-status").inner_text()
    assert 20 < units.count() < 60_000
    assert playground.get_by_role("button", name="Download").is_visible()


@pytest.mark.parametrize(
    ("kind", "typed"),
    [("Hex", PROMPT.encode().hex(" ")), ("Bits", "".join(f"{b:08b} " for b in PROMPT.encode()))],
)
def test_a_prompt_may_be_typed_as_digits(events, playground, kind, typed):
    playground.locator(".prompt-form").get_by_role("radio", name=kind).check()
    playground.locator(".prompt-form textarea").fill(typed)
    generate(playground)
    assert output_bytes(playground) == output_of(events)


def test_a_prompt_may_end_inside_a_byte(model_server, playground):
    bits = "0111010001101"
    playground.locator(".prompt-form").get_by_role("radio", name="Bits").check()
    playground.locator(".prompt-form textarea").fill(bits)
    generate(playground)
    show_as(playground, "Bits")
    drawn = playground.locator(".surprise-text .bit").all_inner_texts()
    events = ask(model_server, prompt={"kind": "bits", "value": bits})
    made = "".join(event["bits"] for event in events if event["type"] == "chunk")
    assert "".join(drawn) == bits + made


def test_a_prompt_may_be_a_file(events, playground):
    playground.locator(".prompt-form input[type=file]").set_input_files(
        {"name": "prompt.txt", "mimeType": "text/plain", "buffer": PROMPT.encode()}
    )
    generate(playground)
    assert output_bytes(playground) == output_of(events)
    assert "prompt.txt" in playground.locator(".message-facts").inner_text()


def test_sampling_controls_reach_the_model(model_server, playground):
    playground.get_by_label("Top k").fill("1")
    temperature = playground.get_by_label("Temperature")
    temperature.fill("0.5")
    generate(playground)
    events = ask(model_server, top_k=1, temperature=0.5)
    assert output_bytes(playground) == output_of(events)


def test_compression_shows_its_ratio_and_decompresses_what_the_model_writes(model_server, page):
    open_playground(page, model_server, "direct")
    page.click(COMPRESSION)
    generate(page)
    events = ask(model_server, run="direct", compression=True)
    assert output_bytes(page) == output_of(events)
    sizes = events[-1]["compression"]
    row = page.locator(".sizes .is-total").inner_text()
    assert f"{sizes['prompt_bits'] + sizes['output_bits']} bits" in row
    assert f"{sizes['compression_ratio']:.2f}:1" in row
    assert "direct view" in page.locator(".message-facts").inner_text()
    whose = page.locator(".telemetry-whose").inner_text()
    assert whose == "of the decompressed output (compression is on)"
    total = page.locator(".strip-ratio").inner_text()
    assert f"{sizes['compression_ratio']:.2f}:1" in total
    assert "1 message" in total


def test_a_model_of_plain_data_reads_through_the_codec_and_says_so(model_server, playground):
    playground.click(COMPRESSION)
    generate(playground)
    done = ask(model_server, compression=True)[-1]
    assert (
        f"{done['compression']['output_ratio']:.2f}:1" in playground.locator(".sizes").inner_text()
    )
    assert "reads it through the codec" in playground.locator(".message-status").inner_text()


def test_the_chosen_codec_is_used(model_server, playground):
    playground.click(COMPRESSION)
    playground.select_option("#compression-codec", "rle")
    generate(playground)
    assert "rle" in playground.locator(".sizes thead").inner_text()


def test_scoring_colours_the_prompt_itself(model_server, playground):
    playground.get_by_role("button", name="Score the prompt").click()
    wait_for_end(playground)
    answer = httpx.post(
        f"{model_server.url}/api/v1/score",
        json={"run": "plain", "source": {"kind": "text", "value": PROMPT}},
        timeout=LIMIT_S,
    ).json()
    assert output_bytes(playground) == PROMPT.encode()
    assert (
        f"{answer['bits_per_byte']:.2f} bits per byte"
        in playground.locator(".message-status").inner_text()
    )


def test_an_output_becomes_the_next_prompt(playground):
    generate(playground)
    whole = PROMPT.encode() + output_bytes(playground)
    playground.get_by_role("button", name="Continue from here").click()
    typed = playground.locator(".prompt-form textarea").input_value()
    is_hex = playground.locator(".prompt-form input[value=hex]").is_checked()
    assert (bytes.fromhex(typed) if is_hex else typed.encode()) == whole


def test_the_form_outlives_a_reload_and_the_toggle_outlives_the_tab(model_server, playground):
    playground.click(COMPRESSION)
    playground.reload()
    assert playground.locator(".prompt-form textarea").input_value() == PROMPT
    assert playground.get_by_label("Length (bytes)").input_value() == str(NUM_BYTES)
    assert playground.locator(COMPRESSION).get_attribute("aria-checked") == "true"
    other = playground.context.new_page()
    other.goto(f"{model_server.url}/#/playground")
    assert other.locator(COMPRESSION).get_attribute("aria-checked") == "true"
    assert "Compression on" in other.locator(".form-note").inner_text()


def test_without_a_model_the_page_says_how_to_get_one(server: Server, page: "Page"):
    page.goto(f"{server.url}/#/playground")
    page.get_by_role("link", name="Start a run").click()
    page.wait_for_url("**/#/new")
