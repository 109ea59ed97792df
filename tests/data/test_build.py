import hashlib
import json
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platformdirs import user_cache_path

from bit_transformer.bits.files import CACHE_VARIABLE
from bit_transformer.data import (
    BuildProgress,
    Corpus,
    DataConfig,
    build_corpus,
    open_corpus,
    prepare_corpus,
)
from bit_transformer.data.build import default_cache_dir
from bit_transformer.errors import ConfigError, DataError, StorageError


def write_files(root: Path, contents: list[bytes]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for i, content in enumerate(contents):
        (root / f"{i:04d}.txt").write_bytes(content)
    return root


def numbered(count: int, size: int = 100) -> list[bytes]:
    return [f"{i:08d}".encode() * (size // 8) for i in range(count)]


def contents(corpus: Corpus) -> dict[str, bytes]:
    return {split.name: split.bytes.tobytes() for split in corpus.splits()}


def assert_splits_are_made_of_the_files(corpus: Corpus, originals: dict[str, bytes]):
    """Every kept file can be put together from its parts, and the parts fill the splits."""
    seen = {"train": 0, "valid": 0, "test": 0}
    whole = contents(corpus)
    for file in corpus.manifest.files:
        pieces = [whole[p.split][p.offset : p.offset + p.num_bytes] for p in file.parts]
        assert b"".join(pieces) == originals[file.path]
        for part in file.parts:
            seen[part.split] += part.num_bytes
    assert seen == {name: len(data) for name, data in whole.items()}


@settings(max_examples=40)
@given(
    files=st.lists(
        st.one_of(st.binary(min_size=1, max_size=300), st.sampled_from([b"same" * 20, b"twin"])),
        min_size=1,
        max_size=60,
    ),
    valid=st.sampled_from([0.0, 0.05, 0.3]),
    test=st.sampled_from([0.0, 0.1]),
)
def test_no_byte_and_no_equal_file_stands_on_two_sides(
    tmp_path_factory: pytest.TempPathFactory, files: list[bytes], valid: float, test: float
):
    root = tmp_path_factory.mktemp("leak")
    files = [*files, bytes(range(200))]  # enough for every split to get something
    source = write_files(root / "source", files)
    config = DataConfig(paths=[source], valid_fraction=valid, test_fraction=test)
    corpus = build_corpus(config, root / "corpus")
    originals = {path.name: path.read_bytes() for path in source.iterdir()}
    assert_splits_are_made_of_the_files(corpus, originals)
    kept = [originals[file.path] for file in corpus.manifest.files]
    assert len(kept) == len(set(kept))
    assert set(kept) == set(files)
    if corpus.manifest.method == "whole files":
        assert all(len(file.parts) == 1 for file in corpus.manifest.files)


def test_many_files_are_split_whole_and_in_order(tmp_path: Path):
    files = numbered(400)
    corpus = build_corpus(DataConfig(paths=[write_files(tmp_path / "s", files)]), tmp_path / "c")
    assert corpus.manifest.method == "whole files"
    assert len(corpus.train) + len(corpus.valid) + len(corpus.test) == sum(map(len, files))
    order = [file.path for file in corpus.manifest.files]
    assert order == sorted(order)
    for split in corpus.splits():
        assert len(split) % len(files[0]) == 0


def test_one_file_is_cut_into_beginning_middle_and_end(tmp_path: Path):
    data = bytes(range(200))
    (tmp_path / "a.bin").write_bytes(data)
    config = DataConfig(paths=[tmp_path / "a.bin"], valid_fraction=0.1, test_fraction=0.2)
    corpus = build_corpus(config, tmp_path / "c")
    assert corpus.manifest.method == "cut files"
    assert contents(corpus) == {"train": data[:140], "valid": data[140:160], "test": data[160:]}


def test_a_file_longer_than_the_reading_buffer_is_cut_exactly(tmp_path: Path):
    data = os.urandom(3_500_001)
    (tmp_path / "a.bin").write_bytes(data)
    corpus = build_corpus(DataConfig(paths=[tmp_path / "a.bin"]), tmp_path / "c")
    assert b"".join(contents(corpus).values()) == data
    assert open_corpus(tmp_path / "c", verify=True).digest == corpus.digest


def test_given_held_out_files_are_taken_whole_and_kept_out_of_training(tmp_path: Path):
    source = write_files(tmp_path / "s", [b"one" * 9, b"two" * 9, b"three" * 9])
    held_out = write_files(tmp_path / "v", [b"two" * 9, b"four" * 9])
    config = DataConfig(paths=[source], valid_paths=[held_out], test_fraction=0.0)
    corpus = build_corpus(config, tmp_path / "c")
    assert contents(corpus) == {
        "train": b"one" * 9 + b"three" * 9,
        "valid": b"two" * 9 + b"four" * 9,
        "test": b"",
    }
    assert corpus.manifest.method == "given files"
    assert [item.path for item in corpus.manifest.duplicates] == ["0001.txt"]


def test_of_equal_files_the_test_keeps_its_copy(tmp_path: Path):
    for name in ("train", "valid", "test"):
        write_files(tmp_path / name, [b"shared" * 9, name.encode() * 9])
    config = DataConfig(
        paths=[tmp_path / "train"], valid_paths=[tmp_path / "valid"], test_paths=[tmp_path / "test"]
    )
    whole = contents(build_corpus(config, tmp_path / "c"))
    assert b"shared" not in whole["train"] + whole["valid"]
    assert whole["test"] == b"shared" * 9 + b"test" * 9


def test_a_fraction_can_be_cut_beside_a_given_split(tmp_path: Path):
    (tmp_path / "a").write_bytes(bytes(100))
    (tmp_path / "t").write_bytes(b"test")
    config = DataConfig(paths=[tmp_path / "a"], test_paths=[tmp_path / "t"], valid_fraction=0.2)
    corpus = build_corpus(config, tmp_path / "c")
    assert [len(split) for split in corpus.splits()] == [80, 20, 4]


def test_skipped_files_are_in_the_manifest(tmp_path: Path):
    source = write_files(tmp_path / "s", [b"x" * 100, b""])
    corpus = build_corpus(DataConfig(paths=[source]), tmp_path / "c")
    assert [(item.path, item.reason) for item in corpus.manifest.skipped] == [
        ("0001.txt", "is empty")
    ]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([10], "10 bytes in all, which leaves none for the valid split"),
        ([1], "1 bytes in all, which leaves none for the train split"),
        ([5, 5], "without 1 that are copies of others"),
    ],
)
def test_too_little_data_is_refused_with_its_size(tmp_path: Path, sizes: list[int], message: str):
    source = write_files(tmp_path / "s", [b"x" * size for size in sizes])
    with pytest.raises(DataError, match=message):
        build_corpus(DataConfig(paths=[source]), tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_an_existing_folder_is_never_overwritten(tmp_path: Path):
    source = write_files(tmp_path / "s", [b"x" * 100])
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "precious").touch()
    with pytest.raises(StorageError, match="it exists"):
        build_corpus(DataConfig(paths=[source]), tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        ("reading", b""),
        ("reading", b"x" * 99),
        ("reading", b"x" * 101),
        ("writing", b""),
        ("writing", b"x" * 99),
        ("writing", b"x" * 101),
        ("writing", b"y" * 100),
    ],
)
def test_a_file_that_changes_during_the_build_is_noticed(tmp_path: Path, stage: str, change: bytes):
    source = write_files(tmp_path / "s", [b"a" * 100, b"x" * 100])

    def meddle(progress: BuildProgress):
        if progress.stage == stage and progress.num_files == 1:
            (source / "0001.txt").write_bytes(change)

    with pytest.raises(DataError, match=r"0001\.txt changed while"):
        build_corpus(DataConfig(paths=[source]), tmp_path / "c", meddle)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_file_that_vanishes_during_the_build_is_named(tmp_path: Path):
    source = write_files(tmp_path / "s", [b"a" * 100, b"x" * 100])

    def remove(progress: BuildProgress):
        if progress.stage == "writing":
            (source / "0001.txt").unlink(missing_ok=True)

    with pytest.raises(DataError, match=r"0001\.txt: there is no such file"):
        build_corpus(DataConfig(paths=[source]), tmp_path / "c", remove)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = write_files(tmp_path / "s", numbered(50))

    def fail(self: object, data: memoryview):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bit_transformer.data.build._SplitWriter.write", fail)
    with pytest.raises(StorageError, match="the disk is full"):
        build_corpus(DataConfig(paths=[source]), tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def test_progress_goes_through_its_stages_to_the_end(tmp_path: Path):
    source = write_files(tmp_path / "s", numbered(30))
    seen: list[BuildProgress] = []
    build_corpus(DataConfig(paths=[source]), tmp_path / "c", seen.append)
    stages = [item.stage for item in seen]
    assert stages == sorted(stages, key=["finding", "reading", "writing"].index)
    for stage in ("reading", "writing"):
        last = [item for item in seen if item.stage == stage][-1]
        assert last.num_files == last.total_files == 30
        assert last.num_bytes == last.total_bytes == 30 * 96


def test_the_same_files_give_the_same_bytes_wherever_they_are(tmp_path: Path):
    corpora = []
    for place in ("here", "elsewhere/far"):
        source = write_files(tmp_path / place / "s", numbered(300))
        corpora.append(build_corpus(DataConfig(paths=[source]), tmp_path / place / "c"))
    assert corpora[0].digest == corpora[1].digest
    assert corpora[0].manifest == corpora[1].manifest


def test_the_split_of_the_standard_library_never_changes_sides_by_itself(tmp_path: Path):
    corpus = prepare_corpus(DataConfig(), tmp_path)
    assert corpus.manifest.method == "whole files"
    sides = {file.path: file.parts[0].split for file in corpus.manifest.files}
    shares = [len(split) / sum(map(len, corpus.splits())) for split in corpus.splits()]
    assert shares == pytest.approx([0.9, 0.05, 0.05], abs=0.0125)
    assert set(sides.values()) == {"train", "valid", "test"}


def test_a_prepared_corpus_is_built_once(tmp_path: Path):
    config = DataConfig(
        paths=[write_files(tmp_path / "s", numbered(20))], cache_dir=tmp_path / "cache"
    )
    first = prepare_corpus(config)
    stages: list[str] = []
    second = prepare_corpus(config, progress=lambda p: stages.append(p.stage))
    assert first.path == second.path
    assert first.path.parent == tmp_path / "cache"
    assert set(stages) == {"finding"}


@pytest.mark.parametrize(
    "other", [{"valid_fraction": 0.2}, {"test_fraction": 0.2}, {"exclude": ["0003.txt"]}]
)
def test_another_configuration_is_another_corpus(tmp_path: Path, other: dict):
    source = write_files(tmp_path / "s", numbered(20))
    first = prepare_corpus(DataConfig(paths=[source]), tmp_path / "cache")
    second = prepare_corpus(DataConfig(paths=[source], **other), tmp_path / "cache")
    assert first.path != second.path
    assert first.digest != second.digest


def test_the_encoding_does_not_change_the_corpus(tmp_path: Path):
    source = write_files(tmp_path / "s", numbered(20))
    paths = {
        prepare_corpus(DataConfig(paths=[source], encoding=encoding), tmp_path / "cache").path
        for encoding in ("bytes", "parity")
    }
    assert len(paths) == 1


def test_a_changed_or_added_file_is_noticed(tmp_path: Path):
    source = write_files(tmp_path / "s", numbered(20))
    first = prepare_corpus(DataConfig(paths=[source]), tmp_path / "cache")
    (source / "0003.txt").write_bytes(b"something else")
    second = prepare_corpus(DataConfig(paths=[source]), tmp_path / "cache")
    (source / "more.txt").write_bytes(b"something more")
    third = prepare_corpus(DataConfig(paths=[source]), tmp_path / "cache")
    assert len({first.path, second.path, third.path}) == 3
    assert len({first.digest, second.digest, third.digest}) == 3


def test_a_damaged_corpus_in_the_cache_is_built_again(tmp_path: Path):
    config = DataConfig(paths=[write_files(tmp_path / "s", numbered(20))])
    first = prepare_corpus(config, tmp_path / "cache")
    (first.path / "train.bin").write_bytes(b"cut")
    second = prepare_corpus(config, tmp_path / "cache")
    assert second.path == first.path
    assert open_corpus(second.path, verify=True).digest == first.digest
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.path.name]


