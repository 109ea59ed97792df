"""Metrics as columns: read as they grow, cut down without losing what people look for."""

import json
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.dashboard.training.columns import RunColumns
from bit_transformer.dashboard.training.downsampling import downsampled
from bit_transformer.dashboard.training.last_rows import RowTracker
from bit_transformer.runs import RunFolder

VALUES = st.lists(
    st.one_of(st.just(float("nan")), st.floats(-60_000, 60_000, width=16)), min_size=1, max_size=400
)


def write(path: Path, *rows: object) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@given(VALUES, st.integers(10, 60))
def test_downsampling_keeps_the_extremes_and_the_ends(values: list[float], max_points: int):
    array = np.array(values)
    steps = np.arange(len(values)) * 3
    found = downsampled(steps, {"x": array}, max_points)
    assert len(found["step"]) == len(found["x"]) == min(len(values), len(found["step"]))
    assert len(found["step"]) <= max_points
    assert found["step"] == sorted(found["step"])
    assert found["step"][0] == 0
    assert found["step"][-1] == steps[-1]
    known = [value for value in found["x"] if value is not None]
    if np.isfinite(array).any():
        finite = array[np.isfinite(array)]
        assert np.isclose(min(known), finite.min(), rtol=1e-5)
        assert np.isclose(max(known), finite.max(), rtol=1e-5)
    else:
        assert known == []


def test_a_spike_of_one_row_in_a_million_is_seen_where_it_is():
    values = np.ones(1_000_000)
    values[654_321] = 9.0
    found = downsampled(np.arange(1_000_000), {"x": values}, 1000)
    place = found["x"].index(9.0)
    assert abs(found["step"][place] - 654_321) < 4004


def test_columns_grow_with_the_file_and_a_half_written_row_waits(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    columns = RunColumns(path)
    columns.update()
    assert columns.num_rows == 0
    first = {"step": 1, "kind": "train", "bits_per_byte": 8.0}
    write(path, first)
    with path.open("a") as file:
        file.write('{"step": 2, "kind": "train", "bits_')
    columns.update()
    assert columns.num_rows == 1
    token = columns.token
    with path.open("a") as file:
        file.write('per_byte": 7.5, "grad_norm": 0.5}\n')
    columns.update()
    since = columns.since(token)
    assert since == 1
    assert columns.series(since, None, 100)["train"] == {
        "step": [2], "bits_per_byte": [7.5], "grad_norm": [0.5],
    }  # fmt: skip
    whole = columns.series(0, None, 100)["train"]
    assert whole == {"step": [1, 2], "bits_per_byte": [8.0, 7.5], "grad_norm": [None, 0.5]}


def test_rows_of_each_kind_have_their_table(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    write(
        path,
        {"step": 1, "kind": "train", "bits_per_bit": 1.0, "views": {"raw": {"bits_per_bit": 0.9}}},
        {"step": 1, "kind": "telemetry", "k": 0.1, "s": 0.2, "verdict": "warn",
         "reasons": ["s is low"], "direct": {"stream": {"k": 0.01}, "model": {"s": 0.7}}},
        {"step": 2, "kind": "telemetry", "k": 0.1, "verdict": "warn", "reasons": ["s is low"]},
        {"step": 2, "kind": "valid", "bits_per_byte": 2.0, "is_best": True,
         "views": {"direct": {"bits_per_source_bit": 0.4}}},
    )  # fmt: skip
    columns = RunColumns(path)
    columns.update()
    series = columns.series(0, None, 100)
    assert series["views"] == {"raw": {"step": [1], "bits_per_bit": [0.9]}}
    assert series["evaluate"] == {"step": [2], "bits_per_byte": [2.0]}
    assert series["evaluate_views"]["direct"] == {"step": [2], "bits_per_source_bit": [0.4]}
    assert series["telemetry"]["k"] == [0.1, 0.1]
    assert series["telemetry"]["s"] == [0.2, None]
    assert series["telemetry_direct"]["stream"] == {"step": [1], "k": [0.01]}
    assert series["gates"] == [{"step": 1, "action": "warn", "reasons": ["s is low"]}]


def test_lines_that_are_no_rows_are_left_out(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        b'nonsense\n[1]\n{"step": true}\n{"step": -1}\n{"no": 1}\n\xff\xfe\n'
        + b"[" * 100_000
        + b'\n{"step": 99999999999999999999999}\n'
    )
    write(path, {"step": 3, "x": 10**400, "views": [1], "y": "text", "z": None, "w": 2})
    columns = RunColumns(path)
    columns.update()
    train = columns.series(0, None, 10)["train"]
    assert train == {"step": [3], "x": [None], "w": [2.0]}


def test_a_file_that_was_replaced_begins_anew(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    write(path, *({"step": n, "x": n} for n in range(5)))
    columns = RunColumns(path)
    columns.update()
    token = columns.token
    other = tmp_path / "other"
    write(other, *({"step": n, "x": n} for n in range(6)))
    other.replace(path)
    columns.update()
    assert columns.since(token) is None
    assert columns.num_rows == 6
    for hostile in ("", ".", "x.y", f"{columns.inode:x}.99", f"{columns.inode:x}.{'9' * 30}"):
        assert columns.since(hostile) is None


def test_hostile_columns_take_no_more_memory_than_a_few(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    write(path, {"step": 1, **{f"c{n}": n for n in range(500)}})
    write(path, {"step": 2, "views": {f"v{n}": {"x": 1} for n in range(500)}})
    columns = RunColumns(path)
    columns.update()
    series = columns.series(0, None, 10)
    assert len(series["train"]) <= 65
    assert len(series["views"]) <= 16


def test_the_last_rows_are_found_from_the_end_and_kept_as_the_file_grows(tmp_path: Path):
    run = RunFolder(tmp_path)
    tracker = RowTracker()
    assert tracker.read(run).last is None
    write(run.metrics_path, {"step": 1, "kind": "valid", "bits_per_byte": 3})
    write(run.metrics_path, *({"step": n, "kind": "train", "pad": "x" * 500} for n in range(2000)))
    rows = tracker.read(run)
    assert rows.valid == {"step": 1, "kind": "valid", "bits_per_byte": 3}
    assert rows.train is not None
    assert rows.train["step"] == 1999
    write(run.metrics_path, {"step": 2000, "kind": "telemetry", "k": 1})
    again = tracker.read(run)
    assert again.valid == rows.valid
    assert again.train == rows.train
    assert again.last is not None
    assert again.last["step"] == 2000


@given(st.lists(st.tuples(st.sampled_from(["train", "valid", "telemetry"]), st.integers(1, 90))))
def test_the_last_rows_are_the_same_however_the_file_grew(rows: list[tuple[str, int]]):
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        tracker = RowTracker()
        content = "".join(
            json.dumps({"step": step, "kind": kind}) + "\n" for step, (kind, _) in enumerate(rows)
        )
        place = 0
        for _, size in rows:
            with run.metrics_path.open("a") as file:
                file.write(content[place : place + size])
            place += size
            tracker.read(run)
        with run.metrics_path.open("a") as file:
            file.write(content[place:])
        assert tracker.read(run) == RowTracker().read(run)
        steps = [step for step, (kind, _) in enumerate(rows) if kind == "valid"]
        found = tracker.read(run).valid
        assert (None if found is None else found["step"]) == (steps[-1] if steps else None)
