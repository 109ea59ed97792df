from functools import lru_cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.errors import BitsError, InputError
from bit_transformer.model import BitTransformerLM, Cache
from bit_transformer.model.cache import LayerCache
from tests.model.models import build_model, random_bits

# One position at a time, PyTorch sums the same products in another order than all at once.
TOLERANCE = 5e-5

SETTINGS: list[dict[str, Any]] = [
    {},
    {"patch_bits": 1},
    {"patch_bits": 3, "phase_bits": 8},
    {"patch_bits": 9, "phase_bits": 9},
    {"patch_bits": 20, "context_hash_bits": (24, 64)},
    {"head": "softmax"},
    {"reversible": True},
    {"position": "learned", "norm": "layernorm", "context_hash_bits": ()},
]


@lru_cache
def model_number(index: int) -> BitTransformerLM:
    return build_model(**SETTINGS[index])


def states_of_all_patches(model: BitTransformerLM, bits: Tensor, view: Any = "raw") -> Tensor:
    """The state before each patch, (B, N + 1, D), each from one call over all patches before."""
    states = []
    for num_bits in range(0, bits.shape[1] + 1, model.config.patch_bits):
        cache = model.start_cache(len(bits), max_patches=16, view=view)
        states.append(model.advance(bits[:, :num_bits], cache))
    return torch.stack(states, dim=1)


def log_probs_of_patches(model: BitTransformerLM, state: Tensor, bits_BP: Tensor) -> Tensor:
    """The log-probability of each row's patch, (B,), piece after piece."""
    total, done = torch.zeros(len(bits_BP)), 0
    for size in model.config.piece_bits:
        log_probs = model.piece_log_probs(state, bits_BP[:, :done])
        piece = bits_BP[:, done : done + size].tolist()
        values = [int("".join(map(str, row)), 2) for row in piece]
        total = total + log_probs[torch.arange(len(values)), values]
        done += size
    return total


@given(data=st.data(), index=st.integers(0, len(SETTINGS) - 1))
def test_steps_of_any_size_give_the_state_of_one_call(data: st.DataObject, index: int) -> None:
    model = model_number(index)
    chunks = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
    size = model.config.patch_bits
    bits = random_bits(2, sum(chunks) * size)
    at_once = model.start_cache(2, max_patches=16)
    expected = model.advance(bits, at_once)
    cache = model.start_cache(2, max_patches=15)
    done = 0
    for chunk in chunks:
        state = model.advance(bits[:, done * size : (done + chunk) * size], cache)
        done += chunk
        assert cache.num_patches == done
        assert torch.equal(state, cache.state)
    assert torch.allclose(cache.state, expected, atol=TOLERANCE)
    longest = max(model.config.context_hash_bits, default=0)
    mask = (1 << longest) - 1 if longest < 64 else -1
    assert torch.equal(cache.history & mask, at_once.history & mask)


@pytest.mark.parametrize("index", range(len(SETTINGS)))
@pytest.mark.parametrize("view", ["raw", "direct"])
def test_cached_probabilities_are_those_of_the_full_forward(index: int, view: Any) -> None:
    model = model_number(index)
    size = model.config.patch_bits
    bits = random_bits(3, 6 * size, seed=index)
    signs = 1.0 - 2.0 * bits.float()
    log_bits = torch.nn.functional.logsigmoid(-signs * model(bits, view=view))
    expected = log_bits.unflatten(1, (-1, size)).sum(-1)
    states = states_of_all_patches(model, bits, view)
    found = [
        log_probs_of_patches(model, states[:, n], bits[:, n * size : (n + 1) * size])
        for n in range(6)
    ]
    assert torch.allclose(torch.stack(found, dim=1), expected, atol=TOLERANCE * size)


@pytest.mark.parametrize("patch_bits", [1, 8, 10, 11, 32])
def test_piece_probabilities_sum_to_one(patch_bits: int) -> None:
    model = build_model(patch_bits=patch_bits)
    state = model.start_cache(3, max_patches=1).state
    done = 0
    for size in model.config.piece_bits:
        log_probs = model.piece_log_probs(state, random_bits(3, done))
        assert log_probs.shape == (3, 2**size)
        assert log_probs.dtype == torch.float32
        assert torch.allclose(log_probs.logsumexp(-1), torch.zeros(3), atol=1e-5)
        done += size
    assert done == patch_bits


def test_the_probabilities_of_later_pieces_depend_on_the_earlier_ones() -> None:
    model = build_model(patch_bits=16)
    state = model.start_cache(1, max_patches=1).state
    ones, zeros = torch.ones(1, 8, dtype=torch.uint8), torch.zeros(1, 8, dtype=torch.uint8)
    assert not torch.allclose(
        model.piece_log_probs(state, ones), model.piece_log_probs(state, zeros)
    )


