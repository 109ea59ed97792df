"""Small models whose weights are all random, so that every path through them shows."""

from typing import Any

import torch
from torch import Tensor

from bit_transformer.model import BitTransformerLM, ModelConfig

__all__ = ["build_model", "gradients", "make_config", "random_bits"]


def make_config(**settings: Any) -> ModelConfig:
    """A configuration of a model that fits in a few kilobytes."""
    small = {
        "width": 16,
        "head_dim": 8,
        "depth": 2,
        "context_patches": 16,
        "context_hash_bits": (16, 24),
        "table_rows_log2": 6,
        "table_width": 4,
        "table_dropout": 0.0,
    }
    return ModelConfig(**{**small, **settings})


def build_model(*, seed: int = 0, noise: float = 0.3, **settings: Any) -> BitTransformerLM:
    """A model in evaluation mode whose zero-initialised weights are random, too."""
    torch.manual_seed(seed)
    model = BitTransformerLM(make_config(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(noise * torch.randn(parameter.shape))
    return model.eval()


def random_bits(*shape: int, seed: int = 0) -> Tensor:
    """Random bits, uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, shape, dtype=torch.uint8, generator=generator)


def gradients(model: BitTransformerLM) -> dict[str, Tensor]:
    """A dense copy of every parameter's gradient; None of them may be missing."""
    found = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, f"{name} has no gradient"
        found[name] = parameter.grad.to_dense().clone()
    return found
