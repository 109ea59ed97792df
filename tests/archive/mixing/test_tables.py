"""The tables are the same everywhere, because nothing in them is near to being another number."""

import math
import zlib

import numpy as np
import pytest

from bit_transformer.archive.mixing import tables
from bit_transformer.archive.mixing.tables import MAX_ODDS, load_tables, make_next_state
from bit_transformer.errors import ArchiveError


def distance_to_a_half(value: float) -> float:
    return abs(value - math.floor(value) - 0.5)


def test_no_rounding_is_close() -> None:
    # A library's logarithm is wrong by 1e-13 at most at these sizes.
    odds = [256 * math.log((p + 0.5) / (4095.5 - p)) for p in range(4096)]
    probs = [65536 / (1 + math.exp(-d / 256)) for d in range(-3072, 3072)]
    assert min(map(distance_to_a_half, odds)) > 1e-6
    assert min(map(distance_to_a_half, probs)) > 1e-6


def test_the_checksum_is_the_one_that_archives_were_made_with() -> None:
    checksum = 0
    for table in load_tables():
        checksum = zlib.crc32(table.tobytes(), checksum)
    assert checksum == tables._CHECKSUM


def test_a_machine_that_computes_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_CHECKSUM", 1)
    load_tables.cache_clear()
    with pytest.raises(ArchiveError, match="nowhere else"):
        load_tables()
    load_tables.cache_clear()


def test_stretch_and_squash_undo_each_other() -> None:
    t = load_tables()
    assert (np.diff(t.stretch) >= 0).all()
    assert (np.diff(t.squash) >= 0).all()
    assert t.squash.min() == 1
    assert t.squash.max() == 65535
    back = t.squash[t.stretch + MAX_ODDS + 1] / 16
    assert np.abs(back - (np.arange(4096) + 0.5)).max() < 4


def test_histories_stay_within_a_byte_and_remember_the_last_bit() -> None:
    table = make_next_state().reshape(256, 2)
    reached = {0}
    waiting = [0]
    while waiting:
        for after in table[waiting.pop()]:
            if int(after) not in reached:
                reached.add(int(after))
                waiting.append(int(after))
    assert 150 < len(reached) <= 256
    assert all(table[state, 0] != table[state, 1] for state in reached)
    assert all(0 not in table[state] for state in reached)


def test_characters_have_kinds() -> None:
    kinds = load_tables().char_class
    assert kinds[ord("a")] == kinds[ord("z")] != kinds[ord("A")]
    assert kinds[ord("7")] == 1
    assert kinds.max() < 16
