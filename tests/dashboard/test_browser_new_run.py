"""Starting, pausing, resuming and stopping runs from the page, with real trainings."""

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bit_transformer.runs import RunFolder
from tests.dashboard.asking import LIMIT_S
from tests.dashboard.conftest import TRAINING_MS, PageLog, Server, until, wait_for_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

SHOWN_STEP = (
    "Number(/step ([0-9,]+)/.exec(document.querySelector('.run-progress').innerText)?.[1]"
    ".replaceAll(',', ''))"
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Trainings of the test compute in one thread, and keep their corpora to the test."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Something to learn from."""
    path = tmp_path / "book.txt"
    path.write_text("It was the best of bits, it was the worst of bits. " * 1500, "utf-8")
    return path


def open_form(page: "Page", server: Server, *, recipe: str = "tiny") -> None:
    page.goto(f"{server.url}/#/new")
    page.locator(f".recipe:has(input[value={recipe}])").click()


def status_of(server: Server, run: str) -> dict[str, Any]:
    return httpx.get(f"{server.url}/api/v1/runs/{run}", timeout=LIMIT_S).json()


def test_a_run_starts_from_an_upload_and_is_followed_to_its_end(
    server: Server, page: "Page", book: Path
):
    open_form(page, server)
    page.locator("input[type=file]").set_input_files(book)
    page.wait_for_selector(".data-name:text-is('book.txt')")
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_label("Width").fill("48")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_selector("h1:text-is('first')")
    wait_for_state(page, "finished")
    until(page, "document.querySelector('[data-tile=held-out] .tile-value').innerText !== '–'")
    config = status_of(server, "first")["config"]
    assert config["model"]["width"] == 48
    assert (config["compress_prob"], config["direct_prob"]) == (0.0, 0.0)
    assert len(config["data"]["paths"]) == 1


def test_with_compression_the_form_offers_views_and_codecs(server: Server, page: "Page"):
    open_form(page, server)
    assert page.get_by_role("slider", name="Direct").count() == 0
    page.get_by_role("switch", name="Enable Compression").click()
    page.get_by_role("slider", name="Direct").fill("0.4")
    page.get_by_role("slider", name="Compressed").fill("0.8")
    assert page.get_by_role("slider", name="Direct").input_value() == "0.2"
    page.select_option("#compression-codec", "lz")
    assert "--codecs lz" in page.locator(".command").inner_text()
    page.select_option("#compression-codec", "auto")
    page.get_by_role("checkbox", name="rle", exact=True).check()
    command = page.locator(".command").inner_text()
    assert "--compress_prob 0.8" in command
    assert "--direct_prob 0.2" in command
    assert "--codecs rle huffman:english" in command
    page.get_by_role("switch", name="Train with compression").click()
    assert page.locator("#enable-compression").get_attribute("aria-checked") == "false"
    assert "--compress_prob 0" in page.locator(".command").inner_text()


def test_what_is_filled_in_survives_a_reload_and_another_page(server: Server, page: "Page"):
    open_form(page, server)
    page.get_by_label("Depth").fill("5")
    page.get_by_label("Budget").fill("77steps")
    page.click(".nav-link[data-page=codecs]")
    page.wait_for_selector(".page-codecs h1")
    page.goto(f"{server.url}/#/new")
    page.reload()
    page.wait_for_selector(".command")
    assert page.get_by_label("Depth").input_value() == "5"
    assert page.get_by_label("Budget").input_value() == "77steps"
    assert page.locator("input[value=tiny]").is_checked()


def test_a_name_that_is_taken_offers_another_one_and_starts_with_it(
    server: Server, page: "Page", page_log: PageLog, book: Path
):
    page_log.allow(r"status of 409")
    server.write_run("taken", num_steps=20)
    open_form(page, server)
    page.locator("input[type=file]").set_input_files(book)
    page.wait_for_selector(".data-name:text-is('book.txt')")
    page.get_by_label("Name", exact=True).fill("taken")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_selector(".error-card")
    assert "taken" in page.locator(".error-what").inner_text()
    page.click("[data-fallback=other_name]")
    page.wait_for_selector("h1:text-is('taken-2')")
    wait_for_state(page, "finished")


def test_settings_that_do_not_fit_are_explained_and_the_form_is_kept(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow(r"status of 422")
    open_form(page, server)
    page.get_by_label("Width").fill("49")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_selector(".error-card")
    card = page.locator(".error-card").inner_text()
    assert "49" in card
    assert "Traceback" not in card
    assert page.get_by_label("Width").input_value() == "49"
    assert not list(server.runs.glob("tiny*"))
    page.get_by_label("Width").fill("100000")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_selector("input[name=width][aria-invalid=true]")


def test_data_is_chosen_among_the_folders_that_may_be_read(
    make_server: "Callable[..., Server]", page: "Page", book: Path
):
    folder = book.parent / "texts"
    folder.mkdir()
    book.rename(folder / "book.txt")
    server = make_server(roots=(folder,))
    open_form(page, server)
    page.get_by_role("button", name="Files of the server").click()
    page.get_by_role("button", name="Open").click()
    page.get_by_role("button", name="Choose book.txt").click()
    page.wait_for_selector(".data-item .data-name:has-text('book.txt')")
    assert str(folder / "book.txt") in page.locator(".command").inner_text()


def test_a_training_is_paused_resumed_and_stopped_and_outlives_server_and_page(
    server: Server, page: "Page", page_log: PageLog, book: Path
):
    page_log.allow(r"ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE")
    open_form(page, server)
    page.locator("input[type=file]").set_input_files(book)
    page.wait_for_selector(".data-name:text-is('book.txt')")
    page.get_by_label("Name", exact=True).fill("long")
    page.get_by_label("Budget").fill("1000000steps")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_selector("h1:text-is('long')")
    until(page, "/step [1-9]/.test(document.querySelector('.run-progress').innerText)", TRAINING_MS)
    pid = RunFolder(server.runs / "long").status().pid
    server.stop()
    page.wait_for_selector("#connection:visible")
    os.kill(pid, 0)  # raises if there is no such process
    server.start()
    page.wait_for_selector("#connection", state="hidden")
    wait_for_state(page, "running")
    page.get_by_role("button", name="Pause").click()
    wait_for_state(page, "paused")
    step = status_of(server, "long")["progress"]["step"]
    page.get_by_role("button", name="Resume").click()
    wait_for_state(page, "running")
    until(page, f"{SHOWN_STEP} > {step}", TRAINING_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Stop the run").click()
    wait_for_state(page, "stopped")
    assert not RunFolder(server.runs / "long").is_alive()


def test_a_run_that_dies_says_so_and_goes_on_from_its_checkpoint(
    server: Server, page: "Page", book: Path
):
    body: dict[str, Any] = {"recipe": "tiny", "name": "victim", "budget": "1000000steps"}
    body["data"] = [{"upload": upload(server, book)}]
    assert httpx.post(f"{server.url}/api/v1/runs", json=body, timeout=LIMIT_S).status_code == 201
    page.goto(f"{server.url}/#/runs/victim")
    until(
        page, "/step [1-9]/.test(document.querySelector('.run-progress')?.innerText)", TRAINING_MS
    )
    page.get_by_role("button", name="Pause").click()
    wait_for_state(page, "paused")
    page.get_by_role("button", name="Resume").click()
    wait_for_state(page, "running")
    os.kill(RunFolder(server.runs / "victim").status().pid, signal.SIGKILL)
    wait_for_state(page, "dead")
    card = page.locator(".error-card")
    assert "This run died" in card.inner_text()
    assert "Traceback" not in card.inner_text()
    page.click("[data-fallback=resume]")
    wait_for_state(page, "running")
    assert card.count() == 0
    httpx.post(f"{server.url}/api/v1/runs/victim/stop", json={}, timeout=LIMIT_S)
    wait_for_state(page, "stopped")


def test_a_failed_run_offers_a_new_one_with_its_settings(server: Server, page: "Page"):
    settings = {"model": {"depth": 3}, "seed": 41}
    path = server.write_run("broke", num_steps=20, state="failed", settings=settings)
    status = json.loads(RunFolder(path).status_path.read_text("utf-8"))
    status["message"] = "the gradient of step 20 is not finite; lower the learning rate"
    RunFolder(path).status_path.write_text(json.dumps(status), encoding="utf-8")
    page.goto(f"{server.url}/#/runs/broke")
    page.wait_for_selector(".error-card")
    assert "gradient of step 20" in page.locator(".error-what").inner_text()
    page.click("[data-fallback=settings]")
    page.wait_for_selector(".page-new h1")
    assert page.get_by_label("Depth").input_value() == "3"
    assert "--seed 41" in page.locator(".command").inner_text()


def test_old_uploads_can_be_deleted(server: Server, page: "Page", book: Path):
    upload(server, book)
    open_form(page, server)
    page.get_by_role("button", name="Uploaded before").click()
    page.get_by_role("button", name="Delete book.txt").click()
    page.wait_for_selector("dialog:has-text('Nothing was uploaded yet')")
    assert httpx.get(f"{server.url}/api/v1/uploads", timeout=LIMIT_S).json()["uploads"] == []


def upload(server: Server, path: Path) -> str:
    """The id of a file that was sent to the server."""
    answer = httpx.post(
        f"{server.url}/api/v1/uploads",
        params={"name": path.name},
        content=path.read_bytes(),
        headers={"Content-Type": "application/octet-stream"},
        timeout=LIMIT_S,
    )
    return answer.json()["id"]
