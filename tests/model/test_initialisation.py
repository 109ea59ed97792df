import math
from typing import Any

import pytest
import torch
from torch import nn

from bit_transformer.model import BitTransformerLM
from tests.model.models import make_config


def new_model(**settings: Any) -> BitTransformerLM:
    torch.manual_seed(0)
    return BitTransformerLM(make_config(width=64, head_dim=32, **settings))


@pytest.mark.parametrize("head", ["bits", "softmax"])
def test_output_matrices_heads_and_tables_begin_at_zero(head: str) -> None:
    weights = dict(new_model(head=head).named_parameters())
    ends = ("project_out.weight", "contexts.weight", "nodes.0.weight", "values.weight")
    zero = {name for name, weight in weights.items() if weight.ndim == 2 and not weight.any()}
    assert zero == {name for name in weights if name.endswith(ends)}


def test_other_matrices_keep_the_scale_of_what_they_read() -> None:
    for name, module in new_model(patch_bits=16).named_modules():
        if isinstance(module, nn.Linear) and module.weight.any():
            expected = 0.5 / math.sqrt(module.in_features)
            assert module.weight.std().item() == pytest.approx(expected, rel=0.1), name
        if isinstance(module, nn.Embedding) and module.weight.any() and module.num_embeddings > 99:
            assert module.weight.std().item() == pytest.approx(1.0, rel=0.1), name


def test_gpt2_draws_every_matrix_and_shrinks_what_is_added_to_the_residual() -> None:
    model = new_model(initialisation="gpt2", depth=8)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            expected = 0.02 / math.sqrt(16) if name.endswith("project_out") else 0.02
            assert module.weight.std().item() == pytest.approx(expected, rel=0.1), name
    assert model.embedding.pieces[0].get_parameter("weight").std() < 0.025


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    models = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        models.append(BitTransformerLM(make_config()).state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    assert not torch.equal(models[0]["start.weight"], models[2]["start.weight"])


def test_the_default_model_is_built_from_the_defaults_alone() -> None:
    model = BitTransformerLM(make_config())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
