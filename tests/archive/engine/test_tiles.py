import hashlib
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.engine import StepEngine, read_model
from bit_transformer.archive.engine.tiles import OUTPUTS, multiply, pack, padded
from tests.archive.engine.test_model_file import GOLDEN_DATA, GOLDEN_MODEL, GOLDEN_PREDICTIONS


@given(
    rows=st.integers(0, 35),
    inputs=st.integers(1, 70),
    outputs=st.integers(1, 70),
    is_extreme=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_products_are_those_of_whole_numbers(rows, inputs, outputs, is_extreme, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.choice([-127, 127], (outputs, inputs)) if is_extreme else None
    matrix = rng.integers(-127, 128, (outputs, inputs)) if matrix is None else matrix
    activations = np.zeros((rows, padded(inputs, 4)), np.uint8)
    low = 255 if is_extreme else 0
    activations[:, :inputs] = rng.integers(low, 256, (rows, inputs))
    out = np.full((rows, padded(outputs, OUTPUTS)), -1, np.int32)
    multiply(activations, pack(matrix.astype(np.int8)), out)
    assert np.array_equal(out[:, :outputs], activations[:, :inputs].astype(int) @ matrix.T)
    assert (out[:, outputs:] == 0).all()


def test_weights_that_are_too_few_are_never_read_past_their_end():
    out = np.full((2, 64), 7, np.int32)
    multiply(np.ones((2, 8), np.uint8), pack(np.ones((32, 8), np.int8)), out)
    assert (out == 0).all()


@pytest.mark.timeout(900)  # it compiles the whole engine anew
def test_code_for_the_oldest_processors_gives_the_same_integers(tmp_path):
    """They have no products of bytes, and short vectors."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("this compiles for x86 processors")
    code = (
        "import hashlib, sys; import numpy as np;"
        "from bit_transformer.archive.engine import StepEngine, read_model;"
        f"data = np.frombuffer({GOLDEN_DATA!r}, np.uint8).reshape(2, -1);"
        f"found = StepEngine(read_model({str(GOLDEN_MODEL)!r}).weights).sequence(data);"
        "print(hashlib.sha256(found.astype('<i2').tobytes()).hexdigest())"
    )
    environment = os.environ | {
        "NUMBA_CPU_NAME": "x86-64",
        "NUMBA_CPU_FEATURES": "+sse2",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN_PREDICTIONS


def test_this_processor_gives_the_golden_integers():
    data = np.frombuffer(GOLDEN_DATA, np.uint8).reshape(2, -1)
    found = StepEngine(read_model(GOLDEN_MODEL).weights).sequence(data)
    assert hashlib.sha256(found.astype("<i2").tobytes()).hexdigest() == GOLDEN_PREDICTIONS
