import json
import shutil

import pytest
import torch

from bit_transformer.errors import CheckpointError
from bit_transformer.training import Budget, resume, train
from bit_transformer.training.optimizer import build_optimizers
from bit_transformer.training.processes import Processes
from bit_transformer.training.snapshots import (
    load_weights,
    newest_snapshot,
    read_training_file,
    restore,
    save_snapshot,
)
from bit_transformer.training.state import TrainState, optimizer_tensors

LONGER = Budget(steps=5)


@pytest.fixture
def result(make_config):
    return train(make_config(budget=Budget(steps=3)))


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def restored(config, folder) -> TrainState:
    model = load_weights(folder, config.model)
    state = TrainState(model, build_optimizers(model, config.optimizer))
    restore(folder, state, Processes())
    return state


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_restored_state_is_the_saved_one(make_config, tmp_path, kind):
    optimizer = make_config().optimizer.model_copy(update={"kind": kind})
    config = make_config(optimizer=optimizer, budget=Budget(steps=3))
    result = train(config)
    state = restored(config, result.checkpoint)
    assert state.counters.step == 3
    again = save_snapshot(
        result.run.__class__(tmp_path / "again"), state, Processes(), keep=1, metadata={}
    )
    second = restored(config, again)
    tensors = optimizer_tensors(state)
    assert len(tensors) > 10
    for name, tensor in optimizer_tensors(second).items():
        assert torch.equal(tensor, tensors[name]), name
    assert second.counters == state.counters


@pytest.mark.parametrize("cut", [0, 1, 50, 300, -20])
def test_a_truncated_description_is_refused(result, cut):
    path = result.checkpoint / "training.json"
    path.write_text(path.read_text()[:cut])
    with pytest.raises(CheckpointError, match=r"training\.json.*delete"):
        resume(result.run.path, budget=LONGER)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "newer bit-transformer"),
        ({"version": "x"}, "damaged"),
        ({"counters": {"step": "many"}}, "damaged"),
        ({"files": {"../../etc/passwd": "0"}}, "should hold"),
        ({"files": {}}, "should hold nothing"),
        ({"unknown": 1}, "damaged"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(result, changes, message):
    edit(result.checkpoint / "training.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        resume(result.run.path, budget=LONGER)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"parameter": "nobody", "key": "sum", "number": 1.0}, "nobody"),
        ({"key": "sum", "shape": [2**40], "dtype": "float32"}, "does not fit"),
        ({"key": "sum", "shape": [-1], "dtype": "float32"}, "does not fit"),
        ({"key": "sum", "shape": [4], "dtype": "nn"}, "unknown type"),
        ({"key": "sum", "shape": [4], "dtype": "__class__"}, "damaged"),
        ({"key": "sum"}, "no shape"),
        ({"key": "never saved", "shape": [4], "dtype": "float32"}, "cannot read"),
    ],
)
def test_optimiser_state_that_does_not_fit_is_refused(result, entry, message):
    path = result.checkpoint / "training.json"
    entries = [*json.loads(path.read_text())["optimizer"], {"parameter": "start.weight", **entry}]
    edit(path, optimizer=entries)
    with pytest.raises(CheckpointError, match=message):
        resume(result.run.path, budget=LONGER)


def test_missing_and_added_files_are_noticed(result):
    folder = result.checkpoint / "optimizer"
    (folder / "more.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="holds more"):
        resume(result.run.path, budget=LONGER)
    shutil.rmtree(folder)
    with pytest.raises(CheckpointError, match="holds nothing"):
        resume(result.run.path, budget=LONGER)


def test_a_checkpoint_without_a_training_is_no_snapshot(result):
    earlier = result.run.checkpoint_path(2)
    assert newest_snapshot(result.run) == result.checkpoint
    (result.checkpoint / "training.json").unlink()
    assert newest_snapshot(result.run) == earlier
    assert read_training_file(earlier).counters.step == 2


def test_a_model_of_another_shape_is_refused(result):
    config = result.run.read_config()
    config["model"]["depth"] = 1
    result.run.write_config(config)
    with pytest.raises(CheckpointError, match="another shape"):
        resume(result.run.path, budget=LONGER)
