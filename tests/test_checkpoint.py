import hashlib
import json
import pickle
import resource
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from bit_transformer.bits import bytes_to_bits
from bit_transformer.checkpoint import (
    load_metadata,
    load_model,
    resolve_checkpoint,
    save_checkpoint,
)
from bit_transformer.errors import CheckpointError, InputError, StorageError
from bit_transformer.model import BitTransformerLM, ModelConfig

CONFIG = ModelConfig(
    width=32, depth=1, head_dim=16, context_patches=8, table_rows_log2=4, table_width=4
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = BitTransformerLM(CONFIG).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.1)
    return model


@pytest.fixture
def saved(model, tmp_path):
    return save_checkpoint(tmp_path / "saved", model, metadata={"step": 7, "name": "tiny"})


def rewrite_weights(folder: Path, content: bytes) -> None:
    """Replace the weights, and vouch for them: what someone who means harm would do."""
    (folder / "model.safetensors").write_bytes(content)
    edit_manifest(
        folder, weights_bytes=len(content), weights_sha256=hashlib.sha256(content).hexdigest()
    )


def edit_manifest(folder: Path, **changes) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_tensors(folder: Path, change) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    rewrite_weights(folder, path.read_bytes())


def test_a_loaded_model_predicts_exactly_what_the_saved_one_did(model, saved):
    bits = bytes_to_bits(b"any bits at all")[None]
    loaded = load_model(saved)
    assert loaded.config == CONFIG
    assert not loaded.training
    assert torch.equal(loaded(bits), model(bits))
    assert load_metadata(saved) == {"step": 7, "name": "tiny"}


def test_saving_again_replaces_the_checkpoint(model, saved):
    save_checkpoint(saved, model, metadata={"step": 8})
    assert load_metadata(saved) == {"step": 8}
    assert [path.name for path in saved.parent.iterdir()] == ["saved"]


def test_loading_leaves_the_global_generator_alone(saved):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_model(saved)
    assert torch.equal(torch.rand(2), expected)


def test_the_files_have_the_permissions_that_other_files_get(saved):
    modes = {path.stat().st_mode for path in saved.iterdir()}
    assert len(modes) == 1


def test_metadata_that_is_no_json_is_refused_and_nothing_is_written(model, tmp_path):
    for metadata in ({"a": object()}, {"loss": float("nan")}):
        with pytest.raises(InputError, match="JSON"):
            save_checkpoint(tmp_path / "new", model, metadata=metadata)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_checkpoint_whole(model, saved):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(StorageError, match=r"model\.safetensors"):
            save_checkpoint(saved, model, metadata={"step": 8})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_metadata(saved)["step"] == 7
    load_model(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["saved"]


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_every_truncation_is_noticed(saved, name):
    path = saved / name
    content = path.read_bytes().rstrip()
    for length in sorted({0, 1, 7, 8, 9, 100, *range(0, len(content), 997), len(content) - 1}):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"truncated|corrupted"):
            load_model(saved)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_flipped_bit_of_the_weights_is_noticed(saved, data):
    path = saved / "model.safetensors"
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        with pytest.raises(CheckpointError, match="SHA-256"):
            load_model(saved)
    finally:
        path.write_bytes(content)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_description_is_an_error_or_another_valid_one(saved, data):
    path = saved / "model.json"
    content = path.read_bytes()
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    try:
        with suppress(CheckpointError):  # anything else would fail this test
            assert load_model(saved).config is not None
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"model"',
        "{}",
        "[" * 100_000,
        '{"format": "something else", "version": 1}',
        '{"format": "bit-transformer-checkpoint"}',
        '{"format": "bit-transformer-checkpoint", "version": "1"}',
        '{"format": "bit-transformer-checkpoint", "version": 1, "config": {}}',
    ],
)
def test_what_describes_no_model_is_refused(saved, text):
    (saved / "model.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"model\.json"):
        load_model(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"width": -1}},
        {"config": {"width": 33, "head_dim": 16}},
        {"config": {"unknown": 1}},
        {"weights_bytes": -1},
        {"weights_sha256": "../../../etc/passwd"},
        {"weights_file": "../../../etc/passwd"},
        {"version": 0},
    ],
)
def test_values_out_of_range_are_refused(saved, changes):
    edit_manifest(saved, **changes)
    with pytest.raises(CheckpointError, match=r"model\.json"):
        load_model(saved)


def test_a_newer_format_asks_for_a_newer_library(saved):
    edit_manifest(saved, version=2, something_new=[1, 2])
    with pytest.raises(CheckpointError, match=r"version 2.*newer bit-transformer"):
        load_model(saved)


@pytest.mark.parametrize("change", [{"width": 2**40}, {"depth": 2**60}, {"table_rows_log2": 28}])
def test_a_model_larger_than_its_file_is_refused_before_memory_is_taken(saved, change):
    config = json.loads((saved / "model.json").read_text())["config"]
    edit_manifest(saved, config={**config, **change})
    with pytest.raises(CheckpointError, match="bytes of weights"):
        load_model(saved)


