"""A run that filled its disk, in a real browser: how much room there is, and how to go on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bit_transformer.dashboard.training import disk
from bit_transformer.runs import RunFolder
from tests.dashboard.conftest import TRAINING_MS, PageLog, Server, wait_for_state

if TYPE_CHECKING:
    from playwright.sync_api import Page

FULL = "cannot write metrics.jsonl: the disk is full; free some space"


def test_a_run_that_filled_its_disk_says_so_until_there_is_room_and_then_goes_on(
    make_server: Callable[..., Server],
    trained_runs: Path,
    page: "Page",
    page_log: PageLog,
    monkeypatch: pytest.MonkeyPatch,
):
    page_log.allow(r"status of 507")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    server = make_server()
    run = RunFolder(server.runs / "full")
    shutil.copytree(trained_runs / "plain", run.path)
    status = run.status().model_dump() | {"state": "failed", "message": FULL}
    run.status_path.write_text(json.dumps(status))
    room = SimpleNamespace(total=10**12, used=0, free=100)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _path: room)

    page.goto(f"{server.url}/#/runs/full")
    failure = page.locator(".error-card", has_text="This run failed: no room on its disk")
    what = failure.locator(".error-what")
    failure.wait_for()
    assert "is full: only 100 B are free, and the next checkpoint needs about" in what.inner_text()
    fix = failure.locator(".error-fix").inner_text()
    assert f"Free space in {server.runs}" in fix
    assert "then resume from the last checkpoint" in fix

    failure.locator("[data-fallback=resume]").click()
    refusal = page.locator(".error-card", has_text="The disk refuses")
    refusal.wait_for()
    assert "100 bytes are free" in refusal.locator(".error-what").inner_text()
    assert failure.is_visible()
    with page.expect_response("**/resume") as again:
        refusal.locator("[data-fallback=resume]").click()
    assert again.value.status == 507
    refusal.wait_for()
    assert RunFolder(run.path).status().state == "failed"

    room.free = 10**11
    failure.get_by_text("was full; now 100 GB are free").wait_for()
    refusal.locator("[data-fallback=resume]").click()
    wait_for_state(page, "finished")
    page.locator(".error-card").wait_for(state="detached", timeout=TRAINING_MS)
