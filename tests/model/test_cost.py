from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bit_transformer.model import BitTransformerLM, ModelConfig
from bit_transformer.model.cost import (
    activation_bytes,
    flops_per_byte,
    kv_cache_bytes,
    parameter_count,
)
from tests.model.models import make_config, random_bits

CONFIGS: list[dict[str, Any]] = [
    {},
    {"patch_bits": 1},
    {"patch_bits": 3, "phase_bits": 8},
    {"patch_bits": 16},
    {"patch_bits": 27, "context_hash_bits": (32, 64)},
    {"head": "softmax"},
    {"node_vectors": 1},
    {"depth": 1, "feed_forward_factor": 3},
    {"context_hash_bits": ()},
    {"context_hash_bits": (16, 24), "table_width": 8},
    {"norm": "layernorm", "position": "learned", "has_value_skip": False},
    {"has_embedding_skip": False, "has_qk_norm": False, "activation": "gelu"},
    {"reversible": True},
    {"gradient_checkpointing": True},
]


@pytest.mark.parametrize("settings", CONFIGS)
def test_parameter_counts_are_those_of_the_built_model(settings: dict[str, Any]) -> None:
    config = make_config(**settings)
    model = BitTransformerLM(config)
    counts = parameter_count(config)
    parts = {"tables": "embedding.contexts", "blocks": ("blocks", "final_norm"), "head": "head"}
    found = {part: count_of(model, prefix) for part, prefix in parts.items()}
    found["total"] = model.num_parameters()
    found["embeddings"] = found["total"] - sum(found[part] for part in parts)
    assert counts == found


def count_of(model: BitTransformerLM, prefix: str | tuple[str, ...]) -> int:
    named = model.named_parameters()
    return sum(parameter.numel() for name, parameter in named if name.startswith(prefix))


def test_the_default_model_has_the_parameters_it_is_said_to_have() -> None:
    assert (
        parameter_count(ModelConfig())["total"] == BitTransformerLM(ModelConfig()).num_parameters()
    )


@pytest.mark.parametrize("settings", CONFIGS)
@pytest.mark.parametrize("is_training", [False, True])
def test_flops_are_those_that_pytorch_counts(settings: dict[str, Any], is_training: bool) -> None:
    config = make_config(context_patches=64, **settings)
    model = BitTransformerLM(config).train()
    bits = random_bits(2, config.context_bits)
    counter = FlopCounterMode(display=False)
    # Plain products, because the counter does not know the fused attention of every device.
    with sdpa_kernel(SDPBackend.MATH), counter:
        loss = model(bits, return_loss=True)
        if is_training:
            loss.backward()
    counted = counter.get_total_flops() * 8 / bits.numel()
    # The counter sees whole squares of attention, of which the mask leaves the half counted here.
    masked = 2 * config.depth * config.width * config.context_patches * 8 / config.patch_bits
    is_recomputed = config.reversible or config.gradient_checkpointing
    passes = (3 + is_recomputed) if is_training else 1
    expected = flops_per_byte(config, is_training=is_training) + passes * masked
    # What is recomputed stops early: nothing needs the last matrix product of a block again.
    assert counted == pytest.approx(expected, rel=0.08 if is_recomputed else 0.01)


@pytest.mark.parametrize("settings", CONFIGS)
def test_cache_bytes_are_those_of_its_tensors(settings: dict[str, Any]) -> None:
    config = make_config(**settings)
    cache = BitTransformerLM(config).start_cache(3, max_patches=11)
    tensors = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
    assert sum(tensor.nbytes for tensor in tensors) == 3 * kv_cache_bytes(config, 11)
    assert kv_cache_bytes(config, 11, value_bytes=2) * 2 == kv_cache_bytes(config, 11)


@pytest.mark.parametrize("value_bytes", [2, 4])
@pytest.mark.parametrize("depth", [2, 8])
def test_activations_are_about_as_large_as_said(depth: int, value_bytes: int) -> None:
    config = make_config(width=64, head_dim=32, depth=depth, context_patches=64)
    saved = saved_bytes(config, num_windows=5, is_bf16=value_bytes == 2)
    # The formula adds what backward itself needs, and leaves out what is small per position.
    assert 0.8 < activation_bytes(config, 5, value_bytes=value_bytes) / saved < 1.5


def test_recomputing_holds_less_and_reversible_blocks_do_not_grow() -> None:
    def estimate(depth: int, **settings: Any) -> int:
        return activation_bytes(make_config(depth=depth, **settings), 8)

    assert estimate(24, reversible=True) == estimate(4, reversible=True)
    checkpointed = estimate(24, gradient_checkpointing=True)
    assert estimate(24, reversible=True) < checkpointed < estimate(24) / 4


def saved_bytes(config: ModelConfig, num_windows: int, *, is_bf16: bool) -> int:
    """The bytes of all different tensors that wait for the backward pass, weights left out."""
    model = BitTransformerLM(config)
    bits = random_bits(num_windows, config.context_bits)
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        # Weights, and what autocast has rounded of them, are saved as well and are no activations.
        if tensor.shape[:1] in ((num_windows,), (num_windows * config.context_patches,)):
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            loss = model(bits, return_loss=True)
    assert loss.requires_grad
    return sum(saved.values())
