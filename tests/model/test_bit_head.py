import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from bit_transformer.model.bit_head import BitHead, SoftmaxHead, make_head, soft_cap, tree_nodes
from tests.model.models import build_model, make_config, random_bits


def random_head(**settings: object) -> BitHead | SoftmaxHead:
    torch.manual_seed(0)
    head = make_head(make_config(context_hash_bits=(), **settings))
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    return head


def slow_tree_logits(weights: Tensor, state: Tensor, value: int, size: int) -> list[Tensor]:
    """The logit of each bit of one piece, by walking down the tree from the root."""
    logits, node, num_nodes = [], 0, (1 << size) - 1
    for place in range(size):
        logit = (weights[node] * state).sum()
        if len(weights) > num_nodes:
            for_one, for_zero = logit, (weights[num_nodes + node] * state).sum()
            logit = 2 * ((1 + for_one.exp()).log() - (1 + for_zero.exp()).log())
        logits.append(logit)
        bit = (value >> (size - 1 - place)) & 1
        node = 2 * node + 1 + bit
    return logits


@given(size=st.integers(1, 10), data=st.data())
def test_the_nodes_of_a_walk_are_those_of_a_heap(size: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, 2**size - 1))
    node, walk = 0, []
    for place in range(size):
        walk.append(node)
        node = 2 * node + 1 + ((value >> (size - 1 - place)) & 1)
    assert tree_nodes(torch.tensor(value), size).tolist() == walk


@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.parametrize("node_vectors", [1, 2])
def test_the_tree_is_its_slow_plain_twin(size: int, node_vectors: int) -> None:
    head = random_head(patch_bits=size, logit_cap=0.0, node_vectors=node_vectors)
    assert isinstance(head, BitHead)
    states = torch.randn(2, 5, 16)
    pieces = torch.randint(0, 2**size, (2, 5, 1))
    logits = head(states, pieces)
    weights = head.nodes[0].get_parameter("weight")
    for b in range(2):
        for n in range(5):
            twin = slow_tree_logits(weights, states[b, n], int(pieces[b, n, 0]), size)
            # The twin adds 16 products in another order than a matrix product does.
            assert torch.allclose(logits[b, n], torch.stack(twin), atol=1e-5)


@pytest.mark.parametrize("node_vectors", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 6])
def test_piece_probabilities_are_the_products_along_each_walk(size: int, node_vectors: int) -> None:
    head = random_head(patch_bits=size, node_vectors=node_vectors)
    state = torch.randn(1, 16)
    log_probs = head.piece_log_probs(state, torch.zeros(1, 0).long(), 0)[0]
    values = torch.arange(2**size).view(1, -1, 1)
    logits = head(state[None].expand(1, 2**size, -1), values)[0]
    bits = (values[0] >> torch.arange(size - 1, -1, -1)) & 1
    products = functional.logsigmoid(torch.where(bits == 1, logits, -logits)).sum(-1)
    assert torch.allclose(log_probs, products, atol=1e-5)
    assert torch.allclose(log_probs.exp().sum(), torch.tensor(1.0), atol=1e-5)


def test_the_softmax_head_codes_as_many_bits_as_its_cross_entropy() -> None:
    head = random_head(patch_bits=8, head="softmax")
    states, pieces = torch.randn(3, 4, 16), torch.randint(0, 256, (3, 4, 1))
    bits = (pieces >> torch.arange(7, -1, -1)) & 1
    logits = head(states, pieces)
    by_bits = functional.binary_cross_entropy_with_logits(logits, bits.float(), reduction="none")
    direct = head.bits_per_bit(states, pieces, bits)
    assert direct.shape == (3, 4, 1)
    assert torch.allclose(by_bits.mean(-1) / math.log(2), direct[..., 0], rtol=1e-4)


def test_the_softmax_heads_log_odds_are_sums_over_values() -> None:
    head = random_head(patch_bits=3, head="softmax")
    state = torch.randn(1, 1, 16)
    probabilities = head.piece_log_probs(state[0], torch.zeros(1, 0).long(), 0)[0].exp().tolist()
    logits = head(state, torch.tensor([[[0b101]]]))[0, 0].tolist()
    expected = [
        math.log(sum(probabilities[4:]) / sum(probabilities[:4])),
        math.log(sum(probabilities[6:8]) / sum(probabilities[4:6])),
        math.log(probabilities[5] / probabilities[4]),
    ]
    assert logits == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("patch_bits", [11, 16, 32])
def test_the_bits_of_a_piece_depend_on_earlier_pieces_and_on_no_later_one(patch_bits: int) -> None:
    head = random_head(patch_bits=patch_bits)
    state = torch.randn(1, 1, 16)
    sizes = head.piece_bits
    pieces = torch.zeros(1, 1, len(sizes)).long()
    plain = head(state, pieces)[0, 0]
    for k in range(len(sizes)):
        other = pieces.clone()
        other[..., k] = 1  # the last bit of piece k
        end = sum(sizes[: k + 1])
        logits = head(state, other)[0, 0]
        assert torch.equal(logits[:end], plain[:end])
        assert (logits[end:] != plain[end:]).all()


def test_wide_patches_have_the_probabilities_of_their_pieces() -> None:
    model = build_model(patch_bits=12)
    state = model.start_cache(1, max_patches=1).state
    total = torch.tensor(-torch.inf)
    first = model.piece_log_probs(state, random_bits(1, 0))[0]
    for value in range(64):
        earlier = ((torch.tensor([[value]]) >> torch.arange(5, -1, -1)) & 1).to(torch.uint8)
        patch = first[value] + model.piece_log_probs(state, earlier)[0]
        total = torch.logaddexp(total, patch.logsumexp(0))
    assert total.item() == pytest.approx(0.0, abs=1e-5)


@given(st.floats(-1e6, 1e6, allow_subnormal=False), st.floats(0.5, 50))
def test_a_capped_logit_keeps_its_sign_and_stays_below_the_cap(logit: float, cap: float) -> None:
    capped = soft_cap(torch.tensor(logit), cap).item()
    assert abs(capped) <= min(cap, abs(logit)) * (1 + 1e-5) + 1e-30
    assert capped * logit >= 0.0
    assert soft_cap(torch.tensor(logit), 0.0) == torch.tensor(logit)


def test_logits_of_a_model_stay_below_the_cap() -> None:
    logits = build_model(noise=5.0, logit_cap=3.0)(random_bits(2, 100))
    assert 2.0 < logits.abs().max() <= 3.0
