import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.engine import ModelFile, parse_model, read_model, write_model
from bit_transformer.archive.engine.model_file import (
    _FIXED,
    MAGIC,
    MAX_FILE_BYTES,
    MAX_PRIMER_BYTES,
    pack_model,
)
from bit_transformer.errors import ArchiveError, DataError, InputError, StorageError
from tests.archive.engine.engines import random_weights, small_shape

GOLDEN_MODEL = Path(__file__).parents[2] / "golden" / "engine.btm"
GOLDEN_DATA = b"The quick brown fox jumps over the lazy dog. " * 2 + bytes(range(246, 256))
GOLDEN_HASH = "5a909f3c436517d814d425c8a1d83cd3930bf7549b1628c98558f2dcabfdb190"
GOLDEN_PREDICTIONS = "6883518341e41c0dc9b00f8f347c285db2b346eff3ca01bed7c1d9153b253de5"


def make_model(**changes) -> ModelFile:
    weights = random_weights(np.random.default_rng(0), small_shape(**changes))
    return ModelFile(weights, b"a primer " * 50, {"licence": "Apache-2.0", "üñ": [1, 2.5, None]})


def signed(content: bytes) -> bytes:
    """The content with the checksum that it should have."""
    return content[:-32] + hashlib.sha256(content[:-32]).digest()


def with_header(content: bytes, change) -> bytes:
    """The file with its header changed, and lengths and checksum set right."""
    magic, version, reserved, length = _FIXED.unpack_from(content)
    header = json.loads(content[_FIXED.size : _FIXED.size + length])
    text = json.dumps(change(header) or header).encode()
    rest = content[_FIXED.size + length :]
    return signed(_FIXED.pack(magic, version, reserved, len(text)) + text + rest)


MODEL = make_model()
CONTENT = pack_model(MODEL)


@pytest.mark.parametrize(
    "changes",
    [{}, {"context_hash_bits": ()}, {"depth": 1, "window": 1}, {"logit_cap": 0.0}],
)
def test_a_model_comes_back_as_it_was(tmp_path, changes):
    model = make_model(**changes)
    path = tmp_path / "model.btm"
    assert write_model(path, model) == path.stat().st_size
    found = read_model(path)
    assert found.weights.shape == model.weights.shape
    assert found.weights.model_hash == model.weights.model_hash
    assert (found.primer, found.metadata) == (model.primer, model.metadata)
    for (name, old), (_, new) in zip(model.weights.arrays(), found.weights.arrays(), strict=True):
        assert old.dtype == new.dtype, name
        assert np.array_equal(old, new), name


def test_the_golden_model_reads_as_ever():
    model = read_model(GOLDEN_MODEL)
    assert model.weights.model_hash.hex() == GOLDEN_HASH
    assert model.primer == b"golden primer"
    assert model.metadata == {"name": "golden"}


def test_the_hash_depends_on_every_array_and_on_the_sizes():
    weights = MODEL.weights
    hashes = {weights.model_hash}
    for name, array in weights.arrays():
        other = array.copy()
        other.flat[-1] = array.flat[-1] // 2 + 1
        hashes.add(replace(weights, **{name: other}).model_hash)
    hashes.add(replace(weights, shape=replace(weights.shape, logit_cap=14.0)).model_hash)
    assert len(hashes) == len(list(weights.arrays())) + 2


@given(at=st.integers(0, len(CONTENT) - 1))
def test_a_cut_file_is_refused(at):
    with pytest.raises(ArchiveError, match=r"is damaged|is no exported model"):
        parse_model(CONTENT[:at])


