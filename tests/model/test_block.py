import pytest
import torch
from torch import nn
from torch.nn import functional

from bit_transformer.model import BitTransformerLM
from bit_transformer.model.block import Block, ChannelDropout, FeedForward, make_norm, squared_relu
from tests.model.models import make_config


def random_block(**settings: object) -> Block:
    torch.manual_seed(0)
    block = Block(make_config(**settings))
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_(std=0.3)
    return block.eval()


def test_a_block_adds_attention_and_then_the_feed_forward_network() -> None:
    block = random_block()
    x_BND, embedded_BND = torch.randn(2, 5, 16), torch.randn(2, 5, 16)
    middle = x_BND + block.attend(x_BND, embedded_BND, None)
    assert torch.equal(block(x_BND, embedded_BND, None), middle + block.transform(middle))


def test_a_new_block_changes_nothing() -> None:
    block = BitTransformerLM(make_config(depth=1)).blocks[0]
    x_BND = torch.randn(2, 5, 16)
    assert torch.equal(block(x_BND, torch.randn(2, 5, 16), None), x_BND)


def test_the_embedding_skip_adds_the_trunks_input_before_attention() -> None:
    block = random_block()
    assert block.embedding_skip is not None
    x_BND, embedded_BND = torch.randn(1, 4, 16), torch.randn(1, 4, 16)
    mixed = functional.rms_norm(x_BND + block.embedding_skip * embedded_BND, (16,))
    expected = block.attention(mixed, embedded_BND, None)
    assert torch.allclose(block.attend(x_BND, embedded_BND, None), expected)
    assert random_block(has_embedding_skip=False).embedding_skip is None


@pytest.mark.parametrize("activation", ["relu2", "gelu"])
def test_the_feed_forward_network_has_the_activation_asked_for(activation: str) -> None:
    torch.manual_seed(0)
    network = FeedForward(make_config(activation=activation, feed_forward_factor=3))
    x_BND = torch.randn(2, 3, 16)
    hidden = network.project_in(x_BND)
    assert hidden.shape == (2, 3, 48)
    active = hidden.clamp(min=0) ** 2 if activation == "relu2" else functional.gelu(hidden)
    assert torch.allclose(network(x_BND), network.project_out(active), atol=1e-6)


def test_rms_norm_has_no_weights_and_layernorm_a_gain_without_bias() -> None:
    x_BND = 7.0 * torch.randn(2, 3, 16) + 1.0
    rms = make_norm(make_config(norm="rms"))
    assert list(rms.parameters()) == []
    assert torch.allclose(rms(x_BND).square().mean(-1), torch.ones(2, 3), atol=1e-5)
    layer = make_norm(make_config(norm="layernorm"))
    assert isinstance(layer, nn.LayerNorm)
    assert [tuple(parameter.shape) for parameter in layer.parameters()] == [(16,)]
    assert torch.allclose(layer(x_BND).mean(-1), torch.zeros(2, 3), atol=1e-5)


def test_dropout_drops_from_what_is_added_and_not_from_the_stream() -> None:
    block = random_block(dropout=0.5).train()
    x_BND, embedded_BND = torch.randn(1, 50, 16), torch.randn(1, 50, 16)
    dropped = block.attend(x_BND, embedded_BND, None) == 0.0
    assert 0.4 < dropped.float().mean() < 0.6
    assert (block(x_BND, embedded_BND, None) != 0.0).all()


def test_the_squared_relu_and_its_gradient_are_those_of_the_two_steps() -> None:
    ours = torch.linspace(-2, 2, 41, dtype=torch.float64).requires_grad_()
    plain = ours.detach().clone().requires_grad_()
    weights = torch.linspace(1, 3, 41, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((squared_relu(ours) * weights).sum(), ours)
    (expected,) = torch.autograd.grad((torch.relu(plain).square() * weights).sum(), plain)
    assert torch.equal(squared_relu(ours), torch.relu(plain).square())
    assert torch.equal(gradient, expected)


def test_dropout_drops_whole_channels_of_a_sequence_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropped = ChannelDropout(0.25).train()(torch.ones(40, 3, 500))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    torch.testing.assert_close(dropped.mean(), torch.tensor(1.0), atol=0.02, rtol=0.0)
    assert not torch.equal(dropped[0], dropped[1])


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_dropout_outside_training_changes_nothing(share: float) -> None:
    x_BND = torch.randn(2, 3, 4)
    assert ChannelDropout(share).eval()(x_BND) is x_BND
