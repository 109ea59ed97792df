import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.data import Corpus, DataConfig, Split, build_corpus, open_corpus
from bit_transformer.errors import DataError, InputError


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    (tmp_path / "a").write_bytes(bytes(range(200)))
    (tmp_path / "b").write_bytes(bytes(range(100, 250)))
    config = DataConfig(paths=[tmp_path / "a", tmp_path / "b"])
    return build_corpus(config, tmp_path / "corpus")


def edit_manifest(corpus: Corpus, change: Callable[[dict[str, Any]], None]) -> None:
    path = corpus.path / "corpus.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@given(st.binary(min_size=1, max_size=500), st.data())
def test_windows_are_the_bytes_at_their_offsets(content: bytes, data: st.DataObject):
    split = Split("train", np.frombuffer(content, np.uint8))
    num_bytes = data.draw(st.integers(1, len(content)))
    offsets = data.draw(st.lists(st.integers(0, len(content) - num_bytes), max_size=20))
    windows = split.windows(offsets, num_bytes)
    assert windows.shape == (len(offsets), num_bytes)
    assert windows.dtype == np.uint8
    for row, offset in zip(windows, offsets, strict=True):
        assert row.tobytes() == content[offset : offset + num_bytes]


def test_windows_are_copies_that_may_be_changed(corpus: Corpus):
    windows = corpus.train.windows([0, 1], 4)
    windows[:] = 0
    assert corpus.train.bytes[:4].tolist() == [0, 1, 2, 3]


def test_the_mapped_bytes_cannot_be_changed(corpus: Corpus):
    with pytest.raises(ValueError, match="read-only"):
        corpus.train.bytes[0] = 1


@pytest.mark.parametrize(
    ("offsets", "num_bytes", "message"),
    [
        ([-1], 4, "leaves the train split of 10 bytes; the last offset is 6"),
        ([0, 7], 4, r"a window of 4 bytes at 0\.\.7 leaves"),
        ([0], 11, "the last offset is -1"),
        ([0], 0, "num_bytes is 0"),
        ([0.5], 4, "dtype float64"),
        ([[0]], 4, r"shape \(1, 1\)"),
        ([True], 4, "dtype bool"),
    ],
)
def test_windows_outside_the_split_are_refused(offsets: list, num_bytes: int, message: str):
    split = Split("train", np.zeros(10, np.uint8))
    with pytest.raises(InputError, match=message):
        split.windows(offsets, num_bytes)


def test_an_opened_corpus_is_the_built_one(corpus: Corpus):
    opened = open_corpus(corpus.path, verify=True)
    assert opened.manifest == corpus.manifest
    assert opened.digest == corpus.digest
    assert [split.name for split in opened.splits()] == ["train", "valid", "test"]
    for one, other in zip(opened.splits(), corpus.splits(), strict=True):
        assert one.bytes.tobytes() == other.bytes.tobytes()


