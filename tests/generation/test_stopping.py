import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.bits import bytes_to_bits
from bit_transformer.errors import BitsError, InputError
from bit_transformer.generation.stopping import stop_conditions


def _end(stop, output, num_old=0, phase=0):
    patterns, _ = stop_conditions(stop)
    return patterns[0].end(np.asarray(output, dtype=np.uint8), num_old, phase)


def test_text_is_found_at_byte_borders_only():
    bits = bytes_to_bits(b"xab").numpy()
    assert _end("a", bits) == 16
    shifted = np.concatenate([[0], bits])
    assert _end("a", shifted) is None
    assert _end("a", shifted, phase=7) == 17


def test_a_bit_pattern_is_found_at_any_bit():
    pattern = torch.tensor([1, 1, 0], dtype=torch.uint8)
    assert _end(pattern, [0, 1, 0, 1, 1, 0, 1]) == 6


@given(
    output=st.lists(st.integers(0, 1), max_size=60),
    pattern=st.lists(st.integers(0, 1), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 60), max_size=5),
)
def test_searching_in_parts_finds_what_searching_the_whole_finds(output, pattern, cuts):
    patterns, _ = stop_conditions(torch.tensor(pattern, dtype=torch.uint8))
    bits = np.array(output, dtype=np.uint8)
    whole = patterns[0].end(bits, 0, 0)
    found, old = None, 0
    for cut in [*sorted(c for c in cuts if c <= len(output)), len(output)]:
        found = patterns[0].end(bits[:cut], old, 0)
        if found is not None:
            break
        old = cut
    assert found == whole


def test_one_condition_and_several_are_told_apart():
    patterns, functions = stop_conditions([b"ab", "c", len])  # type: ignore[list-item]
    assert (len(patterns), functions) == (2, [len])
    assert len(stop_conditions("ab")[0]) == 1
    assert stop_conditions(None) == ([], [])


@pytest.mark.parametrize("empty", ["", b"", torch.empty(0, dtype=torch.uint8)])
def test_an_empty_pattern_is_refused(empty):
    with pytest.raises(InputError, match="empty stop pattern"):
        stop_conditions(empty)


def test_other_kinds_are_refused():
    with pytest.raises(InputError, match="got int"):
        stop_conditions([3])  # type: ignore[list-item]
    with pytest.raises(BitsError):
        stop_conditions(torch.tensor([2], dtype=torch.uint8))
