"""The weights that a model starts from."""

import math

import torch
from torch import nn

from bit_transformer.model.config import ModelConfig

__all__ = ["initialise"]

GPT2_STD = 0.02


def initialise(model: nn.Module, config: ModelConfig) -> None:
    """Fill every parameter of a new ``model`` in place, drawing from PyTorch's global generator.

    Source: zero output matrices as in modded-nanogpt's records; "gpt2" is Radford et al. 2019 with
    the residual scaling of section 2.3.
    """
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear):
                _initialise_linear(name, module, config)
            elif isinstance(module, nn.Embedding):
                _initialise_embedding(name, module, config)


def _initialise_linear(name: str, module: nn.Linear, config: ModelConfig) -> None:
    is_output = name.endswith("project_out")
    if config.initialisation == "gpt2":
        std = GPT2_STD / math.sqrt(2 * config.depth) if is_output else GPT2_STD
        nn.init.normal_(module.weight, std=std)
    elif is_output or name.startswith(("head.nodes", "head.values")):
        nn.init.zeros_(module.weight)
    else:
        nn.init.normal_(module.weight, std=0.5 / math.sqrt(module.in_features))


def _initialise_embedding(name: str, module: nn.Embedding, config: ModelConfig) -> None:
    if name.endswith("contexts"):
        return  # made of zeros, most of which are never written
    is_gpt2 = config.initialisation == "gpt2"
    nn.init.normal_(module.weight, std=GPT2_STD if is_gpt2 else 1.0)
