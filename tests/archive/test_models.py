"""Archives with real models and the real coder, from a trained model's folder to bytes and back."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from bit_transformer.archive import (
    ArchiveModel,
    MessageCodec,
    compress,
    decompress,
    list_archive,
    models,
)
from bit_transformer.archive.coding import to_level
from bit_transformer.archive.engine import export_model
from bit_transformer.archive.mixing.interface import Level, code_length_bits
from bit_transformer.archive.models import Primed, choose_model, read_primer
from bit_transformer.checkpoint import save_checkpoint
from bit_transformer.cli.main import main
from bit_transformer.errors import ArchiveError, ConfigError, DataError, InputError
from bit_transformer.model import BitTransformerLM, ModelConfig

TEXT = b"".join(
    b"user %d signed in from 10.0.0.%d\n" % (n * 7919 % 1000, n % 250) for n in range(99)
)
SIZES = {
    "width": 32,
    "depth": 2,
    "head_dim": 16,
    "context_patches": 16,
    "context_hash_bits": [8, 16],
    "table_rows_log2": 8,
    "table_width": 8,
    "node_vectors": 1,
}


def save(path: Path, seed: int, **changes: object) -> Path:
    torch.manual_seed(seed)
    model = BitTransformerLM(ModelConfig.model_validate({**SIZES, **changes}))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    save_checkpoint(path, model)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, another one, and the first one exported with a primer."""
    root = tmp_path_factory.mktemp("models")
    save(root / "one", 1)
    save(root / "other", 2)
    export_model(root / "one", root / "one.btm", primer=TEXT[:1000])
    return root


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("name", ["none", "one", "one.btm"])
def test_archives_come_back_at_every_level_with_every_kind_of_model(folder, level, name):
    model = name if name == "none" else folder / name
    archive = compress(TEXT, level=level, model=model, num_threads=2)
    assert archive == compress(TEXT, level=level, model=model, num_threads=1)
    assert decompress(archive, model=model, num_threads=2) == TEXT
    assert len(archive) < len(TEXT) / 3
    blocks = compress(TEXT, level=level, model=model, block_bytes=1024)
    assert decompress(blocks, model=model, num_threads=3) == TEXT


@pytest.mark.parametrize("name", ["none", "one.btm"])
def test_an_archive_is_as_long_as_its_code(folder: Path, name: str):
    content = TEXT * 12
    for level in Level:
        chosen = choose_model(name if name == "none" else folder / name, level)
        engine, primer = (None, b"") if chosen is None else (chosen.engine, chosen.primer)
        bits = code_length_bits(content, level, engine, primer)
        archive = compress(content, level=level, model=chosen)
        header_bytes = 21
        assert bits / 8 <= len(archive) <= 1.005 * bits / 8 + header_bytes + 4


def test_another_model_is_refused_with_both_hashes(folder: Path):
    archive = compress(TEXT, model=folder / "one", block_bytes=1024)
    with pytest.raises(ArchiveError) as caught:
        decompress(archive, model=folder / "other")
    for name in ("one", "other"):
        model = choose_model(folder / name, Level.DEFAULT)
        assert model is not None
        assert model.hash.hex() in str(caught.value)
    with pytest.raises(ArchiveError, match="and no model is given"):
        decompress(archive, model="none")
    with pytest.raises(ArchiveError, match="give the right one"):
        decompress(archive, model=folder / "one.btm")


def test_an_exported_model_is_its_checkpoint_and_its_primer(folder: Path):
    exported = choose_model(folder / "one.btm", Level.DEFAULT)
    plain = choose_model(folder / "one", Level.DEFAULT)
    assert exported is not None
    assert plain is not None
    assert ArchiveModel(plain.engine, TEXT[:1000]).hash == exported.hash != plain.hash


def test_a_model_in_the_package_is_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch):
    assert choose_model("default", Level.FAST) is None
    monkeypatch.setattr(models, "DEFAULT_MODEL_PATH", folder / "one.btm")
    archive = compress(TEXT)
    hashed = list_archive(io.BytesIO(archive)).model
    model = choose_model(folder / "one.btm", Level.DEFAULT)
    assert model is not None
    assert hashed
    assert model.hash.hex().startswith(hashed)
    assert decompress(archive) == TEXT
    assert decompress(archive, model=folder / "other") == TEXT
    assert list_archive(io.BytesIO(compress(TEXT, level="fast"))).model == ""
    assert decompress(compress(TEXT, model=folder / "other"), model=folder / "other") == TEXT


