import json
from pathlib import Path

import pytest

from bit_transformer.errors import RunError, StorageError
from bit_transformer.runs import read_json, write_json_atomically


def test_what_is_written_is_read_back(tmp_path: Path):
    value = {"name": "Größe", "list": [1, 2.5, None, True], "deep": {"a": {}}}
    write_json_atomically(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_paths_are_written_as_text(tmp_path: Path):
    write_json_atomically(tmp_path / "a.json", {"path": tmp_path})
    assert read_json(tmp_path / "a.json") == {"path": str(tmp_path)}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"])
def test_what_json_cannot_carry_is_refused_and_the_old_file_stays(tmp_path: Path, value: object):
    write_json_atomically(tmp_path / "a.json", {"old": 1})
    with pytest.raises(RunError, match=r"a\.json cannot be written as JSON"):
        write_json_atomically(tmp_path / "a.json", {"new": value})
    assert read_json(tmp_path / "a.json") == {"old": 1}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        write_json_atomically(tmp_path / "file" / "a.json", {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b'{"a": ', "is not valid JSON"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        (b"[" * 200_000, "is not valid JSON"),
        (b"[1]", "holds a JSON list, not an object"),
        (b"null", "holds a JSON NoneType, not an object"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RunError, match=message):
        read_json(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(RunError, match=r"a\.json cannot be read"):
        read_json(tmp_path / "a.json")


def test_the_text_is_meant_for_people(tmp_path: Path):
    write_json_atomically(tmp_path / "a.json", {"ä": 1, "b": {"c": 2}})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == json.dumps({"ä": 1, "b": {"c": 2}}, indent=2, ensure_ascii=False) + "\n"
