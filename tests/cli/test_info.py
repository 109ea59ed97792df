import json

import pytest


def test_the_installation_is_described(call):
    code, out, _ = call("info")
    assert code == 0
    for text in ("torch", "precision", "threads", "the default model"):
        assert text in out


def test_a_run_is_described(tiny_run, call):
    code, out, _ = call("info", tiny_run)
    assert code == 0
    for text in ("finished", "30steps", "held out", "FLOPs", "step_00000030", "parameters"):
        assert text in out


def test_a_killed_run_is_told_from_a_running_one(train_run, call):
    run = train_run("--budget", "2steps")
    path = run / "status.json"
    status = json.loads(path.read_text())
    path.write_text(json.dumps({**status, "state": "running", "pid": 2**22 + 5}))
    assert "killed" in call("info", run)[1]


def test_a_checkpoint_is_described(tiny_run, call):
    code, out, _ = call("info", tiny_run / "checkpoints" / "step_00000030", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["checkpoint"]["step"] == 30
    assert found["model"]["parameters"] > 0


def test_a_corpus_is_described(texts, tmp_path, call):
    call("data", "build", texts, "--out", tmp_path / "corpus", "--quiet")
    code, out, _ = call("info", tmp_path / "corpus")
    assert code == 0
    assert "cut files" in out


@pytest.mark.parametrize("name", ["gone", "."])
def test_other_folders_are_refused(tmp_path, call, name):
    code, _, err = call("info", tmp_path / name)
    assert code == 2
    assert "give the folder of a run, a checkpoint or a corpus" in err
