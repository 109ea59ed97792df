import numpy as np
import pytest
import torch

from bit_transformer.archive.engine import (
    StepEngine,
    check_exportable,
    engine_of,
    export_model,
    quantise,
    read_model,
)
from bit_transformer.checkpoint import save_checkpoint
from bit_transformer.errors import ArchiveError, CheckpointError, ConfigError
from bit_transformer.model import BitTransformerLM, ModelConfig
from bit_transformer.recipes import build_config
from tests.archive.engine.engines import random_data


def make_config(**settings) -> ModelConfig:
    small = {
        "width": 64,
        "head_dim": 32,
        "depth": 2,
        "context_patches": 48,
        "context_hash_bits": (16, 24, 40, 64),
        "table_rows_log2": 10,
        "table_width": 8,
    }
    # The engine's head is that with one vector a node.
    one = {"node_vectors": 1} if "node_vectors" in ModelConfig.model_fields else {}
    return ModelConfig(**small | one | settings)


def make_model(*, noise: float = 0.05, **settings) -> BitTransformerLM:
    torch.manual_seed(0)
    model = BitTransformerLM(make_config(**settings))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(noise * torch.randn(parameter.shape))
    return model.eval()


def walked(predictions: np.ndarray, data: np.ndarray) -> np.ndarray:
    """The log-odds at the nodes that the bytes pass, (num_lanes, T, 8)."""
    bits = np.unpackbits(data[..., None], axis=-1)
    node, passed = np.ones(data.shape, int), []
    for place in range(8):
        passed.append(np.take_along_axis(predictions, node[..., None], -1)[..., 0])
        node = 2 * node + bits[..., place]
    return np.stack(passed, axis=-1) / 256


VARIANTS = [
    {},
    {"context_hash_bits": ()},
    {"context_hash_bits": (16, 24), "table_width": 32},
    {"has_embedding_skip": False, "has_value_skip": False},
    {"logit_cap": 0.0},
    {"logit_cap": 2.0},
    {"feed_forward_factor": 2, "depth": 1, "head_dim": 64},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_the_engine_says_nearly_what_the_model_says(settings):
    model = make_model(**settings)
    data = random_data(np.random.default_rng(0), 4, 48)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.unpackbits(data, axis=1))).view(4, 48, 8).numpy()
    found = walked(StepEngine(quantise(model)).sequence(data), data)
    spread = np.sqrt(np.mean(logits**2))
    assert np.sqrt(np.mean((found - np.clip(logits, -8, 8)) ** 2)) < 0.04 * spread


def test_skips_are_quantised_too():
    model = make_model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("_skip"):
                parameter.fill_(0.7)
    data = random_data(np.random.default_rng(1), 4, 48)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.unpackbits(data, axis=1))).view(4, 48, 8).numpy()
    found = walked(StepEngine(quantise(model)).sequence(data), data)
    assert np.sqrt(np.mean((found - logits) ** 2)) < 0.04 * np.sqrt(np.mean(logits**2))


def test_a_residual_stream_that_grew_in_a_long_training_is_not_clipped():
    model = make_model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "feed_forward.project_out" in name:
                parameter.mul_(50_000)
    weights = quantise(model)
    assert weights.shape.residual_one < quantise(make_model()).shape.residual_one
    data = random_data(np.random.default_rng(3), 4, 48)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.unpackbits(data, axis=1))).view(4, 48, 8).numpy()
    found = walked(StepEngine(weights).sequence(data), data)
    assert np.sqrt(np.mean((found - logits) ** 2)) < 0.06 * np.sqrt(np.mean(logits**2))


@pytest.mark.parametrize("share", [0.003, -0.003])
def test_a_first_block_that_all_but_cancels_its_input_is_not_rounded_away(share):
    model = make_model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "attention.project_out" in name:
                parameter.mul_(50_000)
            if name == "blocks.0.embedding_skip":
                parameter.fill_(share - 1)
    data = random_data(np.random.default_rng(4), 4, 48)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.unpackbits(data, axis=1))).view(4, 48, 8).numpy()
    found = walked(StepEngine(quantise(model)).sequence(data), data)
    assert np.sqrt(np.mean((found - logits) ** 2)) < 0.06 * np.sqrt(np.mean(logits**2))


def test_a_model_whose_activations_are_not_finite_is_refused():
    model = make_model()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(ArchiveError, match="not finite"):
        quantise(model)


def test_a_model_that_was_not_trained_says_nothing():
    torch.manual_seed(0)
    engine = StepEngine(quantise(BitTransformerLM(make_config())))
    data = random_data(np.random.default_rng(2), 2, 20)
    assert not engine.sequence(data).any()


def test_a_window_of_ones_own_is_that_of_the_engine():
    assert quantise(make_model(), window=7).shape.window == 7
    assert quantise(make_model()).shape.window == 48


def test_a_coarser_table_has_fewer_values():
    model = make_model(noise=0.3)
    fine, coarse = (quantise(model, table_step=step).tables for step in (0.05, 0.5))
    assert len(np.unique(coarse)) < len(np.unique(fine)) / 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch_bits": 4}, "patch_bits is 4 and must be 8"),
        ({"phase_bits": 16}, "num_phases is 2 and must be 1"),
        ({"head": "softmax"}, "head is 'softmax'"),
        ({"position": "learned", "norm": "layernorm"}, "position is .*norm is"),
        ({"activation": "gelu"}, "activation is 'gelu'"),
        ({"has_qk_norm": False}, "has_qk_norm is False"),
        ({"has_embedding_norm": False}, "has_embedding_norm is False"),
        ({"reversible": True}, "reversible is True"),
    ],
)
def test_other_kinds_of_models_are_refused_with_what_to_do(settings, message):
    with pytest.raises(ConfigError, match=f"{message}.*train --recipe archive"):
        quantise(BitTransformerLM(make_config(**settings)))


def test_the_recipe_archive_is_one_that_the_engine_runs():
    check_exportable(build_config("archive").model)


def test_a_checkpoint_is_exported_with_its_primer_and_notes(tmp_path):
    model = make_model()
    save_checkpoint(tmp_path / "checkpoint", model)
    path = tmp_path / "exported" / "model.btm"
    exported = export_model(
        tmp_path / "checkpoint", path, primer=b"to begin with", metadata={"data": "none"}
    )
    found = read_model(path)
    assert found.weights.model_hash == exported.weights.model_hash
    assert (found.primer, found.metadata) == (b"to begin with", {"data": "none"})
    assert engine_of(tmp_path / "checkpoint").model_hash == quantise(model).model_hash


def test_without_a_checkpoint_nothing_is_exported(tmp_path):
    with pytest.raises(CheckpointError, match="no finished checkpoint"):
        export_model(tmp_path, tmp_path / "model.btm")
    assert not list(tmp_path.iterdir())