def test_without_a_model_in_the_package_context_models_work_alone(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(models, "DEFAULT_MODEL_PATH", tmp_path / "none.btm")
    archive = compress(TEXT)
    assert list_archive(io.BytesIO(archive)).model == ""
    assert decompress(archive) == TEXT


def test_a_primer_alone_is_worth_much_for_small_messages():
    line = b"user 77 signed in from 10.0.0.31\n"
    primed = MessageCodec(level="fast", model=ArchiveModel(primer=TEXT))
    message = primed.compress(line)
    assert primed.decompress(message) == line
    assert len(message) < 0.6 * len(MessageCodec(level="fast", model="none").compress(line))


def test_a_primer_takes_the_place_of_the_models_own(folder: Path):
    choice = Primed(folder / "one.btm", TEXT[:500])
    archive = compress(TEXT, model=choice)
    assert decompress(archive, model=choice) == TEXT
    for other in (folder / "one.btm", Primed(folder / "one.btm", b"x"), Primed("none", TEXT[:500])):
        with pytest.raises(ArchiveError, match="give the right one"):
            decompress(archive, model=other)


def test_of_a_long_primer_the_end_is_taken(tmp_path: Path):
    path = tmp_path / "primer"
    path.write_bytes(bytes(300_000) + b"end")
    assert len(read_primer(path)) == 1 << 18
    assert read_primer(path).endswith(b"\0end")
    path.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        read_primer(path)


def test_what_is_no_model_is_refused(tmp_path: Path):
    (tmp_path / "text.btm").write_bytes(b"some text")
    with pytest.raises(ArchiveError, match="no exported model"):
        compress(TEXT, model=tmp_path / "text.btm")
    with pytest.raises(DataError, match="nowhere"):
        compress(TEXT, model=tmp_path / "nowhere")
    save(tmp_path / "flat", 0, patch_bits=4, context_hash_bits=[8, 16])
    with pytest.raises(ConfigError, match="patch_bits is 4 and must be 8"):
        compress(TEXT, model=tmp_path / "flat")


def test_a_changed_model_file_is_read_again(folder: Path, tmp_path: Path):
    path = tmp_path / "m.btm"
    first = export_model(folder / "one", path)
    archive = compress(TEXT, model=path)
    export_model(folder / "other", path)
    with pytest.raises(ArchiveError, match="give the right one"):
        decompress(archive, model=path)
    assert first.weights.model_hash


def test_the_command_takes_models_and_primers(folder: Path, tmp_path: Path, capsys):
    (tmp_path / "log").write_bytes(TEXT)
    (tmp_path / "before").write_bytes(TEXT[::-1])
    log, archive = str(tmp_path / "log"), str(tmp_path / "log.btz")
    options = ["--model", str(folder / "one"), "--primer", str(tmp_path / "before")]
    assert main(["compress", log, "--remove", *options]) == 0
    assert main(["test", archive]) == 1
    assert "give" in capsys.readouterr().err
    assert main(["test", archive, *options]) == 0
    assert main(["decompress", archive, *options]) == 0
    assert (tmp_path / "log").read_bytes() == TEXT


def test_progress_goes_on_within_a_block(folder: Path, tmp_path: Path):
    path = tmp_path / "log"
    # More than a short archive holds, and nothing in it comes again, so that the model is asked.
    letters = np.random.default_rng(4).integers(97, 123, 260_000, dtype=np.uint8)
    content = letters.tobytes()
    path.write_bytes(content)
    told: list[tuple[int, int]] = []
    options = {"model": folder / "one", "progress": lambda *pair: told.append(pair)}
    compress(path, **options)
    assert told == sorted(told)
    assert told[-1] == (len(content), len(content))
    told.clear()
    decompress(tmp_path / "log.btz", f"{tmp_path}/out/", **options)
    size = (tmp_path / "log.btz").stat().st_size
    assert len(set(told)) > 10
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_levels_have_names():
    assert [to_level(name) for name in ("fast", "default", "best")] == list(Level)
