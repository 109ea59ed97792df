import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import InputError
from bit_transformer.evaluation import plan_windows


@given(
    num_bytes=st.integers(0, 300),
    context=st.integers(1, 40),
    data=st.data(),
)
def test_every_byte_is_scored_once_with_enough_before_it(num_bytes, context, data):
    stride = data.draw(st.integers(1, context))
    windows = list(plan_windows(num_bytes, context, stride))
    scored = [place for w in windows for place in range(w.scored_from, w.last)]
    assert scored == list(range(num_bytes))
    for window in windows[1:]:
        assert window.last - window.first == context
        assert window.scored_from - window.first >= context - stride


def test_the_first_window_scores_from_no_context():
    first = next(plan_windows(100, 16, 4))
    assert (first.first, first.scored_from, first.last) == (0, 0, 16)


@pytest.mark.parametrize(("context", "stride"), [(0, 1), (-1, 1), (4, 0), (4, 5)])
def test_impossible_lengths_are_refused(context, stride):
    with pytest.raises(InputError, match="_bytes must"):
        plan_windows(10, context, stride)


@given(
    num_bytes=st.integers(0, 200),
    context=st.integers(1, 20),
    piece_bytes=st.integers(1, 50),
)
def test_windows_of_a_piece_never_look_at_another(num_bytes, context, piece_bytes):
    windows = list(plan_windows(num_bytes, context, context, piece_bytes))
    scored = [place for w in windows for place in range(w.scored_from, w.last)]
    assert scored == list(range(num_bytes))
    for window in windows:
        assert window.first // piece_bytes == (window.last - 1) // piece_bytes


def test_pieces_of_nothing_are_refused():
    with pytest.raises(InputError, match="piece_bytes .* got 0"):
        plan_windows(10, 4, 2, 0)
