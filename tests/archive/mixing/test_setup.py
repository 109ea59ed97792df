"""What a payload says first comes back, and whatever it says is something."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.mixing.coder import finish_encoding, new_coder, start_decoding
from bit_transformer.archive.mixing.records import WIDE_TEXT, Shape
from bit_transformer.archive.mixing.setup import Setup, Usual, decode_setup, encode_setup

NUM_BYTES = 5000
lane_counts = st.integers(1, 64)
text_shapes = st.sampled_from([Shape(True, 0), Shape(True, WIDE_TEXT)])
shapes = st.one_of(
    text_shapes,
    st.builds(Shape, st.just(False), st.integers(0, WIDE_TEXT - 1)),
)


def through(setup: Setup, usual: Usual) -> Setup:
    payload = np.zeros(200, dtype=np.uint8)
    coder = new_coder()
    encode_setup(coder, payload, setup, usual)
    written = payload[: finish_encoding(coder, payload)].copy()
    reader = new_coder()
    start_decoding(reader, written)
    return decode_setup(reader, written, usual, NUM_BYTES)


@given(lane_counts, shapes, lane_counts)
def test_lanes_of_an_engine_come_back(num_lanes: int, shape: Shape, usual_lanes: int) -> None:
    setup = Setup(num_lanes, shape, NUM_BYTES, asks_engine=True)
    assert through(setup, Usual(usual_lanes, has_engine=True)) == setup


@given(lane_counts, text_shapes, lane_counts, st.booleans())
def test_whether_the_primer_is_remembered_comes_back(
    num_lanes: int, shape: Shape, usual_lanes: int, remembers: bool
) -> None:
    setup = Setup(num_lanes, shape, NUM_BYTES, asks_engine=True, remembers=remembers)
    assert through(setup, Usual(usual_lanes, has_engine=True, may_forget=True)) == setup


@given(shapes, lane_counts, st.booleans())
def test_doing_without_the_engine_comes_back(
    shape: Shape, usual_lanes: int, may_forget: bool
) -> None:
    setup = Setup(1, shape, NUM_BYTES, asks_engine=False)
    assert through(setup, Usual(usual_lanes, has_engine=True, may_forget=may_forget)) == setup


@given(lane_counts, shapes, st.booleans())
def test_without_an_engine_lanes_come_back(num_lanes: int, shape: Shape, may_forget: bool) -> None:
    setup = Setup(num_lanes, shape, NUM_BYTES, asks_engine=False)
    assert through(setup, Usual(1, has_engine=False, may_forget=may_forget)) == setup


@given(st.binary(min_size=1, max_size=30), lane_counts, st.booleans(), st.booleans())
def test_any_payload_says_something(
    payload: bytes, usual_lanes: int, has_engine: bool, may_forget: bool
) -> None:
    array = np.frombuffer(bytearray(payload), dtype=np.uint8)
    coder = new_coder()
    start_decoding(coder, array)
    setup = decode_setup(coder, array, Usual(usual_lanes, has_engine, may_forget), NUM_BYTES)
    assert 1 <= setup.num_lanes <= 64
    assert setup.num_lanes == 1 or setup.asks_engine == has_engine
    assert setup.remembers or (may_forget and setup.asks_engine and setup.shape.is_text)
    assert 0 <= setup.num_bytes <= NUM_BYTES
