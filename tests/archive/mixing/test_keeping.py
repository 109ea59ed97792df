"""A model that is recalled from disk codes as the one that was kept, and damage is never taken."""

import os
from pathlib import Path

import numpy as np
import pytest

from bit_transformer.archive.mixing import Level, decode_blocks, encode_blocks, keeping, priming
from bit_transformer.archive.mixing.keeping import (
    MIN_PRIMER_BYTES,
    cache_folder,
    keep,
    kept_name,
    recall,
)
from bit_transformer.archive.mixing.levels import level_settings
from bit_transformer.archive.mixing.model import Model, new_model
from bit_transformer.archive.mixing.priming import PrimedModels
from bit_transformer.bits.files import CACHE_VARIABLE
from tests.archive.mixing.fake_engine import FakeEngine

PRIMER = b"".join(b"line %d says %d\n" % (i, i * i) for i in range(3600))
BLOCK = PRIMER[7000:7400] + b"something that it never said"
LOG_BUCKETS = 12
FAST = level_settings(Level.FAST)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(priming, "_LAST", {})
    assert len(PRIMER) >= MIN_PRIMER_BYTES
    return tmp_path / "cache" / "primed"


def primed(engine: FakeEngine | None = None, primer: bytes = PRIMER) -> Model:
    return PrimedModels(FAST, LOG_BUCKETS, primer, engine).remembering.lend()


def fresh() -> Model:
    return new_model(FAST, LOG_BUCKETS)


def learned(model: Model) -> bytes:
    return b"".join(getattr(model, name).tobytes() for name in keeping._LEARNED)


@pytest.mark.parametrize("engine", [None, FakeEngine()])
def test_a_recalled_model_is_the_primed_one(folder: Path, engine: FakeEngine | None) -> None:
    first = primed(engine)
    assert len(list(folder.iterdir())) == 1
    again = primed(engine)
    assert learned(again) == learned(first)
    assert again.journal[0] == 0
    assert not again.scratch[: priming.USES].any()
    assert again.scratch[priming.USES] == 0


@pytest.mark.parametrize("engine", [None, FakeEngine()])
def test_blocks_are_coded_alike_with_and_without_what_was_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine | None
) -> None:
    def encode() -> list[bytes]:
        monkeypatch.setattr(priming, "_LAST", {})
        return encode_blocks([BLOCK, PRIMER[:3000]], Level.DEFAULT, engine, PRIMER)

    making = encode()
    recalling = encode()
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    assert making == recalling == encode()
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    monkeypatch.setattr(priming, "_LAST", {})
    assert decode_blocks(making[:1], [len(BLOCK)], Level.DEFAULT, engine, PRIMER) == [BLOCK]


def test_a_kept_model_spares_the_reading_of_the_primer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    primed()

    def refuse(*_: object) -> None:
        raise AssertionError("the primer was read again")

    monkeypatch.setattr(priming, "_read", refuse)
    primed()


def test_level_version_buckets_primer_engine_and_code_all_have_names_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [
        kept_name(FAST, 12, PRIMER, b""),
        kept_name(level_settings(Level.BEST), 12, PRIMER, b""),
        kept_name(level_settings(Level.FAST, 1), 12, PRIMER, b""),
        kept_name(FAST, 13, PRIMER, b""),
        kept_name(FAST, 12, PRIMER[1:], b""),
        kept_name(FAST, 12, PRIMER, b"engine"),
    ]
    monkeypatch.setattr(keeping, "_code_hash", lambda: b"other code")
    names.append(kept_name(FAST, 12, PRIMER, b""))
    assert len(set(names)) == len(names)


def test_damage_of_any_byte_is_noticed(folder: Path) -> None:
    primed()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for place in [0, 7, 8, 39, 40, len(whole) - 1, *random.integers(0, len(whole), 40)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        assert not recall(fresh(), path.name)
    for length in (0, 8, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert not recall(fresh(), path.name)
    path.write_bytes(whole)
    assert recall(fresh(), path.name)


def test_a_file_under_the_name_of_another_is_not_taken(folder: Path) -> None:
    primed()
    (path,) = folder.iterdir()
    path.rename(folder / "other.primed")
    assert not recall(fresh(), "other.primed")


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_contents_of_another_size_are_not_taken(folder: Path, size: int) -> None:
    """Signed rightly, as by a program of one's own, but with a byte less or more."""
    model = fresh()
    contents = learned(model)
    contents = contents[:size] if size < 0 else contents + b"x" * size
    payload = keeping._pack([np.frombuffer(contents, dtype=np.uint8)])
    folder.mkdir(parents=True)
    (folder / "a.primed").write_bytes(
        keeping._MAGIC + keeping._digest("a.primed", payload) + payload
    )
    assert recall(fresh(), "a.primed") == (size == 0)


def test_what_is_no_zstandard_is_not_taken(folder: Path) -> None:
    folder.mkdir(parents=True)
    payload = b"not compressed at all"
    (folder / "a.primed").write_bytes(
        keeping._MAGIC + keeping._digest("a.primed", payload) + payload
    )
    assert not recall(fresh(), "a.primed")


def test_a_damaged_one_is_made_anew(folder: Path) -> None:
    first = primed()
    (path,) = folder.iterdir()
    path.write_bytes(b"half of it")
    assert learned(primed()) == learned(first)
    assert recall(fresh(), path.name)


def test_only_the_last_used_ones_stay_and_leftovers_go(folder: Path) -> None:
    model = fresh()
    for number in range(keeping._MAX_KEPT):
        keep(model, f"{number}.primed")
        os.utime(folder / f"{number}.primed", (number, number))
    assert recall(fresh(), "0.primed")  # used just now
    for name, age_s in ((".a.unfinished-00", 0), (".b.unfinished-00", 1)):
        (folder / name).write_bytes(b"")
        if age_s:
            os.utime(folder / name, (age_s, age_s))
    keep(model, "new.primed")
    stayed = {path.name for path in folder.iterdir()}
    expected = {f"{number}.primed" for number in range(2, keeping._MAX_KEPT)}
    assert stayed == expected | {"0.primed", "new.primed", ".a.unfinished-00"}


def test_a_cache_that_cannot_be_written_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"a file where the folder should be")
    kept = learned(primed())
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    assert learned(primed()) == kept


def test_a_short_primer_is_not_kept(folder: Path) -> None:
    primed(primer=PRIMER[: MIN_PRIMER_BYTES - 1])
    assert not folder.exists()


def test_the_cache_is_the_users_or_the_named_one_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    named = cache_folder()
    assert named is not None
    assert "bit-transformer" in named.parts
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here" / "primed"
    monkeypatch.setenv(CACHE_VARIABLE, "off")
    assert cache_folder() is None
