import json

import pytest


@pytest.fixture
def folder(tmp_path):
    """Two different files, and a copy of one."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "b.py").write_bytes(b"x = 1\n" * 900)
    (folder / "copy.txt").write_bytes(bytes(range(256)) * 20)
    return folder


def test_a_corpus_is_built_and_shown(folder, tmp_path, call):
    code, out, _ = call("data", "build", folder, "--out", tmp_path / "corpus")
    assert code == 0
    assert "copy.txt = a.txt" in out
    assert "cut files" in out
    assert (tmp_path / "corpus" / "train.bin").is_file()


def test_settings_reach_the_build(folder, tmp_path, call):
    code, out, _ = call(
        "data", "build", folder, "--out", tmp_path / "corpus", "--include", "*.py",
        "--valid_fraction", "0.2", "--test-fraction", "0", "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["splits"]["valid"] == "1,080 bytes, 20.00%"
    assert found["splits"]["test"] == "0 bytes, 0.00%"


def test_inspecting_shows_files_and_verifies_hashes(folder, tmp_path, call):
    corpus = tmp_path / "corpus"
    call("data", "build", folder, "--out", corpus)
    code, out, err = call("data", "inspect", corpus, "--verify", "--all")
    assert code == 0
    assert "b.py: 5,400 bytes, train" in out
    assert "as it was when the corpus was built" in err
    data = bytearray((corpus / "train.bin").read_bytes())
    data[7] ^= 1
    (corpus / "train.bin").write_bytes(data)
    assert call("data", "inspect", corpus)[0] == 0
    code, _, err = call("data", "inspect", corpus, "--verify")
    assert code == 1
    assert "changed" in err


def test_long_lists_are_cut(tmp_path, call):
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.txt").write_bytes(b"equal" * 100)
    _, out, _ = call("data", "build", folder, "--out", tmp_path / "corpus")
    assert "and 19 more; see them with --all" in out
    assert "29.txt" in call("data", "inspect", tmp_path / "corpus", "--all")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["build", "files"], 2, "--out FOLDER"),
        (["build", "files", "--out", "files"], 1, "exists"),
        (["build", "gone", "--out", "new"], 1, "gone"),
        (["build", "files", "--out", "new", "--valid_fraction", "2"], 2, "valid_fraction"),
        (["inspect"], 2, "one corpus folder, got 0"),
        (["inspect", "a", "b"], 2, "got 2"),
        (["inspect", "files"], 1, "not a corpus"),
    ],
)
def test_wrong_arguments_are_refused(folder, call, monkeypatch, arguments, code, message):
    monkeypatch.chdir(folder.parent)
    found, out, err = call("data", *arguments)
    assert (found, out) == (code, "")
    assert message in err
