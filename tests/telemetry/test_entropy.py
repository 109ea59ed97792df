import pytest
import torch
from hypothesis import given

from bit_transformer.errors import BitsError, InputError
from bit_transformer.telemetry import model_negentropy, negentropy
from bit_transformer.telemetry.entropy import block_order
from tests.strategies import bit_tensors


def random_bits(*shape: int, seed: int = 0, share_of_ones: float = 0.5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator) < share_of_ones).to(torch.uint8)


@pytest.mark.parametrize("pattern", ["0", "1", "01", "0011", "00010111", "0110100110010110"])
def test_what_repeats_is_certain(pattern):
    bits = torch.tensor([int(bit) for bit in pattern] * (8192 // len(pattern)), dtype=torch.uint8)
    assert float(negentropy(bits)) == 1.0


def test_a_fair_coin_has_none():
    values = negentropy(random_bits(20, 32768))
    assert values.max() < 0.01


def test_a_bent_coin_has_as_much_as_its_entropy_says():
    share = 0.11
    expected = 1 + share * torch.log2(torch.tensor(share)) + 0.89 * torch.log2(torch.tensor(0.89))
    assert float(negentropy(random_bits(1 << 17, share_of_ones=share))) == pytest.approx(
        float(expected), abs=0.01
    )


@given(bit_tensors(min_size=1))
def test_k_lies_between_zero_and_one(bits):
    assert 0 <= float(negentropy(bits)) <= 1


def test_batches_and_windows_are_measured_row_by_row():
    rows = random_bits(3, 4000, share_of_ones=0.3)
    assert negentropy(rows).tolist() == [float(negentropy(row)) for row in rows]
    windows = negentropy(rows, window=1500, stride=500)
    assert windows.shape == (3, 6)
    assert float(windows[1, 2]) == float(negentropy(rows[1, 1000:2500]))
    assert torch.equal(negentropy(rows.bool()), negentropy(rows))


def test_a_batch_may_be_empty_but_a_string_may_not():
    assert negentropy(torch.zeros(0, 8, dtype=torch.uint8)).shape == (0,)
    assert negentropy(torch.zeros(0, 8, dtype=torch.uint8), window=4).shape == (0, 2)
    for bits in (torch.zeros(0, dtype=torch.uint8), torch.zeros(2, 0, dtype=torch.uint8)):
        with pytest.raises(InputError, match="no bits to measure"):
            negentropy(bits)


def test_the_order_leaves_sixteen_blocks_a_context():
    assert [block_order(n) for n in (1, 16, 32, 1024, 32768, 1 << 30)] == [0, 0, 1, 6, 11, 16]


@pytest.mark.parametrize(
    "bits", [torch.tensor([2, 0], dtype=torch.uint8), torch.zeros(4), torch.zeros(1, 2, 3).byte()]
)
def test_other_values_types_and_shapes_are_refused(bits):
    with pytest.raises(BitsError):
        negentropy(bits)


@pytest.mark.parametrize(("window", "stride"), [(0, None), (8, 0), (8, 9), (-1, 1)])
def test_windows_that_leave_bits_out_are_refused(window, stride):
    with pytest.raises(InputError, match="do not fit"):
        negentropy(torch.zeros(64, dtype=torch.uint8), window=window, stride=stride)


def test_the_model_has_none_where_it_has_no_idea_and_all_where_it_is_sure():
    assert float(model_negentropy(torch.zeros(2, 5))[1]) == 0
    assert float(model_negentropy(torch.tensor([60.0, -60.0]))) == pytest.approx(1)
    odds = torch.logit(torch.tensor([0.11]))
    assert float(model_negentropy(odds.bfloat16())) == pytest.approx(0.5, abs=0.01)
    assert model_negentropy(torch.zeros(9), window=4).shape == (3,)


def test_logits_must_be_finite_numbers():
    with pytest.raises(InputError, match="nan at position 1"):
        model_negentropy(torch.tensor([0.0, torch.nan]))
    with pytest.raises(InputError, match=r"inf at position \(0, 1\)"):
        model_negentropy(torch.tensor([[0.0, torch.inf]]))
    with pytest.raises(InputError, match=r"got a torch.int64 tensor; make them"):
        model_negentropy(torch.tensor([1]))
