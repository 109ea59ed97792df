import io

import pytest
from rich.console import Console

from bit_transformer.runs import RunFolder
from bit_transformer.training import progress
from bit_transformer.training.progress import TerminalReporter

TRAIN = {
    "kind": "train",
    "step": 5,
    "progress": 0.25,
    "elapsed_s": 30.0,
    "bytes_per_s": 34_500.0,
    "bits_per_byte": 4.5,
}
VALID = {"kind": "valid", "step": 5, "bits_per_byte": 3.25, "is_best": True}
VIEWS = {
    "raw": {"bits_per_bit": 0.4},
    "compressed": {"bits_per_bit": 0.4, "compressed_fraction": 0.625},
    "direct": {"bits_per_bit": 0.7, "bits_per_source_bit": 0.4375},
}


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def told(request, make_config, monkeypatch, tmp_path):
    """What a whole training looks like on a terminal, and in a pipe."""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    file = io.StringIO()
    console = Console(file=file, force_terminal=request.param, width=100, highlight=False)
    reporter = TerminalReporter(console)
    reporter.preparing("reading the data")
    reporter.started(RunFolder(tmp_path), make_config(), 0)
    for _ in range(3):
        reporter.row(TRAIN)
    reporter.row(VALID)
    reporter.sample({"step": 5, "prompt": "To be", "text": " or\nnot [/to] [bold]be"})
    reporter.ended("the budget is spent")
    return file.getvalue()


def test_rate_time_left_and_loss_are_shown(told):
    assert "34.5 KB/s" in told
    assert "1:30 left" in told
    assert "4.500 bits/byte" in told
    assert "25%" in told


def test_held_out_losses_samples_and_the_end_are_told(told):
    assert "held out 3.250 bits/byte, the best so far" in told
    assert "a sample: To be or not [/to] [bold]be" in told
    assert "8steps" in told
    assert told.rstrip().rstrip("\x1b[?25h").endswith("the budget is spent")


def told_of(*rows, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    file = io.StringIO()
    reporter = TerminalReporter(Console(file=file, width=200, highlight=False))
    for row in rows:
        reporter.row(row)
    return file.getvalue().splitlines()


def test_views_are_told_beside_the_loss(monkeypatch):
    train, valid = told_of(
        {**TRAIN, "views": VIEWS}, {**VALID, "views": VIEWS}, monkeypatch=monkeypatch
    )
    for line in (train, valid):
        assert "compressed to 0.62, direct 0.438 bits/source bit" in line


def test_drift_is_told_when_it_begins_and_when_it_ends(monkeypatch):
    telemetry = {"kind": "telemetry", "step": 5}
    closed = {**telemetry, "verdict": "warn", "reasons": ["s is 0.300, below 0.6"]}
    opened = {**telemetry, "verdict": "pass", "reasons": []}
    lines = told_of(opened, closed, closed, opened, monkeypatch=monkeypatch)
    assert lines == ["step 5: drift, s is 0.300, below 0.6", "step 5: no drift any more"]


def test_long_times_are_told_in_hours():
    assert progress._clock(3725) == "1:02:05"
    assert progress._clock(59.7) == "1:00"
