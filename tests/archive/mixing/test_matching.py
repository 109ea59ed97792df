"""The byte that came when the last four bytes were last there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.mixing.contexts import POSITION, follow_byte
from bit_transformer.archive.mixing.matching import follow_recent, recent_byte
from bit_transformer.archive.mixing.model import new_registers
from bit_transformer.archive.mixing.tables import load_tables

LENGTH = 4


def recent_after(data: bytes, num_slots: int = 1 << 14) -> int:
    """What is expected after these bytes of a lane, all of which are known."""
    registers = new_registers([0], [len(data) + 1])
    history = np.frombuffer(data + b"\0", dtype=np.uint8).copy()
    positions = np.zeros(num_slots, dtype=np.int32)
    indirect = np.zeros(256 + 32768, dtype=np.int32)
    classes = load_tables().char_class
    for value in data:
        follow_byte(registers[0], value, indirect, classes)
        follow_recent(registers[0], positions)
    assert registers[0, POSITION] == len(data)
    return recent_byte(registers, 0, history, 0, len(data) + 1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"the cat sat, the ", ord("c")),
        (b"the cat, the cow, the dog; the ", ord("d")),
        (b"the cat, tho ", -1),
        (b"abcd", -1),
        (b"abc", -1),
        (b"aaaaa", ord("a")),
        (b"", -1),
    ],
)
def test_it_is_the_last_one_and_no_older(data: bytes, expected: int) -> None:
    assert recent_after(data) == expected


@given(st.lists(st.sampled_from(b"ab\n"), max_size=60).map(bytes), st.sampled_from([1, 7, 1024]))
def test_what_stood_elsewhere_is_never_taken_for_it(data: bytes, num_slots: int) -> None:
    """Where two places share a slot, nothing is expected."""
    ends = [p for p in range(LENGTH, len(data)) if data[p - LENGTH : p] == data[-LENGTH:]]
    expected = data[ends[-1]] if ends and len(data) >= LENGTH else -1
    assert recent_after(data, num_slots) in (expected, -1)
