"""What a payload says first comes back, and whatever it says is something."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.mixing.coder import finish_encoding, new_coder, start_decoding
from bit_transformer.archive.mixing.records import WIDE_TEXT, Shape
from bit_transformer.archive.mixing.setup import Setup, decode_setup, encode_setup

NUM_BYTES = 5000
lane_counts = st.integers(1, 64)
shapes = st.one_of(
    st.just(Shape(True, 0)),
    st.just(Shape(True, WIDE_TEXT)),
    st.builds(Shape, st.just(False), st.integers(0, WIDE_TEXT - 1)),
)


def through(setup: Setup, usual_lanes: int, *, has_engine: bool) -> Setup:
    payload = np.zeros(200, dtype=np.uint8)
    coder = new_coder()
    encode_setup(coder, payload, setup, usual_lanes, has_engine=has_engine)
    written = payload[: finish_encoding(coder, payload)].copy()
    reader = new_coder()
    start_decoding(reader, written)
    return decode_setup(reader, written, usual_lanes, NUM_BYTES, has_engine=has_engine)


@given(lane_counts, shapes, lane_counts)
def test_lanes_of_an_engine_come_back(num_lanes: int, shape: Shape, usual_lanes: int) -> None:
    setup = Setup(num_lanes, shape, NUM_BYTES, asks_engine=True)
    assert through(setup, usual_lanes, has_engine=True) == setup


@given(shapes, lane_counts)
def test_doing_without_the_engine_comes_back(shape: Shape, usual_lanes: int) -> None:
    setup = Setup(1, shape, NUM_BYTES, asks_engine=False)
    assert through(setup, usual_lanes, has_engine=True) == setup


@given(lane_counts, shapes)
def test_without_an_engine_lanes_come_back(num_lanes: int, shape: Shape) -> None:
    setup = Setup(num_lanes, shape, NUM_BYTES, asks_engine=False)
    assert through(setup, 1, has_engine=False) == setup


@given(st.binary(min_size=1, max_size=30), lane_counts, st.booleans())
def test_any_payload_says_something(payload: bytes, usual_lanes: int, has_engine: bool) -> None:
    array = np.frombuffer(bytearray(payload), dtype=np.uint8)
    coder = new_coder()
    start_decoding(coder, array)
    setup = decode_setup(coder, array, usual_lanes, NUM_BYTES, has_engine=has_engine)
    assert 1 <= setup.num_lanes <= 64
    assert setup.num_lanes == 1 or setup.asks_engine == has_engine
    assert 0 <= setup.num_bytes <= NUM_BYTES
