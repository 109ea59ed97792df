import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.errors import BitsError, InputError
from bit_transformer.telemetry import complexity, lz76_phrases, lz_complexity
from bit_transformer.telemetry.complexity import coin_phrases
from bit_transformer.telemetry.phrase_kernels import (
    LONG_PATIENCE,
    PLAIN_BITS,
    SHORT_PATIENCE,
    count_phrases,
    count_phrases_in_automaton,
)
from tests.strategies import bit_lists
from tests.telemetry.test_entropy import random_bits


def phrases_by_definition(bits: list[int]) -> int:
    """The exhaustive history, one substring search after the other."""
    text = bytes(bits)
    start = count = 0
    while start < len(text):
        length = 1
        while (
            start + length <= len(text)
            and text.find(text[start : start + length], 0, start + length - 1) >= 0
        ):
            length += 1
        start += length
        count += 1
    return count


def repetitive_bits() -> st.SearchStrategy[list[int]]:
    parts = st.lists(st.integers(0, 1), min_size=1, max_size=20)
    return st.builds(
        lambda part, times, tail: part * times + tail, parts, st.integers(1, 40), parts
    )


@given(st.one_of(bit_lists(max_size=300), repetitive_bits()))
@settings(max_examples=300)
def test_phrases_are_those_of_the_definition(bits):
    assert lz76_phrases(torch.tensor(bits, dtype=torch.uint8)) == phrases_by_definition(bits)


def quick_count(
    bits: np.ndarray,
    key_bits: int,
    long_bits: int,
    plain_bits: int = PLAIN_BITS,
    short_patience: int = SHORT_PATIENCE,
    long_patience: int = LONG_PATIENCE,
) -> tuple[int, bool]:
    words = complexity._words(bits)
    return count_phrases(
        words, len(bits), key_bits, long_bits, plain_bits, short_patience, long_patience
    )


WITHOUT_LIMIT = 1 << 40


@given(
    st.one_of(bit_lists(min_size=1, max_size=300), repetitive_bits()),
    st.integers(1, 12),
    st.integers(1, 61),
    st.integers(4, 40),
    st.sampled_from([0, 1, WITHOUT_LIMIT]),
)
@settings(max_examples=500)
def test_the_quick_way_and_the_sure_way_agree(bits, key_bits, long_bits, plain_bits, patience):
    array = np.array(bits, dtype=np.uint8)
    quick = quick_count(array, key_bits, long_bits, plain_bits, patience, WITHOUT_LIMIT)
    assert quick == count_phrases_in_automaton(array)


def text_of_few_words() -> np.ndarray:
    words = ["of", "the", "and", "to", "in", "that", "is", "was", "he", "for", "it", "with"]
    order = np.random.default_rng(0).integers(0, len(words), 4000)
    return np.unpackbits(np.frombuffer(" ".join(words[n] for n in order).encode(), np.uint8))


def fibonacci_word(num_bits: int) -> np.ndarray:
    shorter, longer = [0], [0, 1]
    while len(longer) < num_bits:
        shorter, longer = longer, longer + shorter
    return np.array(longer[:num_bits], dtype=np.uint8)


def de_bruijn_sequence(order: int) -> np.ndarray:
    """Every string of ``order`` bits once: a one wherever that has not been met yet."""
    mask = (1 << order) - 1
    state, met, bits = 0, {0}, [0] * order
    while len(met) <= mask:
        following = (state << 1 | 1) & mask
        state = following if following not in met else following ^ 1
        met.add(state)
        bits.append(state & 1)
    return np.array(bits, dtype=np.uint8)


def growing_runs(num_bits: int) -> np.ndarray:
    bits = np.zeros(num_bits, dtype=np.uint8)
    ends = np.cumsum(np.arange(1, num_bits))
    bits[ends[ends < num_bits]] = 1
    return bits


