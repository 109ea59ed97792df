"""A little of what benchmarks/fuzz_archives.py does at length."""

from random import Random

import pytest

from bit_transformer.archive import coding
from tests.archive.fuzzing import TARGETS, Target, mutate, try_input
from tests.archive.simple_coder import decode, encode


@pytest.mark.parametrize("name", TARGETS)
def test_changed_archives_are_refused_or_right(name: str, monkeypatch: pytest.MonkeyPatch):
    target = TARGETS[name]
    if not target.needs_coder:
        monkeypatch.setattr(coding, "encode_blocks", encode)
        monkeypatch.setattr(coding, "decode_blocks", decode)
    seeds, random = target.seeds(), Random(0)
    for seed in seeds:
        assert try_input(target, seed) is None
        if target.repairs is not None:
            assert target.repairs(seed) == seed
    for _ in range(15 if target.needs_coder else 200):
        data = mutate(random.choice(seeds), seeds, random)
        assert try_input(target, data if target.repairs is None else target.repairs(data)) is None


def test_a_wrong_reader_would_be_noticed():
    target = Target(lambda: [b"x"], lambda data: None if data == b"x" else "other content")
    assert try_input(target, b"y") == "other content"


def test_repaired_archives_get_past_their_checksums(monkeypatch: pytest.MonkeyPatch):
    """Else nothing behind the checksums would be reached."""
    monkeypatch.setattr(coding, "encode_blocks", encode)
    monkeypatch.setattr(coding, "decode_blocks", decode)
    target = TARGETS["repaired"]
    assert target.repairs is not None
    seed, random = target.seeds()[0], Random(1)
    num_past = 0
    for _ in range(300):
        data = bytearray(seed)
        place = random.randrange(60, len(seed) - 120)
        data[place] ^= 1 << random.randrange(8)
        try:
            target.read(target.repairs(bytes(data)))
            num_past += 1
        except ValueError:
            continue
    assert num_past > 100
