from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from bit_transformer.model import BitTransformerLM
from bit_transformer.model.reversible import coupled_stack, reversible_stack
from tests.model.models import build_model, gradients, random_bits


def step(model: BitTransformerLM, bits: Tensor, *, stored: bool, bf16: bool = False) -> Any:
    """The loss and the gradients of one training step, with activations stored or recomputed."""
    model.recomputes_activations = not stored
    model.zero_grad()
    torch.manual_seed(7)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = model(bits, return_loss=True)
    after_forward = torch.get_rng_state()
    loss.backward()
    assert torch.equal(torch.get_rng_state(), after_forward), "backward moved the generator"
    return loss.detach(), gradients(model)


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_recomputed_activations_give_the_loss_and_gradients_of_stored_ones(
    dropout: float, bf16: bool
) -> None:
    model = build_model(noise=0.1, depth=6, dropout=dropout, reversible=True).train()
    bits = random_bits(2, 128)
    loss, stored = step(model, bits, stored=True, bf16=bf16)
    other_loss, recomputed = step(model, bits, stored=False, bf16=bf16)
    assert torch.equal(loss, other_loss)
    # The streams are float32 in both precisions, and x + y - y differs from x by their rounding;
    # under bf16 that now and then tips a product's input to the neighbouring one of its 8 bits.
    tolerance = 2e-2 if bf16 else 1e-4
    scale = max(gradient.norm() for gradient in stored.values())
    for name, gradient in stored.items():
        difference = (recomputed[name] - gradient).norm()
        assert difference < tolerance * gradient.norm() + 1e-3 * tolerance * scale, name


def test_backward_inside_the_autocast_block_finds_every_gradient() -> None:
    model = build_model(noise=0.1, reversible=True).train()
    bits = random_bits(2, 128)
    _, outside = step(model, bits, stored=False, bf16=True)
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        model(bits, return_loss=True).backward()
    for name, gradient in gradients(model).items():
        assert torch.allclose(gradient, outside[name], atol=1e-6), name


def test_two_backward_passes_add_up() -> None:
    model = build_model(reversible=True).train()
    first, second = random_bits(2, 64, seed=1), random_bits(2, 64, seed=2)
    _, one = step(model, first, stored=False)
    _, two = step(model, second, stored=False)
    model.zero_grad()
    for bits in (first, second):
        model(bits, return_loss=True).backward()
    for name, gradient in gradients(model).items():
        assert torch.allclose(gradient, one[name] + two[name], atol=1e-6), name


def test_the_gradient_reaches_the_trunks_input() -> None:
    model = build_model(depth=3, reversible=True)
    blocks = model._blocks()
    found = []
    for stack in (coupled_stack, reversible_stack):
        torch.manual_seed(0)
        embedded = torch.randn(2, 5, 16, requires_grad=True)
        stack(blocks, embedded, None).square().sum().backward()
        assert embedded.grad is not None
        found.append(embedded.grad)
    # Rounding is relative to the largest gradient, of about a hundred.
    assert torch.allclose(found[0], found[1], rtol=1e-4, atol=1e-4 * found[0].abs().max().item())


def test_without_gradients_both_stacks_are_the_same_function() -> None:
    model = build_model(reversible=True)
    bits = random_bits(2, 100)
    with torch.no_grad():
        recomputed = model(bits)
        model.recomputes_activations = False
        assert torch.equal(recomputed, model(bits))


def test_a_reversible_model_is_another_function_than_a_plain_one() -> None:
    bits = random_bits(2, 100)
    assert not torch.allclose(build_model()(bits), build_model(reversible=True)(bits))


def saved_bytes(model: BitTransformerLM, bits: Tensor) -> int:
    """The bytes of all different tensors that wait for the backward pass, weights left out."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        loss = model(bits, return_loss=True)
    assert loss.requires_grad
    return sum(saved.values())


def test_what_waits_for_backward_grows_with_depth_only_without_reversible_blocks() -> None:
    bits = random_bits(4, 128)
    sizes = {
        (reversible, depth): saved_bytes(build_model(depth=depth, reversible=reversible), bits)
        for reversible in (False, True)
        for depth in (2, 4, 8)
    }
    assert sizes[True, 8] == sizes[True, 4] == sizes[True, 2]
    per_block = (sizes[False, 4] - sizes[False, 2]) / 2
    assert sizes[False, 8] - sizes[False, 4] == pytest.approx(4 * per_block, rel=0.01)
    assert sizes[True, 8] < sizes[False, 8] / 3