def awkward_strings() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    coin = rng.integers(0, 2, 30_000, dtype=np.uint8)
    period = np.tile(coin[:700], 40)
    return {
        "coin": coin,
        "zeros": np.zeros(30_000, dtype=np.uint8),
        "zeros and a last one": np.eye(1, 30_000, 29_999, dtype=np.uint8)[0],
        "few ones": (rng.random(30_000) < 0.01).astype(np.uint8),
        "few zeros": (rng.random(30_000) < 0.95).astype(np.uint8),
        "a period": period,
        "a period with errors": period ^ (rng.random(len(period)) < 0.01).astype(np.uint8),
        "a coin twice": np.concatenate([coin, coin]),
        "Fibonacci": fibonacci_word(30_000),
        "de Bruijn": de_bruijn_sequence(14),
        "growing runs": growing_runs(30_000),
        "text": text_of_few_words(),
    }


@pytest.mark.parametrize("name", awkward_strings())
def test_awkward_strings_have_as_many_phrases_as_the_automaton_finds(name):
    bits = awkward_strings()[name]
    sure = count_phrases_in_automaton(bits)
    assert lz76_phrases(torch.from_numpy(bits)) == sure[0]
    for patience in (0, WITHOUT_LIMIT):  # with long keys as soon as may be, and with none
        assert quick_count(bits, 9, 22, PLAIN_BITS, patience, WITHOUT_LIMIT) == sure


def test_the_quick_way_gives_up_where_too_many_places_look_alike():
    sparse = (np.random.default_rng(1).random(300_000) < 0.01).astype(np.uint8)
    assert quick_count(sparse, 14, 28)[0] == -1
    assert lz76_phrases(torch.from_numpy(sparse)) == count_phrases_in_automaton(sparse)[0]


@pytest.mark.parametrize(
    ("bits", "count"),
    # The first is the example of Lempel and Ziv's paper.
    [("0001101001000101", 6), ("", 0), ("0", 1), ("00", 2), ("01", 2), ("0" * 1000, 2),
     ("01" * 500, 3)],
)  # fmt: skip
def test_known_histories(bits, count):
    assert lz76_phrases(torch.tensor([int(bit) for bit in bits], dtype=torch.uint8)) == count


def test_coins_are_at_one_and_what_repeats_is_near_zero():
    for num_bits in (500, 4096, 32768, 100_000):
        values = lz_complexity(random_bits(10, num_bits))
        assert values.mean() > 0.97
        assert values.max() <= 1
    assert float(lz_complexity(torch.zeros(4096, dtype=torch.uint8))) < 0.01


def test_a_random_string_written_twice_is_half_as_complex_though_k_sees_nothing():
    once = random_bits(16384)
    assert float(lz_complexity(torch.cat([once, once]))) == pytest.approx(0.53, abs=0.03)


@given(bit_lists(min_size=1))
def test_c_lies_between_zero_and_one(bits):
    assert 0 < float(lz_complexity(torch.tensor(bits, dtype=torch.uint8))) <= 1


def test_the_coin_of_the_table_is_a_coin():
    for num_bits in (3, 11, 24, 300, 5000, 40_000):
        rows = random_bits(max(50, 40_000 // num_bits), num_bits)
        mean = sum(map(lz76_phrases, rows)) / len(rows)
        assert mean == pytest.approx(coin_phrases(num_bits), rel=0.03)
    counts = [coin_phrases(num_bits) for num_bits in range(1, 3000)]
    assert counts == sorted(counts)


def test_windows_are_measured_apart():
    rows = random_bits(2, 1000, share_of_ones=0.2)
    windows = lz_complexity(rows, window=300, stride=100)
    assert windows.shape == (2, 8)
    assert float(windows[1, 3]) == float(lz_complexity(rows[1, 300:600]))


def test_strings_too_long_to_parse_are_refused(monkeypatch):
    monkeypatch.setattr(complexity, "MAX_PARSED_BITS", 100)
    bits = torch.zeros(101, dtype=torch.uint8)
    with pytest.raises(InputError, match="101 bits are too many .* give a window"):
        lz_complexity(bits)
    assert lz_complexity(bits, window=50).shape == (3,)


def test_what_is_not_bits_is_refused():
    with pytest.raises(BitsError, match="has 2 at position 0"):
        lz_complexity(torch.tensor([2], dtype=torch.uint8))
    with pytest.raises(BitsError):
        lz76_phrases(torch.zeros(2, 2, dtype=torch.uint8))
    with pytest.raises(InputError, match="no bits"):
        lz_complexity(torch.zeros(0, dtype=torch.uint8))