@given(at=st.integers(0, len(CONTENT) - 1), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(at, flip):
    content = bytearray(CONTENT)
    content[at] ^= flip
    with pytest.raises(ArchiveError):
        parse_model(content)


@given(at=st.integers(0, len(CONTENT) - 33), flip=st.integers(1, 255))
def test_a_changed_byte_under_a_right_checksum_gives_an_error_or_a_model(at, flip):
    content = bytearray(CONTENT)
    content[at] ^= flip
    try:
        found = parse_model(signed(bytes(content)))
    except ArchiveError:
        return
    # Only the primer and the metadata are not under the model's own hash.
    assert found.weights.model_hash == MODEL.weights.model_hash


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_refused(noise):
    with pytest.raises(ArchiveError):
        parse_model(signed(MAGIC + noise + bytes(32)))


HOSTILE = {
    "another arithmetic": lambda h: h.update(engine_version=2),
    "no sizes": lambda h: h.pop("shape"),
    "an unknown size": lambda h: h["shape"].update(height=3),
    "a size of text": lambda h: h["shape"].update(width="16"),
    "a true size": lambda h: h["shape"].update(depth=True),
    "a huge size": lambda h: h["shape"].update(width=4096, hidden=16384, depth=64),
    "a size beyond all": lambda h: h["shape"].update(width=10**30),
    "heads that do not fit": lambda h: h["shape"].update(head_dim=6),
    "a cap of text": lambda h: h["shape"].update(logit_cap="15"),
    "a cap below zero": lambda h: h["shape"].update(logit_cap=-1),
    "a cap that is no number": lambda h: h["shape"].update(logit_cap=float("nan")),
    "contexts that are no list": lambda h: h["shape"].update(context_hash_bits=16),
    "a context that is too long": lambda h: h["shape"].update(context_hash_bits=[16, 65]),
    "other sizes": lambda h: h["shape"].update(hidden=23),
    "a primer that is too long": lambda h: h.update(primer_bytes=MAX_PRIMER_BYTES + 1),
    "a primer below zero": lambda h: h.update(primer_bytes=-1),
    "another primer": lambda h: h.update(primer_bytes=3),
    "parts of no length": lambda h: h.update(stored_bytes=None),
    "parts in another order": lambda h: h.update(
        stored_bytes=dict(reversed(h["stored_bytes"].items()))
    ),
    "a part below zero": lambda h: h["stored_bytes"].update(primer=-1),
    "a part that is too long": lambda h: h["stored_bytes"].update(start=10**9),
    "parts that are cut otherwise": lambda h: h["stored_bytes"].update(
        start=h["stored_bytes"]["start"] + 1, pieces=h["stored_bytes"]["pieces"] - 1
    ),
    "another hash": lambda h: h.update(model_hash="00" * 32),
    "metadata of text": lambda h: h.update(metadata="none"),
    "a list": lambda _: [1, 2],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_under_a_right_checksum_is_refused(name):
    with pytest.raises(ArchiveError):
        parse_model(with_header(CONTENT, HOSTILE[name]))


def test_a_header_that_is_nested_too_deeply_is_refused():
    text = b"[" * 100_000
    with pytest.raises(ArchiveError, match="no JSON"):
        parse_model(signed(_FIXED.pack(MAGIC, 1, 0, len(text)) + text + bytes(32)))


@pytest.mark.parametrize(("at", "value"), [(8, 2), (8, 0), (10, 1), (12, 2**32 - 1)])
def test_wrong_first_bytes_are_refused(at, value):
    content = bytearray(CONTENT)
    struct.pack_into("<I" if at == 12 else "<H", content, at, value)
    with pytest.raises(ArchiveError, match=r"version 2|cannot be"):
        parse_model(signed(bytes(content)))


def test_a_part_that_unpacks_to_more_is_stopped_at_its_size():
    bomb = replace(MODEL, primer=bytes(MAX_PRIMER_BYTES))
    with pytest.raises(ArchiveError, match="does not hold the 5 bytes"):
        parse_model(with_header(pack_model(bomb), lambda h: h.update(primer_bytes=5)))


def test_what_is_not_a_model_is_not_written(tmp_path):
    path = tmp_path / "model.btm"
    with pytest.raises(InputError, match=r"primer has 262145 bytes"):
        write_model(path, replace(MODEL, primer=bytes(MAX_PRIMER_BYTES + 1)))
    with pytest.raises(InputError, match="must be JSON"):
        write_model(path, replace(MODEL, metadata={"a": {1}}))
    wrong = replace(MODEL.weights, start=np.zeros(3, np.int32))
    with pytest.raises(ArchiveError, match="'start' is int32 of shape"):
        write_model(path, replace(MODEL, weights=wrong))
    assert not list(tmp_path.iterdir())
    with pytest.raises(StorageError, match="a folder is in the way"):
        write_model(tmp_path, MODEL)


def test_files_that_are_missing_huge_or_others_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_model(tmp_path / "none.btm")
    with pytest.raises(ArchiveError, match="is no exported model"):
        read_model(Path(__file__))
    huge = tmp_path / "huge.btm"
    with huge.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ArchiveError, match="no exported model has more than"):
        read_model(huge)


def test_an_engine_of_a_file_is_the_engine_of_its_weights():
    data = np.frombuffer(GOLDEN_DATA, np.uint8)[None]
    engine = MODEL.engine(num_threads=2)
    assert engine.model_hash == MODEL.weights.model_hash
    assert np.array_equal(engine.sequence(data), parse_model(CONTENT).engine().sequence(data))
