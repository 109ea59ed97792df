import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.generation.decoding import window_start


@given(context=st.integers(1, 40), num_phases=st.integers(1, 9), last=st.integers(0, 200))
def test_windows_fit_the_context_and_never_move_back(context, num_phases, last):
    starts = [window_start(patch, context, num_phases) for patch in range(last + 1)]
    assert starts == sorted(starts)
    assert all(0 <= patch - start <= context - 1 for patch, start in enumerate(starts))


@given(context=st.integers(2, 40), patch=st.integers(0, 200))
def test_a_window_that_slides_keeps_half_of_the_context(context, patch):
    start = window_start(patch, context)
    assert start == 0 or patch - start >= context // 2 - 1


@pytest.mark.parametrize(("context", "num_phases"), [(16, 8), (8, 8), (24, 8), (512, 8)])
def test_windows_begin_at_whole_periods(context, num_phases):
    assert all(window_start(patch, context, num_phases) % num_phases == 0 for patch in range(2000))
