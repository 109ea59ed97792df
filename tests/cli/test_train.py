import json
import signal
import subprocess
import sys
import tomllib

import pytest

from bit_transformer.cli import train as module
from bit_transformer.recipes import build_config


def test_a_run_is_trained_and_its_result_told(texts, tmp_path, call):
    code, out, err = call(
        "train", texts, "--recipe", "tiny", "--budget", "4steps", "--run_dir", tmp_path / "run",
        "--data.cache_dir", tmp_path / "cache",
    )  # fmt: skip
    assert code == 0
    assert "steps: 4" in out
    assert "bits per byte" in out
    assert f"bit-transformer evaluate {tmp_path / 'run'}" in out
    assert "training for 4steps" in err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["budget"] == "4steps"
    assert config["data"]["paths"] == [str(texts)]


def test_a_run_goes_on_with_a_larger_budget(train_run, call):
    run = train_run("--budget", "3steps")
    code, out, _ = call("train", "--resume", run, "--budget", "5steps", "--quiet")
    assert code == 0
    assert "steps: 5" in out


def test_a_resumed_run_keeps_its_configuration(tiny_run, call):
    for options in (["--seed", "3"], ["--recipe", "demo"], ["file.txt"], ["--config", "x.toml"]):
        code, _, err = call("train", "--resume", tiny_run, *options)
        assert code == 2
        assert "keeps the configuration" in err


def test_a_run_without_a_checkpoint_cannot_be_resumed(tmp_path, call):
    code, _, err = call("train", "--resume", tmp_path / "gone")
    assert code == 1
    assert "gone" in err


def test_print_config_is_toml_that_configures_the_same_run(tmp_path, call):
    code, out, _ = call(
        "train", "--recipe", "tiny", "--print_config", "--model.depth", "3", "--seed", "9"
    )
    assert code == 0
    expected = build_config("tiny", {"model": {"depth": 3}, "seed": 9})
    assert build_config("default", tomllib.loads(out)) == expected
    (tmp_path / "mine.toml").write_text(out)
    _, again, _ = call("train", "--config", tmp_path / "mine.toml", "--print_config")
    assert again == out


def test_options_win_over_the_file_and_the_file_over_the_recipe(tmp_path, call):
    (tmp_path / "mine.toml").write_text("seed = 4\n[model]\ndepth = 3\n")
    _, out, _ = call(
        "train", "--recipe", "tiny", "--config", tmp_path / "mine.toml", "--seed", "5",
        "--print-config",
    )  # fmt: skip
    config = build_config("default", tomllib.loads(out))
    assert (config.seed, config.model.depth, config.model.width) == (5, 3, 32)


def test_paths_are_noted_in_full(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    _, out, _ = call("train", "a", "b/c", "--print_config")
    assert tomllib.loads(out)["data"]["paths"] == [str(tmp_path / "a"), str(tmp_path / "b" / "c")]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--recipe", "nope"], 2, "no recipe 'nope'"),
        (["--model.width", "abc"], 2, "model.width: input should be a valid integer"),
        (["--model.head_dim", "7"], 2, "head_dim"),
        (["--budget", "soon"], 2, "'soon' is not a number with a unit"),
        (["--config", "gone.toml"], 1, "gone.toml"),
        (["a", "--data.paths", "b"], 2, "either as PATH or with --data.paths"),
        (["gone.txt"], 1, "gone.txt"),
        (["--device", "toaster"], 2, "toaster"),
    ],
)
def test_what_cannot_work_is_refused_before_training(
    arguments, code, message, tmp_path, monkeypatch, call
):
    monkeypatch.chdir(tmp_path)
    found, out, err = call("train", *arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


def test_the_bar_is_taken_away_when_a_training_fails(monkeypatch):
    ended = []
    monkeypatch.setattr(
        "bit_transformer.training.progress.TerminalReporter.ended",
        lambda self, message: ended.append(message),
    )
    with pytest.raises(ValueError, match="oh"), module.training_reporter(is_quiet=False):
        raise ValueError("oh")
    assert ended == ["the training ended early"]


def test_ctrl_c_saves_the_run_and_says_how_to_go_on(texts, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "bit_transformer", "train", str(texts), "--recipe", "tiny",
            "--budget", "1h", "--run_dir", str(run), "--data.cache_dir", str(tmp_path / "cache"),
            "--log_every", "1",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "training for" in line:
            break
    while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").read_bytes():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert f"bit-transformer train --resume {run}" in out
    assert json.loads((run / "status.json").read_text())["state"] == "stopped"


def test_the_options_of_views_reach_the_run(train_run):
    run = train_run(
        "--budget", "3steps", "--compress_prob", "0.5", "--direct_prob", "0.5",
        "--codecs", "huffman:english", "rle", "--codec_weights", "3", "1",
        "--telemetry_every", "1",
    )  # fmt: skip
    config = json.loads((run / "config.json").read_text())
    assert (config["codecs"], config["codec_weights"]) == (["huffman:english", "rle"], [3.0, 1.0])
    kinds = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert any("direct" in row.get("views", {}) for row in kinds)
    assert [row["step"] for row in kinds if row["kind"] == "telemetry"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compress_prob", "0.9", "--direct_prob", "0.9"], "lower compress_prob to 0.1"),
        (["--direct_prob", "2"], "a probability is from 0 to 1"),
        (["--gates", "s"], "'s' is no gate"),
    ],
)
def test_views_that_do_not_fit_together_are_refused(texts, call, options, message):
    code, _, err = call("train", texts, "--recipe", "tiny", "--print_config", *options)
    assert code == 2
    assert message in err
