import hashlib
import math

import numpy as np
import pytest

from bit_transformer.archive.engine.tables import (
    CAP_LENGTH,
    EXP_LENGTH,
    EXP_ONE,
    EXP_STEPS,
    cap_table,
    exp_table,
    rotation_tables,
)


def test_exponentials_are_those_of_the_library_to_half_a_unit():
    steps = np.arange(EXP_LENGTH)
    assert np.abs(exp_table() - EXP_ONE * np.exp(-steps / EXP_STEPS)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("cap", [0.5, 3.0, 15.0, 30.0])
def test_caps_are_hyperbolic_tangents_to_half_a_unit(cap):
    log_odds = np.arange(CAP_LENGTH) / 256
    assert np.abs(cap_table(cap, 256) - 256 * cap * np.tanh(log_odds / cap)).max() <= 0.5 + 1e-6


def test_no_cap_leaves_log_odds_alone():
    assert np.array_equal(cap_table(0.0, 256), np.arange(CAP_LENGTH))


@pytest.mark.parametrize(("window", "head_dim"), [(1, 4), (7, 6), (256, 96)])
def test_rotations_are_cosines_and_sines_to_half_a_unit(window, head_dim):
    cosines, sines = rotation_tables(window, head_dim)
    half = head_dim // 2
    angles = np.arange(-window, window)[:, None] * np.array(
        [math.pow(10_000, -i / half) for i in range(half)]
    )
    assert np.abs(cosines - 32768 * np.cos(angles)).max() <= 0.5 + 1e-6
    assert np.abs(sines - 32768 * np.sin(angles)).max() <= 0.5 + 1e-6


def test_the_tables_are_those_of_version_1():
    digest = hashlib.sha256()
    for table in (exp_table(), cap_table(15.0, 256), *rotation_tables(256, 96)):
        digest.update(table.astype("<i4").tobytes())
    assert digest.hexdigest() == "733cfa952a987deee18ebe07c9431086d38e6b07593e904c39b9f5a374c2a82e"


def test_tables_cannot_be_written_to():
    for table in (exp_table(), cap_table(15.0, 256), *rotation_tables(8, 4)):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1
