import pytest

from bit_transformer.cli import demo


def test_the_demo_trains_measures_writes_and_points_on(texts, tmp_path, call, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run = tmp_path / "run"
    code, out, err = call(
        "demo", "--recipe", "tiny", "--data", texts, "--seconds", "0.5", "--run-dir", run
    )
    assert code == 0
    for text in ("learned from", "gzip -9", "in pieces of 4,096", "A sample", "What to try next"):
        assert text in out
    assert f"bit-transformer train --resume {run}" in out
    assert "training for 0.5s" in err


def test_a_demo_stopped_from_the_keyboard_still_shows_its_result(
    texts, tmp_path, call, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shown = []
    monkeypatch.setattr(demo, "_show_result", lambda result, *_, **__: shown.append(result))
    monkeypatch.setattr("bit_transformer.training.progress.TerminalReporter.row", _interrupt_once())
    code, _, _ = call(
        "demo", "--recipe", "tiny", "--data", texts, "--seconds", "60", "--run-dir", tmp_path / "r"
    )
    assert code == 0
    assert shown[0].stopped_by == "SIGINT"


def _interrupt_once():
    import signal

    told = []

    def row(self, row):
        if not told:
            told.append(row)
            signal.raise_signal(signal.SIGINT)

    return row


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_impossible_seconds_are_refused(call, seconds):
    code, _, err = call("demo", "--seconds", seconds)
    assert code == 2
    assert "--seconds" in err