def test_a_header_that_promises_too_much_is_refused(saved):
    content = (saved / "model.safetensors").read_bytes()
    for length in (2**63 - 1, 2**64 - 1, 2**40, len(content), 10**8):
        rewrite_weights(saved, struct.pack("<Q", length) + content[8:])
        with pytest.raises(CheckpointError, match="safetensors"):
            load_model(saved)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**60]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "NAN", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]},
        {"dtype": "F32"},
        None,
    ],
)
def test_a_header_that_contradicts_itself_is_refused(saved, entry):
    header = json.dumps({"start.weight": entry}).encode()
    size = (saved / "model.safetensors").stat().st_size
    rewrite_weights(saved, struct.pack("<Q", len(header)) + header + bytes(size))
    with pytest.raises(CheckpointError, match="safetensors"):
        load_model(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("start.weight"), r"lacks.*start\.weight"),
        (lambda t: t.update({"../../evil": torch.zeros(1)}), "unknown"),
        (lambda t: t.update({"x" * 10_000: torch.zeros(1)}), "unknown"),
        (lambda t: t.update({"start.weight": t["start.weight"].T.contiguous()}), "shape"),
        (lambda t: t.update({"start.weight": t["start.weight"].double()}), "float64"),
        (lambda t: t.update({"start.weight": t["start.weight"].view(torch.int32)}), "int32"),
        (lambda t: t["start.weight"].fill_(float("nan")), "not finite"),
        (lambda t: t["start.weight"].fill_(float("-inf")), "not finite"),
    ],
)
def test_tensors_of_another_model_are_refused(saved, change, message):
    edit_tensors(saved, change)
    with pytest.raises(CheckpointError, match=message):
        load_model(saved)


def test_weights_of_half_the_precision_are_refused_for_their_size(saved):
    def halve(tensors):
        for name, tensor in tensors.items():
            tensors[name] = tensor.bfloat16()

    edit_tensors(saved, halve)
    with pytest.raises(CheckpointError, match=r"bytes of weights|bfloat16"):
        load_model(saved)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was unpickled",))


def test_pickles_are_never_opened(saved, tmp_path):
    bomb = pickle.dumps(Bomb())
    for name in ("model.pt", "pytorch_model.bin", "last.ckpt"):
        folder = tmp_path / f"with {name}"
        folder.mkdir()
        (folder / name).write_bytes(bomb)
        for path in (folder, folder / name):
            with pytest.raises(CheckpointError, match="pickle"):
                load_model(path)
    rewrite_weights(saved, bomb + bytes((saved / "model.safetensors").stat().st_size))
    with pytest.raises(CheckpointError, match="safetensors"):
        load_model(saved)


def test_a_zip_in_place_of_the_weights_is_refused(saved, tmp_path):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(saved / "model.safetensors")
    rewrite_weights(saved, (tmp_path / "archive.zip").read_bytes())
    with pytest.raises(CheckpointError, match="safetensors"):
        load_model(saved)
    with pytest.raises(CheckpointError, match="is a file"):
        load_model(tmp_path / "archive.zip")


def test_what_is_missing_is_named(saved, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        load_model(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no finished checkpoint"):
        load_model(tmp_path / "empty")
    (saved / "model.json").rename(tmp_path / "model.json")
    with pytest.raises(CheckpointError, match=r"no model\.json"):
        load_model(saved)
    (tmp_path / "model.json").rename(saved / "model.json")
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        load_model(saved)


def test_a_run_stands_for_its_newest_or_its_best_checkpoint(model, tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    for step in (9, 10, 11):
        save_checkpoint(checkpoints / f"step_{step:08d}", model, metadata={"step": step})
    (checkpoints / ".step_00000012.unfinished-abc").mkdir()
    for path in (tmp_path / "run", checkpoints):
        assert load_metadata(path)["step"] == 11
        assert resolve_checkpoint(path, prefer="best").name == "step_00000011"
    (checkpoints / "best.json").write_text('{"checkpoint": "step_00000010"}')
    assert resolve_checkpoint(tmp_path / "run", prefer="best").name == "step_00000010"
    assert resolve_checkpoint(tmp_path / "run").name == "step_00000011"


@pytest.mark.parametrize("note", ['{"checkpoint": "../../etc"}', '{"checkpoint": 3}', "{}"])
def test_a_best_checkpoint_that_is_not_there_is_the_newest(model, tmp_path, note):
    checkpoints = tmp_path / "checkpoints"
    save_checkpoint(checkpoints / "step_00000001", model)
    (checkpoints / "best.json").write_text(note)
    assert resolve_checkpoint(checkpoints, prefer="best").name == "step_00000001"
