import sys

from bit_transformer.cli import progress
from bit_transformer.cli.progress import byte_progress


def test_away_from_a_terminal_progress_is_a_line_now_and_then(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with byte_progress("reading") as update:
        for second in range(1, 23):
            now[0] = float(second)
            update(second * 1000, 40_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "reading: 25% of 40,000 bytes, 1.0 KB/s",
        "reading: 50% of 40,000 bytes, 1.0 KB/s",
    ]


def test_on_a_terminal_progress_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with byte_progress("reading") as update:
        update(0, 0)
        update(500, 1000)
    assert "reading" in capsys.readouterr().err


def test_quiet_progress_says_nothing(capsys):
    with byte_progress("reading", is_quiet=True) as update:
        update(1, 2)
    assert capsys.readouterr().err == ""
