import copy

import pytest
import torch

from bit_transformer.model import BitTransformerLM
from bit_transformer.training.machine import Machine
from bit_transformer.training.processes import Processes
from bit_transformer.training.step import (
    backward_bit_losses,
    backward_micro_batches,
    clip_gradients,
    seed_step,
)
from tests.training.conftest import TINY

MACHINE = Machine(torch.device("cpu"), "fp32")
ALONE = Processes()


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = BitTransformerLM(TINY.model_copy(update={"dropout": 0.0}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.1)
    return model


@pytest.fixture
def bits():
    return torch.randint(0, 2, (12, 128), generator=torch.Generator().manual_seed(1)).byte()


def in_one_piece(gradient):
    # Coalesced first, as clipping does: adding up a row in another order rounds differently.
    return gradient.coalesce().to_dense() if gradient.is_sparse else gradient


def gradients(model, bits, num_parts):
    model = copy.deepcopy(model)
    loss = backward_micro_batches(model, bits, num_parts, MACHINE, ALONE)
    return loss, {name: parameter.grad.to_dense() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("num_parts", [2, 3, 4, 12])
def test_accumulated_gradients_are_those_of_the_whole_batch(model, bits, num_parts):
    whole_loss, whole = gradients(model, bits, 1)
    loss, parts = gradients(model, bits, num_parts)
    torch.testing.assert_close(loss, whole_loss)
    # float32 sums in another order; where terms cancel, the rounding of the largest remains
    tolerance = 1e-5 * max(gradient.abs().max().item() for gradient in whole.values())
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=0, atol=tolerance, msg=name)


@pytest.mark.parametrize("num_parts", [1, 3])
def test_keeping_every_bits_loss_changes_neither_the_mean_nor_the_gradient(model, bits, num_parts):
    expected_loss, expected = gradients(model, bits, num_parts)
    twin = copy.deepcopy(model)
    loss, losses = backward_bit_losses(twin, bits, num_parts, MACHINE, ALONE)
    assert torch.equal(loss, expected_loss)
    for name, parameter in twin.named_parameters():
        assert torch.equal(parameter.grad.to_dense(), expected[name]), name
    assert losses.shape == bits.shape
    assert not losses.requires_grad
    torch.testing.assert_close(losses.mean(), loss)


def test_padding_has_no_loss_and_no_gradient_and_leaves_other_bits_their_weight(model, bits):
    views = torch.tensor([0, 1, 2] * 4)
    lengths = torch.tensor([128, 128, 50] * 4)
    changed = bits.clone()
    changed[2::3, 50:] ^= 1
    found = []
    for one in (bits, changed):
        twin = copy.deepcopy(model)
        loss, losses = backward_bit_losses(twin, one, 2, MACHINE, ALONE, views, lengths)
        found.append((loss, losses, [p.grad.to_dense() for p in twin.parameters()]))
    (loss, losses, first), (other_loss, other_losses, second) = found
    assert torch.equal(losses[2::3, 50:], torch.zeros(4, 78))
    torch.testing.assert_close(loss, losses.sum() / bits.numel())
    assert torch.equal(loss, other_loss)
    assert torch.equal(losses, other_losses)
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)  # padded keys are looked at


def test_clipping_scales_sparse_and_dense_gradients_alike(model, bits):
    dense = copy.deepcopy(model)
    for module in dense.modules():
        if isinstance(module, torch.nn.Embedding):
            module.sparse = False
    norms = []
    for one in (model, dense):
        backward_micro_batches(one, bits, 2, MACHINE, ALONE)
        norms.append(clip_gradients(one.parameters(), 0.01, ALONE))
    torch.testing.assert_close(norms[0], norms[1])
    for (name, first), second in zip(model.named_parameters(), dense.parameters(), strict=True):
        torch.testing.assert_close(first.grad.to_dense(), second.grad, msg=name)
    clipped = torch.cat([p.grad.flatten() for p in dense.parameters()])
    torch.testing.assert_close(clipped.norm().item(), 0.01, rtol=1e-3, atol=0)


def test_small_gradients_are_not_scaled_up(model, bits):
    backward_micro_batches(model, bits, 1, MACHINE, ALONE)
    before = {n: in_one_piece(p.grad).clone() for n, p in model.named_parameters()}
    clip_gradients(model.parameters(), 1e6, ALONE)
    for name, parameter in model.named_parameters():
        assert torch.equal(in_one_piece(parameter.grad), before[name])


def test_a_model_without_gradients_has_norm_zero(model):
    assert clip_gradients(model.parameters(), 1.0, ALONE).item() == 0.0


def test_the_randomness_of_a_step_depends_on_seed_step_and_process_alone():
    def draw(*key):
        seed_step(*key)
        return torch.rand(4)

    assert torch.equal(draw(0, 5, 1), draw(0, 5, 1))
    others = [draw(1, 5, 1), draw(0, 6, 1), draw(0, 5, 0), draw(5, 0, 1)]
    assert not any(torch.equal(draw(0, 5, 1), other) for other in others)
