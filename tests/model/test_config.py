import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bit_transformer.errors import ConfigError
from bit_transformer.model import BitTransformerLM, ModelConfig
from tests.model.models import make_config


@given(st.integers(1, 32))
def test_pieces_add_up_to_the_patch_and_none_is_wider_than_a_tree(patch_bits: int) -> None:
    sizes = make_config(patch_bits=patch_bits).piece_bits
    assert sum(sizes) == patch_bits
    assert len(sizes) == (1 if patch_bits <= 10 else -(-patch_bits // 8))
    assert max(sizes) <= (10 if patch_bits <= 10 else 8)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("patch_bits", "phase_bits", "num_phases"),
    [(8, 8, 1), (1, 8, 8), (3, 8, 8), (6, 8, 4), (16, 8, 1), (9, 9, 1), (8, 9, 9), (7, 1, 1)],
)
def test_phases_are_the_places_where_patches_begin(
    patch_bits: int, phase_bits: int, num_phases: int
) -> None:
    config = make_config(patch_bits=patch_bits, phase_bits=phase_bits)
    assert config.num_phases == num_phases
    assert num_phases == len({n * patch_bits % phase_bits for n in range(200)})


def test_context_bits_and_heads_follow_from_the_other_sizes() -> None:
    config = make_config(patch_bits=6, context_patches=10, width=48, head_dim=12)
    assert config.context_bits == 60
    assert config.num_heads == 4


@pytest.mark.parametrize("width", [8, 24, 64, 96, 100, 256, 320, 1024])
def test_the_default_head_fits_every_even_width(width: int) -> None:
    config = ModelConfig(width=width)
    assert width % config.head_dim == 0
    assert config.num_heads * config.head_dim == width


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 100, "head_dim": 64}, r"width 100 is not a multiple of head_dim 64; choose"),
        ({"width": 27, "head_dim": 9}, r"head_dim 9 is odd"),
        ({"head": "softmax", "patch_bits": 11}, r"at most 10 bits, not 11; use head='bits'"),
        ({"context_hash_bits": (16, 65)}, r"context_hash_bits \[65\].*64; leave those"),
        ({"context_hash_bits": (0, 16)}, r"context_hash_bits \[0\]"),
        ({"context_hash_bits": (-8,)}, r"context_hash_bits \[-8\]"),
        ({"patch_bits": 0}, "patch_bits"),
        ({"patch_bits": 33}, "patch_bits"),
        ({"depth": 0}, "depth"),
        ({"context_patches": 0}, "context_patches"),
        ({"dropout": 1.0}, "dropout"),
        ({"table_rows_log2": 29}, "table_rows_log2"),
        ({"head": "byte"}, "head"),
        ({"widht": 64}, "widht"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_config(**settings)


def test_a_configuration_cannot_be_changed() -> None:
    config = make_config()
    with pytest.raises(ValidationError, match="frozen"):
        config.width = 32  # pyright: ignore[reportAttributeAccessIssue]


@given(st.integers(1, 32))
def test_a_configuration_survives_json(patch_bits: int) -> None:
    config = make_config(patch_bits=patch_bits, reversible=True, dropout=0.1)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_the_defaults_serve_every_patch_size() -> None:
    for patch_bits in range(1, 33):
        assert ModelConfig(patch_bits=patch_bits).patch_bits == patch_bits
    assert BitTransformerLM(ModelConfig()).num_parameters() > 1_000_000


def test_two_ways_of_recomputing_are_refused_together() -> None:
    with pytest.raises(ValueError, match="leave gradient_checkpointing off"):
        ModelConfig(reversible=True, gradient_checkpointing=True)
