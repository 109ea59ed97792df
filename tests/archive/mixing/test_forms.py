"""A counterpart is what stood at the same place of an earlier line of the same form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.mixing.contexts import (
    AGREEMENT,
    AGREEMENTS,
    COUNTERPART,
    FIELD_BYTES,
    FIRST_FORM_CONTEXT,
    LINE_FORM,
    NUM_CONTEXTS,
    NUM_REGISTERS,
    POSITION,
    RUN_BYTES,
    follow_byte,
)
from bit_transformer.archive.mixing.forms import (
    counterpart_byte,
    follow_form,
    hash_form_contexts,
    place_key,
)
from bit_transformer.archive.mixing.tables import load_tables

LOG = b"10:01 disk 7 of host-1 is full\n10:02 user eve came in\n10:09 disk 1234 of host-1 is slow\n"


class Lane:
    """One lane that reads bytes, and what it says of the next one."""

    def __init__(self, num_bytes: int) -> None:
        self.registers = np.zeros(NUM_REGISTERS, dtype=np.int64)
        self.history = np.zeros(num_bytes + 1, dtype=np.uint8)
        self.indirect = np.zeros(256 + 32768, dtype=np.int32)
        self.places = np.zeros(1024, dtype=np.int32)
        self.classes = load_tables().char_class

    def read(self, data: bytes) -> "Lane":
        for value in data:
            self.history[self.registers[POSITION]] = value
            follow_byte(self.registers, value, self.indirect, self.classes)
            follow_form(self.registers, self.history, value, self.places, self.classes)
        return self

    def expected(self) -> str:
        return chr(counterpart_byte(self.registers, self.history))


def after(data: bytes) -> Lane:
    return Lane(len(data)).read(data)


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (b"10:17 disk 55 of host-1 is ", "s"),  # slow, as last
        (b"10:17 disk 55", "3"),  # the place within the number
        (b"10:17 disk 55123", " "),  # and its end, when it is longer
        (b"10:17 user ", "e"),
        (b"10:17 user bob ", "c"),
    ],
)
def test_the_counterpart_is_in_the_last_line_of_that_form(read: bytes, expected: str) -> None:
    assert after(LOG + read).expected() == expected


def test_a_line_of_a_new_form_goes_along_the_one_above() -> None:
    lane = after(b"one two three\nuno ")
    assert lane.expected() == "t"


def test_it_is_known_how_the_field_compares_with_its_counterpart() -> None:
    lane = after(LOG + b"10:")
    assert lane.registers[AGREEMENT] == 1
    assert lane.registers[AGREEMENTS] > 0
    lane.read(b"1")
    assert lane.registers[AGREEMENT] == 2  # later than 10:0
    assert after(LOG + b"0").registers[AGREEMENT] == 3
    assert after(LOG + b"10:17 ").registers[AGREEMENTS] == 0


def test_runs_and_fields_are_counted() -> None:
    lane = after(b"abc 12345")
    assert lane.registers[RUN_BYTES] == 5
    assert lane.registers[FIELD_BYTES] == 5
    lane.read(b"x")
    assert lane.registers[RUN_BYTES] == 1
    assert lane.registers[FIELD_BYTES] == 6


@given(st.lists(st.sampled_from([b"a", b"12", b" ", b"\n", b"=", b"\0", b"_", b"x" * 50])))
def test_a_counterpart_lies_before_what_is_to_come(parts: list[bytes]) -> None:
    data = b"".join(parts)
    lane = Lane(len(data))
    hashes = np.zeros(NUM_CONTEXTS, dtype=np.int64)
    for value in data:
        lane.read(bytes([value]))
        position = lane.registers[POSITION]
        assert 0 <= lane.registers[COUNTERPART] <= position
        assert 0 <= counterpart_byte(lane.registers, lane.history) < 256
        line_key = place_key(lane.registers, lane.registers[LINE_FORM])
        hash_form_contexts(lane.registers, lane.history, line_key, -1, hashes)
        assert (hashes[FIRST_FORM_CONTEXT:] >= 0).all()
        assert (hashes[FIRST_FORM_CONTEXT:] < 1 << 32).all()
        assert not hashes[:FIRST_FORM_CONTEXT].any()
