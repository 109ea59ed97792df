import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import InputError, RunError, StorageError
from bit_transformer.runs import MetricsWriter, read_metrics

values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
rows = st.builds(
    lambda fields, step: fields | {"step": step},
    st.dictionaries(st.text(), values, max_size=5),
    st.integers(0, 10**12),
)


def write(path: Path, *steps: int) -> None:
    with MetricsWriter(path) as writer:
        for step in steps:
            writer.append({"step": step, "loss": step / 2})


def steps(path: Path) -> list[int]:
    return [row["step"] for row in read_metrics(path)[0]]


@given(st.lists(rows, max_size=10))
def test_rows_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, Any]]
):
    path = tmp_path_factory.mktemp("rows") / "metrics.jsonl"
    with MetricsWriter(path) as writer:
        for row in written:
            writer.append(row)
    infinite = (float("inf"), float("-inf"))
    expected = [{k: None if v in infinite else v for k, v in row.items()} for row in written]
    assert read_metrics(path) == (expected, path.stat().st_size)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_reading_piece_by_piece_gives_every_row_once(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], data: st.DataObject
):
    path = tmp_path_factory.mktemp("pieces") / "metrics.jsonl"
    write(path, *numbers)
    content = path.read_bytes()
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=6).map(sorted))
    seen: list[int] = []
    byte = 0
    for cut in [*cuts, len(content)]:
        path.write_bytes(content[:cut])
        new, byte = read_metrics(path, byte)
        seen += [row["step"] for row in new]
    assert seen == numbers
    assert byte == len(content)


def test_a_row_is_visible_as_soon_as_it_is_appended(tmp_path: Path):
    with MetricsWriter(tmp_path / "m") as writer:
        writer.append({"step": 1})
        assert steps(tmp_path / "m") == [1]


def test_what_is_not_a_finite_number_becomes_null(tmp_path: Path):
    with MetricsWriter(tmp_path / "m") as writer:
        writer.append({"step": 1, "a": float("nan"), "b": {"c": [float("inf"), 2.0]}})
    assert read_metrics(tmp_path / "m")[0] == [{"step": 1, "a": None, "b": {"c": [None, 2.0]}}]


def test_scalars_of_numpy_and_pytorch_are_numbers(tmp_path: Path):
    row = {"step": np.int64(3), "a": np.float32(0.5), "b": torch.tensor(2), "c": torch.tensor(1.5)}
    with MetricsWriter(tmp_path / "m") as writer:
        writer.append(row)
    assert read_metrics(tmp_path / "m")[0] == [{"step": 3, "a": 0.5, "b": 2, "c": 1.5}]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "needs a 'step'"),
        ({"step": "1"}, "not '1'"),
        ({"step": True}, "not True"),
        ({"step": 1.0}, r"not 1\.0"),
        ({"step": -1}, "not -1"),
        ({"step": 1, "a": object()}, "the row of step 1 is not JSON"),
        ({"step": 1, "a": np.zeros(3)}, "holds single numbers"),
        ({"step": 1, "a": torch.zeros(3)}, "holds single numbers"),
    ],
)
def test_a_row_that_cannot_be_written_is_refused_and_leaves_nothing(
    tmp_path: Path, row: dict[str, Any], message: str
):
    with MetricsWriter(tmp_path / "m") as writer, pytest.raises(InputError, match=message):
        writer.append(row)
    assert (tmp_path / "m").read_bytes() == b""


def test_a_new_writer_goes_on_after_the_last_row(tmp_path: Path):
    write(tmp_path / "m", 1, 2)
    write(tmp_path / "m", 3)
    assert steps(tmp_path / "m") == [1, 2, 3]


@pytest.mark.parametrize("tail", [b'{"step": 3, "lo', b"\x00" * 7, b"{"])
def test_a_half_written_last_line_is_left_by_readers_and_cut_by_the_next_writer(
    tmp_path: Path, tail: bytes
):
    path = tmp_path / "m"
    write(path, 1, 2)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert read_metrics(path)[1] == len(whole)
    write(path, 3)
    assert steps(path) == [1, 2, 3]


def test_resuming_cuts_the_rows_after_the_step(tmp_path: Path):
    path = tmp_path / "m"
    write(path, 1, 2, 3, 4)
    with MetricsWriter(path) as writer:
        assert writer.resume(2) == 2
        writer.append({"step": 3, "loss": 9.0})
    assert steps(path) == [1, 2, 3]
    assert read_metrics(path)[0][-1]["loss"] == 9.0