def test_pieces_begin_where_pieces_end_and_are_bits() -> None:
    model = build_model(patch_bits=16)
    state = model.start_cache(2, max_patches=1).state
    with pytest.raises(InputError, match=r"begin at bits \[0, 8\], not after 5 bits"):
        model.piece_log_probs(state, random_bits(2, 5))
    with pytest.raises(InputError, match=r"not after 16 bits"):
        model.piece_log_probs(state, random_bits(2, 16))
    with pytest.raises(InputError, match="state has 2 rows and earlier 3"):
        model.piece_log_probs(state, random_bits(3, 8))
    with pytest.raises(BitsError, match="earlier must be uint8 or bool, got torch.float32"):
        model.piece_log_probs(state, torch.zeros(2, 8))


def test_the_first_state_needs_no_bits_and_no_patches_change_nothing() -> None:
    model = build_model()
    cache = model.start_cache(2, max_patches=3)
    first = cache.state.clone()
    assert first.shape == (2, 16)
    assert torch.equal(model.advance(random_bits(2, 0), cache), first)
    state = model.advance(random_bits(2, 8), cache)
    assert torch.equal(model.advance(random_bits(2, 0), cache), state)
    assert cache.num_patches == 1


def test_a_full_cache_refuses_more_and_stays_as_it_was() -> None:
    model = build_model()
    cache = model.start_cache(1, max_patches=3)
    state = model.advance(random_bits(1, 16), cache).clone()
    with pytest.raises(InputError, match="at most 3 patches and has 2; 2 more don't fit: start"):
        model.advance(random_bits(1, 16), cache)
    assert cache.num_patches == 2
    assert torch.equal(cache.state, state)
    model.advance(random_bits(1, 8), cache)


@pytest.mark.parametrize("shape", [(2, 12), (3, 8), (1, 8), (8,)])
def test_advance_refuses_partial_patches_and_other_batches(shape: tuple[int, ...]) -> None:
    model = build_model()
    cache = model.start_cache(2, max_patches=4)
    with pytest.raises(
        InputError, match=r"whole patches of 8 bits for 2 sequences, not bits of sh"
    ):
        model.advance(random_bits(*shape), cache)
    assert cache.num_patches == 0


def test_advance_refuses_what_is_not_bits() -> None:
    model = build_model()
    with pytest.raises(BitsError, match="int64"):
        model.advance(torch.zeros(1, 8, dtype=torch.int64), model.start_cache(1, max_patches=4))


@pytest.mark.parametrize(("batch_size", "max_patches"), [(0, 4), (-1, 4), (1, -1)])
def test_a_cache_of_impossible_size_is_refused(batch_size: int, max_patches: int) -> None:
    with pytest.raises(InputError, match=f"batch_size={batch_size} and max_patches={max_patches}"):
        build_model().start_cache(batch_size, max_patches=max_patches)


def test_a_cache_beyond_learned_positions_is_refused() -> None:
    model = build_model(position="learned")
    with pytest.raises(InputError, match=r"end after 16 patches; max_patches=17 is more"):
        model.start_cache(1, max_patches=17)
    cache = model.start_cache(1, max_patches=16)
    assert torch.isfinite(model.advance(random_bits(1, 128), cache)).all()


def test_a_cache_goes_on_beyond_the_training_context_with_rotary_positions() -> None:
    model = build_model()
    cache = model.start_cache(1, max_patches=40)
    assert torch.isfinite(model.advance(random_bits(1, 320), cache)).all()


def test_nothing_in_a_cache_has_gradients() -> None:
    model = build_model().train()
    cache = model.start_cache(1, max_patches=4)
    assert not model.advance(random_bits(1, 16), cache).requires_grad
    assert not any(layer.keys.requires_grad for layer in cache.layers)


def test_under_autocast_the_cache_holds_bf16_and_steps_agree_with_one_call() -> None:
    model = build_model(noise=0.1)
    bits = random_bits(2, 64)
    with torch.autocast("cpu", torch.bfloat16):
        expected = model.advance(bits, model.start_cache(2, max_patches=8))
        cache = model.start_cache(2, max_patches=8)
        for n in range(8):
            model.advance(bits[:, n * 8 : n * 8 + 8], cache)
    assert cache.layers[0].keys.dtype == torch.bfloat16
    # Eight bits of precision, and states whose root mean square is one.
    assert (cache.state - expected).abs().max() < 0.05


def test_a_layer_cache_masks_what_lies_ahead_only_where_several_positions_follow_others() -> None:
    keys = torch.arange(5.0).view(1, 1, 5, 1)
    cache = LayerCache(torch.empty(1, 1, 5, 1), torch.empty(1, 1, 5, 1))
    _, _, first_mask = cache.extend(keys[:, :, :2], keys[:, :, :2])
    _, _, mask = cache.extend(keys[:, :, 2:4], keys[:, :, 2:4])
    whole, values, last_mask = cache.extend(keys[:, :, 4:], keys[:, :, 4:])
    assert first_mask is None
    assert last_mask is None
    assert mask is not None
    assert mask.tolist() == [[True, True, True, False], [True, True, True, True]]
    assert torch.equal(whole, keys)
    assert torch.equal(values, keys)


def test_a_cache_without_room_says_so_before_anything_is_written() -> None:
    cache = Cache([], torch.zeros(1, dtype=torch.int64), max_patches=2, num_patches=2)
    cache.check_room(0)
    with pytest.raises(InputError, match="1 more don't fit"):
        cache.check_room(1)
    assert cache.num_patches == 2
