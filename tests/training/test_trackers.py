import pytest

from bit_transformer.errors import MissingDependencyError
from bit_transformer.runs import RunFolder
from bit_transformer.training import trackers
from bit_transformer.training.recording import open_recorder
from bit_transformer.training.reporting import SilentReporter
from bit_transformer.training.trackers import open_trackers


def test_tensorboard_gets_every_number_of_a_row(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = RunFolder(tmp_path)
    (tracker,) = open_trackers(["tensorboard"], run, first_step=1)
    for step in (1, 2):
        tracker.write({"step": step, "kind": "train", "bits_per_byte": 8.0 / step, "note": "no"})
    tracker.close()
    events = accumulator.EventAccumulator(str(run.tensorboard_path))
    events.Reload()
    assert events.Tags()["scalars"] == ["train/bits_per_byte"]
    values = [(event.step, event.value) for event in events.Scalars("train/bits_per_byte")]
    assert values == [(1, 8.0), (2, 4.0)]


def test_tensorboard_gets_the_numbers_in_parts_of_a_row(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = RunFolder(tmp_path)
    (tracker,) = open_trackers(["tensorboard"], run, first_step=1)
    views = {"raw": {"bits_per_bit": 0.5}, "direct": {"bits_per_source_bit": 0.25}}
    tracker.write({"step": 1, "kind": "train", "views": views, "reasons": ["no number"]})
    tracker.close()
    events = accumulator.EventAccumulator(str(run.tensorboard_path))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {
        "train/views/raw/bits_per_bit",
        "train/views/direct/bits_per_source_bit",
    }


def test_no_tracker_is_opened_unless_asked_for(tmp_path):
    assert open_trackers([], RunFolder(tmp_path), first_step=1) == []
    assert list(tmp_path.iterdir()) == []


def test_trackers_are_closed_when_the_run_ends(make_config, tmp_path, monkeypatch):
    class Tracker:
        rows: list = []
        is_closed = False

        def __init__(self, run, first_step):
            assert first_step == 4

        def write(self, row):
            self.rows.append(row)

        def close(self):
            Tracker.is_closed = True

    monkeypatch.setattr(trackers, "TensorBoardTracker", Tracker)
    config = make_config(trackers=["tensorboard"])
    run = RunFolder(tmp_path)
    with open_recorder(run, config, 3, SilentReporter(), is_first=True) as recorder:
        recorder.row({"step": 4, "kind": "train"})
    assert Tracker.rows == [{"step": 4, "kind": "train"}]
    assert Tracker.is_closed


def test_a_tracker_that_is_not_installed_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        open_trackers(["tensorboard"], RunFolder(tmp_path), first_step=1)