def test_resuming_where_nothing_comes_after_leaves_the_file_alone(tmp_path: Path):
    path = tmp_path / "m"
    write(path, 1, 2)
    before = path.stat()
    with MetricsWriter(path) as writer:
        assert writer.resume(2) == 0
    assert path.stat().st_ino == before.st_ino
    assert steps(path) == [1, 2]


def test_resuming_cuts_lines_that_are_not_rows(tmp_path: Path):
    path = tmp_path / "m"
    path.write_bytes(b'{"step": 1}\nnonsense\n[]\n{"step": 2}\n\x00\x00\n')
    with MetricsWriter(path) as writer:
        assert writer.resume(5) == 3
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


def test_a_crash_while_resuming_loses_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "m"
    write(path, 1, 2, 3)
    before = path.read_bytes()

    def crash(self: Path, target: Path):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    writer = MetricsWriter(path)
    with pytest.raises(KeyboardInterrupt):
        writer.resume(1)
    writer.close()
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["m"]


def test_a_full_disk_leaves_the_rows_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "m"
    write(path, 1)
    real_write = os.write

    def fill_up(handle: int, data: bytes) -> int:
        if len(data) < 5:
            raise OSError(28, "No space left on device")
        return real_write(handle, data[: len(data) // 2])

    with MetricsWriter(path) as writer:
        monkeypatch.setattr(os, "write", fill_up)
        with pytest.raises(StorageError, match="the disk is full"):
            writer.append({"step": 2, "loss": 1.0})
        monkeypatch.undo()
        writer.append({"step": 3})
    assert steps(path) == [1, 3]


def test_corrupt_lines_are_reported_with_their_place_and_left_out(tmp_path: Path):
    path = tmp_path / "m"
    path.write_bytes(b'{"step": 1}\nnon\rsense\n{"step": 2}\n{"step": "x"}\n')
    reports: list[tuple[int, bytes]] = []
    found, end = read_metrics(path, on_corrupt=lambda byte, line: reports.append((byte, line)))
    assert [row["step"] for row in found] == [1, 2]
    assert reports == [(12, b"non\rsense"), (34, b'{"step": "x"}')]
    assert end == path.stat().st_size


def test_corrupt_lines_are_warned_of_when_nobody_listens(tmp_path: Path):
    (tmp_path / "m").write_bytes(b"nonsense\n")
    with pytest.warns(UserWarning, match=r"line at byte 0 is not a row .* b'nonsense'"):
        assert read_metrics(tmp_path / "m") == ([], 9)


def test_a_file_that_is_not_there_yet_has_no_rows(tmp_path: Path):
    assert read_metrics(tmp_path / "m") == ([], 0)


def test_a_file_that_was_cut_meanwhile_is_read_anew(tmp_path: Path):
    path = tmp_path / "m"
    write(path, 1, 2, 3)
    _, byte = read_metrics(path)
    with MetricsWriter(path) as writer:
        writer.resume(1)
        assert [row["step"] for row in read_metrics(path, byte)[0]] == [1]
        writer.append({"step": 2, "something": "longer than before" * 9})
        writer.append({"step": 3})
    assert [row["step"] for row in read_metrics(path, byte)[0]] == [1, 2, 3]


def test_a_negative_byte_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="since_byte is -1"):
        read_metrics(tmp_path / "m", -1)


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path):
    with pytest.raises(RunError, match="cannot be read"):
        read_metrics(tmp_path)
    with pytest.raises(StorageError, match="cannot write"):
        MetricsWriter(tmp_path)


def test_a_closed_writer_writes_nothing(tmp_path: Path):
    writer = MetricsWriter(tmp_path / "m")
    writer.close()
    writer.close()
    with pytest.raises(InputError, match="is closed"):
        writer.append({"step": 1})


def test_each_row_is_one_line_of_json(tmp_path: Path):
    with MetricsWriter(tmp_path / "m") as writer:
        writer.append({"step": 1, "text": "two\nlines ü\u2028"})
    lines = (tmp_path / "m").read_bytes().split(b"\n")
    assert len(lines) == 2
    assert json.loads(lines[0]) == {"step": 1, "text": "two\nlines ü\u2028"}
