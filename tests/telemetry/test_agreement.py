import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import BitsError, InputError
from bit_transformer.telemetry import (
    cross_entropy,
    logits_of,
    predicted_entropy,
    rest_logits,
    symbiosis,
)
from tests.strategies import bit_tensors
from tests.telemetry.test_entropy import random_bits


def drawn_from(chances: torch.Tensor, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(chances.shape, generator=generator) < chances).to(torch.uint8)


def test_bits_drawn_from_the_belief_agree_with_it():
    chances = torch.rand(20_000, generator=torch.Generator().manual_seed(1))
    assert float(symbiosis(torch.logit(chances), drawn_from(chances))) > 0.98


def test_a_sure_belief_and_another_world_do_not_agree():
    logits = torch.full((4000,), 6.0)
    assert float(symbiosis(logits, random_bits(4000))) < 0.05
    assert float(symbiosis(logits, torch.ones(4000, dtype=torch.uint8))) > 0.5


def test_both_sides_count():
    modest = torch.zeros(100)
    assert float(symbiosis(modest, torch.ones(100, dtype=torch.uint8))) == 1
    doubtful = torch.full((100,), 1.0)
    assert float(symbiosis(doubtful, torch.ones(100, dtype=torch.uint8))) < 0.6
    assert float(symbiosis(doubtful, torch.zeros(100, dtype=torch.uint8))) < 0.6


@given(bit_tensors(min_size=1), st.floats(-100, 100))
def test_s_lies_between_zero_and_one(bits, size):
    value = float(symbiosis(torch.full((len(bits),), size), bits))
    assert 0 < value <= 1


def test_entropies_are_in_bits_and_hold_for_large_logits():
    logits = torch.tensor([0.0, float(torch.logit(torch.tensor(0.25))), 90.0, -90.0])
    bits = torch.tensor([1, 1, 1, 1], dtype=torch.uint8)
    assert predicted_entropy(logits).tolist() == pytest.approx([1, 0.8113, 0, 0], abs=1e-4)
    assert cross_entropy(logits, bits).tolist() == pytest.approx([1, 2, 0, 129.84], abs=0.01)


def test_rows_and_windows_are_measured_apart():
    chances = torch.rand(2, 900, generator=torch.Generator().manual_seed(1))
    logits, bits = torch.logit(chances), drawn_from(chances)
    assert symbiosis(logits, bits).tolist() == [
        float(symbiosis(*row)) for row in zip(logits, bits, strict=True)
    ]
    windows = symbiosis(logits, bits, window=300, stride=150)
    assert windows.shape == (2, 5)
    assert float(windows[0, 1]) == pytest.approx(
        float(symbiosis(logits[0, 150:450], bits[0, 150:450]))
    )


def test_shapes_must_agree_and_bits_be_bits():
    with pytest.raises(InputError, match=r"\(3,\) do not fit bits of shape \(4,\)"):
        symbiosis(torch.zeros(3), torch.zeros(4, dtype=torch.uint8))
    with pytest.raises(BitsError):
        symbiosis(torch.zeros(3), torch.full((3,), 7, dtype=torch.uint8))
    with pytest.raises(InputError, match="no bits"):
        symbiosis(torch.zeros(0), torch.zeros(0, dtype=torch.uint8))


def test_probabilities_become_finite_logits():
    found = logits_of(torch.tensor([0.0, 0.5, 0.75, 1.0]))
    assert torch.isfinite(found).all()
    assert found[1:3].tolist() == pytest.approx([0, 1.0986], abs=1e-4)
    assert found[0] < -30
    assert found[3] > 30
    pairs = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    assert logits_of(pairs, pairs=True)[0] == pytest.approx(1.0986, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "pairs", "message"),
    [
        ([0.5, 1.5], False, "1.5 at position 1"),
        ([-0.1], False, "-0.1 at position 0"),
        ([float("nan")], False, "nan at position 0"),
        ([[0.5, 0.7]], True, "position 0 sum to 1.2"),
        ([[0.1, 0.2]], True, "sum to 0.3"),
        ([0.5, 0.3, 0.2], True, r"shape \(\.\.\., 2\)"),
    ],
)
def test_what_is_no_probability_is_refused(values, pairs, message):
    with pytest.raises(InputError, match=message):
        logits_of(torch.tensor(values), pairs=pairs)
    with pytest.raises(InputError, match="floating-point"):
        logits_of(torch.tensor([1]))


def test_the_rest_of_a_text_expects_its_windows_and_no_others():
    text = "".join(f"the {number % 89}th line of a text, not unlike {number % 53}\n" for number in
                   range(2000)).encode()  # fmt: skip
    values = torch.tensor(list(text[:65536]), dtype=torch.uint8)
    bits = torch.stack([values >> shift & 1 for shift in range(7, -1, -1)], 1).flatten()
    bits[5 * 8192 : 6 * 8192] = random_bits(8192)
    found = symbiosis(rest_logits(bits, window=8192), bits, window=8192)
    assert int(found.argmin()) == 5
    assert float(found[5]) < 0.3
    assert float(found[torch.arange(len(found)) != 5].min()) > 0.6


def test_a_window_is_not_predicted_from_itself():
    bits = random_bits(1024)
    other = bits.clone()
    other[512 + 200] ^= 1
    before, after = rest_logits(bits, window=512), rest_logits(other, window=512)
    assert torch.equal(before[512 : 512 + 201], after[512 : 512 + 201])
    assert not torch.equal(before[:512], after[:512])


@given(bit_tensors(min_size=1, max_size=400), st.sampled_from([8, 64, 1 << 20]))
def test_every_string_can_be_predicted_from_its_rest(bits, window):
    found = rest_logits(bits, window=window)
    assert found.shape == bits.shape
    assert torch.isfinite(found).all()


def test_the_rest_needs_bits_and_windows_of_bytes():
    with pytest.raises(InputError, match="no bits"):
        rest_logits(torch.zeros(0, dtype=torch.uint8))
    with pytest.raises(InputError, match="window=12 must be"):
        rest_logits(torch.zeros(8, dtype=torch.uint8), window=12)