def test_a_built_corpus_can_be_given_in_place_of_its_files(tmp_path: Path):
    source = write_files(tmp_path / "s", numbered(20))
    built = build_corpus(DataConfig(paths=[source]), tmp_path / "c")
    opened = prepare_corpus(DataConfig(paths=[tmp_path / "c"]), tmp_path / "cache")
    assert opened.path == built.path
    assert not (tmp_path / "cache").exists()
    with pytest.raises(ConfigError, match="give it alone"):
        prepare_corpus(DataConfig(paths=[tmp_path / "c", source]), tmp_path / "cache")


def _prepare(folder: str, barrier) -> str:
    config = DataConfig(paths=[Path(folder) / "s"])
    barrier.wait()
    return prepare_corpus(config, Path(folder) / "cache").digest


def test_processes_that_prepare_the_same_corpus_at_once_all_get_it(tmp_path: Path):
    write_files(tmp_path / "s", numbered(300))
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(4) as pool:
        barrier = manager.Barrier(4)
        digests = pool.starmap(_prepare, [(str(tmp_path), barrier)] * 4)
    assert len(set(digests)) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_loser_of_a_race_takes_the_corpus_of_the_winner(tmp_path: Path):
    config = DataConfig(paths=[write_files(tmp_path / "s", numbered(20))])

    def overtake(progress: BuildProgress):
        if progress == (progress.stage, 20, 20, 1920, 1920) and progress.stage == "writing":
            winners.append(prepare_corpus(config, tmp_path / "cache"))

    winners: list[Corpus] = []
    late = prepare_corpus(config, tmp_path / "cache", overtake)
    assert [winner.path for winner in winners] == [late.path]
    assert winners[0].digest == late.digest
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_cache_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert default_cache_dir() == user_cache_path("bit-transformer", appauthor=False) / "corpora"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert default_cache_dir() == tmp_path / "corpora"


def test_the_manifest_is_the_documented_json(tmp_path: Path):
    (tmp_path / "a.bin").write_bytes(b"0123456789" * 4)
    config = DataConfig(paths=[tmp_path / "a.bin"], valid_fraction=0.25, test_fraction=0.0)
    build_corpus(config, tmp_path / "c")
    data = b"0123456789" * 4

    def sha(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    assert json.loads((tmp_path / "c" / "corpus.json").read_text()) == {
        "format": "bit-transformer-corpus",
        "version": 1,
        "method": "cut files",
        "valid_fraction": 0.25,
        "test_fraction": 0.0,
        "splits": {
            "train": {"num_bytes": 30, "sha256": sha(data[:30])},
            "valid": {"num_bytes": 10, "sha256": sha(data[30:])},
            "test": {"num_bytes": 0, "sha256": sha(b"")},
        },
        "files": [
            {
                "path": "a.bin",
                "num_bytes": 40,
                "sha256": sha(data),
                "parts": [
                    {"split": "train", "start": 0, "num_bytes": 30, "offset": 0},
                    {"split": "valid", "start": 30, "num_bytes": 10, "offset": 0},
                ],
            }
        ],
        "duplicates": [],
        "skipped": [],
    }