def test_an_empty_split_has_no_bytes(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    config = DataConfig(paths=[tmp_path / "a"], valid_fraction=0, test_fraction=0)
    corpus = build_corpus(config, tmp_path / "corpus")
    assert [len(split) for split in corpus.splits()] == [3, 0, 0]
    assert corpus.test.windows([], 5).shape == (0, 5)


def test_a_split_is_described_by_its_name_and_size(corpus: Corpus):
    assert repr(corpus.valid) == f"Split('valid', {len(corpus.valid)} bytes)"


@pytest.mark.parametrize("content", [b"", b"too short", bytes(10_000)])
def test_a_split_of_another_size_is_refused(corpus: Corpus, content: bytes):
    (corpus.path / "train.bin").write_bytes(content)
    with pytest.raises(DataError, match=rf"train\.bin has {len(content)} bytes, and its manifest"):
        open_corpus(corpus.path)


def test_changed_bytes_are_found_when_asked_to_look(corpus: Corpus):
    path = corpus.path / "valid.bin"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    open_corpus(corpus.path)
    with pytest.raises(DataError, match=r"valid\.bin is not what its manifest describes"):
        open_corpus(corpus.path, verify=True)


@pytest.mark.parametrize("name", ["train.bin", "valid.bin", "test.bin"])
def test_a_missing_split_is_named(corpus: Corpus, name: str):
    (corpus.path / name).unlink()
    with pytest.raises(DataError, match=f"cannot read .*{name}"):
        open_corpus(corpus.path)


def test_a_folder_that_is_no_corpus_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="there is no corpus folder"):
        open_corpus(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is not a corpus"):
        open_corpus(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": "other"}', b"[" * 100_000, b"{}\x00"],
)
def test_a_manifest_that_is_none_is_refused(corpus: Corpus, content: bytes):
    (corpus.path / "corpus.json").write_bytes(content)
    with pytest.raises(DataError, match=r"corpus\.json is no valid manifest"):
        open_corpus(corpus.path)


def test_a_newer_version_is_named(corpus: Corpus):
    edit_manifest(corpus, lambda manifest: manifest.update(version=2))
    with pytest.raises(DataError, match="has version 2, and this program reads version 1"):
        open_corpus(corpus.path)


def _set(*place: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        item: Any = manifest
        for key in place[:-1]:
            item = item[key]
        item[place[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("splits", "train", "num_bytes", value=-1),
        _set("splits", "train", "num_bytes", value=2**63),
        _set("splits", "train", "num_bytes", value="315"),
        _set("splits", "train", "num_bytes", value=1.5),
        _set("splits", "train", "sha256", value="../../etc"),
        _set("splits", "extra", value={"num_bytes": 0, "sha256": "0" * 64}),
        _set("files", 0, "parts", 0, "split", value="../secret"),
        _set("files", value="all"),
        _set("surprise", value=1),
    ],
)
def test_a_manifest_with_impossible_values_is_refused(corpus: Corpus, change):
    edit_manifest(corpus, change)
    with pytest.raises(DataError, match="is no valid manifest"):
        open_corpus(corpus.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("files", 0, "parts", 0, "start", value=1), "not where the one before it ends"),
        (_set("files", 1, "parts", 0, "offset", value=0), "not where the one before it ends"),
        (_set("files", 0, "num_bytes", value=201), "do not cover the file"),
        (_set("splits", "test", "num_bytes", value=1), "parts of the test split do not fill it"),
        (lambda manifest: manifest["splits"].pop("test"), "it has the splits"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(corpus: Corpus, change, message: str):
    edit_manifest(corpus, change)
    with pytest.raises(DataError, match=message):
        open_corpus(corpus.path)


def test_a_corpus_larger_than_memory_can_be_opened_and_sampled(tmp_path: Path):
    num_bytes = 2**40
    record = {"num_bytes": num_bytes, "sha256": "0" * 64}
    empty = {"num_bytes": 0, "sha256": "0" * 64}
    part = {"split": "train", "start": 0, "num_bytes": num_bytes, "offset": 0}
    manifest = {
        "format": "bit-transformer-corpus",
        "version": 1,
        "method": "given files",
        "valid_fraction": 0.0,
        "test_fraction": 0.0,
        "splits": {"train": record, "valid": empty, "test": empty},
        "files": [record | {"path": "huge", "parts": [part]}],
    }
    (tmp_path / "corpus.json").write_text(json.dumps(manifest))
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.bin").touch()
    with (tmp_path / "train.bin").open("r+b") as file:
        file.truncate(num_bytes)  # a sparse file takes no room
        file.seek(num_bytes - 3)
        file.write(b"end")
    corpus = open_corpus(tmp_path)
    assert len(corpus.train) == num_bytes
    assert corpus.train.windows([num_bytes - 5, 10], 5).tolist() == [
        [0, 0, *b"end"],
        [0, 0, 0, 0, 0],
    ]
