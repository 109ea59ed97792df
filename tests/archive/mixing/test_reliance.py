"""A place where what was expected came is one where it is relied on."""

import numpy as np
import pytest

from bit_transformer.archive.mixing import Level
from bit_transformer.archive.mixing.contexts import NUM_REGISTERS
from bit_transformer.archive.mixing.layout import (
    COUNTERPART_SAYS,
    EXPECTED,
    EXPECTED_LONG,
    FORM_KEY,
    LINE_KEY,
    RECENT_SAYS,
)
from bit_transformer.archive.mixing.levels import level_settings
from bit_transformer.archive.mixing.model import Model, new_model
from bit_transformer.archive.mixing.reliance import learn_reliance, reliance_inputs

ROW = np.zeros(NUM_REGISTERS, dtype=np.int64)
SAYS = (EXPECTED, EXPECTED_LONG, COUNTERPART_SAYS, RECENT_SAYS)


@pytest.fixture
def model() -> Model:
    model = new_model(level_settings(Level.FAST), 10)
    model.scratch[list(SAYS)] = -1
    model.scratch[[FORM_KEY, LINE_KEY]] = 11, 12
    return model


def inputs(model: Model, node: int, bit_index: int) -> list[int]:
    reliance_inputs(model, ROW, 0, node, bit_index)
    return model.inputs[:5].tolist()


def see(model: Model, value: int) -> None:
    """Let a byte come where something was expected."""
    node = 1
    for bit_index in range(8):
        bit = (value >> (7 - bit_index)) & 1
        reliance_inputs(model, ROW, 0, node, bit_index)
        learn_reliance(model, bit_index, bit)
        node = 2 * node + bit


@pytest.mark.parametrize(
    ("says", "which"),
    [(EXPECTED, [0]), (EXPECTED_LONG, [1]), (COUNTERPART_SAYS, [2]), (RECENT_SAYS, [3, 4])],
)
def test_what_came_as_expected_is_relied_on_and_what_did_not_is_not(
    model: Model, says: int, which: list[int]
) -> None:
    model.scratch[says] = ord("a")  # 0110 0001
    assert inputs(model, 1, 0) == [0] * 5
    for _ in range(20):
        see(model, ord("a"))
    first, second = inputs(model, 1, 0), inputs(model, 2, 1)
    others = [at for at in range(5) if at not in which]
    assert all(first[at] < -300 and second[at] > 300 for at in which)
    assert all(first[at] == second[at] == 0 for at in others)
    for _ in range(200):
        see(model, ord("A"))  # 0100 0001: another third bit
    assert all(inputs(model, 5, 2)[at] < -300 for at in which)


def test_once_the_byte_is_another_one_nothing_is_said(model: Model) -> None:
    model.scratch[list(SAYS)] = ord("a")
    see(model, ord("a"))
    assert all(inputs(model, 1, 0))
    assert inputs(model, 3, 1) == [0] * 5


def test_another_place_starts_anew(model: Model) -> None:
    model.scratch[list(SAYS)] = ord("a")
    see(model, ord("a"))
    model.scratch[[FORM_KEY, LINE_KEY]] = 13, 14
    assert inputs(model, 1, 0) == [0] * 5
