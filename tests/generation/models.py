"""Small models whose predictions are far from even, so that a wrong bit shows."""

from typing import Any

import torch

from bit_transformer.model import BitTransformerLM, ModelConfig

__all__ = ["build_model"]


def build_model(
    patch_bits: int = 8, context_patches: int = 16, **settings: Any
) -> BitTransformerLM:
    """A model of random weights, the zero-initialised ones included."""
    hashes = tuple(size for size in (16, 24) if size >= patch_bits)
    config = ModelConfig(
        patch_bits=patch_bits,
        width=32,
        head_dim=16,
        depth=2,
        context_patches=context_patches,
        **{"context_hash_bits": hashes, "table_rows_log2": 8, "table_width": 8, **settings},
    )
    model = BitTransformerLM(config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.eval()
