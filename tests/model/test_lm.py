import math
import shutil
import warnings
from functools import lru_cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from bit_transformer.errors import BitsError, InputError
from bit_transformer.model import BitTransformerLM
from tests.model.models import build_model, gradients, make_config, random_bits
from tests.strategies import bit_tensors

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "softmax": {"head": "softmax"},
    "wide": {"patch_bits": 20},
    "reversible": {"reversible": True},
    "control": {
        "position": "learned",
        "norm": "layernorm",
        "activation": "gelu",
        "initialisation": "gpt2",
        "has_qk_norm": False,
        "has_embedding_norm": False,
        "has_embedding_skip": False,
        "has_value_skip": False,
        "logit_cap": 0.0,
        "context_hash_bits": (),
    },
}

# Two float32 sums of the same terms in another order differ by rounding alone; here the sums are
# short and the logits below 15.
TOLERANCE = 2e-5


@lru_cache
def model_of_patches(patch_bits: int, variant: str = "default") -> BitTransformerLM:
    settings = {**VARIANTS[variant], "patch_bits": patch_bits}
    return build_model(**settings)


@given(data=st.data(), patch_bits=st.integers(1, 32))
def test_flipping_a_bit_changes_no_logit_up_to_that_bit_and_some_after(
    data: st.DataObject, patch_bits: int
) -> None:
    variants = sorted(VARIANTS) if patch_bits <= 8 else ["default", "reversible", "control"]
    model = model_of_patches(patch_bits, data.draw(st.sampled_from(variants)))
    num_bits = data.draw(st.integers(1, min(4 * patch_bits + 3, 16 * patch_bits)))
    flipped = data.draw(st.integers(0, num_bits - 1))
    bits = random_bits(1, num_bits, seed=data.draw(st.integers(0, 9)))
    other = bits.clone()
    other[0, flipped] ^= 1
    logits, other_logits = model(bits), model(other)
    # Exact: both calls do the same operations, and a masked position has weight zero.
    assert torch.equal(logits[:, : flipped + 1], other_logits[:, : flipped + 1])
    if flipped + 1 < num_bits:
        assert not torch.equal(logits[:, flipped + 1 :], other_logits[:, flipped + 1 :])


@pytest.mark.parametrize("patch_bits", [1, 3, 8, 9, 11, 32])
def test_every_single_bit_is_causal(patch_bits: int) -> None:
    model = model_of_patches(patch_bits)
    bits = random_bits(2 * patch_bits + 1)
    flips = bits ^ torch.eye(len(bits), dtype=torch.uint8)
    is_same = model(flips) == model(bits.expand_as(flips))
    for flipped, same in enumerate(is_same):
        assert same[: flipped + 1].all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("num_bits", [0, 1, 7, 8, 9, 40])
def test_logits_have_the_shape_of_the_bits_and_are_float32(variant: str, num_bits: int) -> None:
    model = build_model(**VARIANTS[variant])
    bits = random_bits(3, num_bits)
    batch, single = model(bits), model(bits[0])
    assert batch.shape == bits.shape
    assert batch.dtype == torch.float32
    assert single.shape == (num_bits,)
    assert torch.isfinite(batch).all()
    assert torch.allclose(single, batch[0], atol=TOLERANCE)


def test_an_empty_batch_has_empty_logits() -> None:
    assert build_model()(random_bits(0, 16)).shape == (0, 16)


@given(bits=bit_tensors(max_size=60))
def test_any_bit_string_is_data_and_bool_means_the_same_as_uint8(bits: Tensor) -> None:
    model = model_of_patches(8)
    logits = model(bits)
    assert torch.isfinite(logits).all()
    assert torch.equal(logits, model(bits.bool()))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_longer_sequence_begins_with_the_logits_of_a_shorter_one(variant: str) -> None:
    model = build_model(**VARIANTS[variant])
    bits = random_bits(2, 120)
    whole = model(bits)
    for num_bits in (1, 19, 20, 57):
        assert torch.allclose(model(bits[:, :num_bits]), whole[:, :num_bits], atol=TOLERANCE)


def test_the_rows_of_a_batch_do_not_touch_each_other() -> None:
    model = build_model()
    bits = random_bits(4, 50)
    alone = torch.cat([model(row[None]) for row in bits])
    assert torch.allclose(model(bits), alone, atol=TOLERANCE)


def test_bits_in_any_memory_layout_have_the_same_logits() -> None:
    model = build_model()
    bits = random_bits(3, 40)
    assert torch.equal(model(bits.t().contiguous().t()), model(bits))
    assert torch.equal(model(random_bits(3, 80)[:, ::2]), model(random_bits(3, 80)[:, ::2].clone()))
    assert torch.allclose(model(bits[:1].expand(3, -1))[2], model(bits)[0], atol=TOLERANCE)


@pytest.mark.parametrize("return_loss", [False, True])
@pytest.mark.parametrize(
    ("bits", "message"),
    [
        (torch.zeros(2, 8), r"float32.*convert"),
        (torch.zeros(2, 8, dtype=torch.int64), r"int64"),
        (torch.tensor([[0, 1, 2]], dtype=torch.uint8), r"has 2 at position \(0, 2\)"),
        (torch.zeros(1, 2, 8, dtype=torch.uint8), r"or \(B, T\), got \(1, 2, 8\)"),
        (torch.zeros((), dtype=torch.uint8), r"got \(\)"),
        ([0, 1, 1], r"list"),
    ],
)
def test_what_is_not_bits_is_refused(bits: Any, message: str, return_loss: bool) -> None:
    with pytest.raises(BitsError, match=message):
        build_model()(bits, return_loss=return_loss)


def test_learned_positions_end_with_an_error_and_rotary_ones_do_not() -> None:
    too_long = random_bits(1, 18 * 8)
    with pytest.raises(InputError, match=r"end after 16 patches.*needs 18 positions.*rotary"):
        build_model(position="learned")(too_long)
    assert torch.isfinite(build_model()(too_long)).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("num_bits", [1, 13, 40, 43])
def test_the_loss_is_the_mean_cross_entropy_of_the_logits_in_bits(
    variant: str, num_bits: int
) -> None:
    model = build_model(**VARIANTS[variant])
    bits = random_bits(3, num_bits)
    expected = functional.binary_cross_entropy_with_logits(model(bits), bits.float()) / math.log(2)
    loss = model(bits, return_loss=True)
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert model(bits[0], return_loss=True).shape == ()


def test_no_bits_have_no_loss() -> None:
    assert build_model()(random_bits(2, 0), return_loss=True).isnan()


def test_a_new_model_spends_exactly_one_bit_per_bit() -> None:
    model = BitTransformerLM(make_config(patch_bits=12))
    bits = random_bits(4, 100)
    assert torch.equal(model(bits), torch.zeros(4, 100))
    assert model(bits, return_loss=True).item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_gradient(variant: str) -> None:
    model = build_model(**VARIANTS[variant]).train()
    model(random_bits(2, 128), return_loss=True).backward()
    silent = [name for name, grad in gradients(model).items() if not grad.any()]
    assert silent == []


def test_the_same_seed_builds_the_same_model_and_draws_the_same_dropout() -> None:
    bits = random_bits(2, 64)
    losses = []
    for seed in (1, 1, 2):
        model = build_model(seed=seed, dropout=0.3, table_dropout=0.3).train()
        torch.manual_seed(seed)
        losses.append(model(bits, return_loss=True).item())
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_dropout_acts_in_training_only() -> None:
    model = build_model(dropout=0.3, table_dropout=0.5)
    bits = random_bits(2, 64)
    assert torch.equal(model(bits), model(bits))
    model.train()
    assert not torch.equal(model(bits), model(bits))


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_gradient_checkpointing_changes_no_gradient(dropout: float) -> None:
    bits = random_bits(2, 128)
    found = []
    for is_checkpointed in (False, True):
        model = build_model(dropout=dropout, gradient_checkpointing=is_checkpointed).train()
        torch.manual_seed(5)
        model(bits, return_loss=True).backward()
        found.append(gradients(model))
    for name, stored in found[0].items():
        # The recomputed blocks do the same operations on the same numbers.
        assert torch.equal(stored, found[1][name]), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_bf16_autocast_stays_close_to_fp32(variant: str) -> None:
    model = build_model(noise=0.1, **VARIANTS[variant])
    bits = random_bits(4, 128)
    exact = model(bits)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(bits)
        loss = model(bits, return_loss=True)
    assert rounded.dtype == loss.dtype == torch.float32
    # bfloat16 keeps 8 bits of a number; a few roundings in a row cost about 2 % of the spread.
    assert (rounded - exact).abs().mean() < 0.02 * max(exact.std().item(), 0.1)
    assert loss.item() == pytest.approx(model(bits, return_loss=True).item(), rel=5e-3)


@pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "clang++", "c++")),
    reason="torch.compile needs a C++ compiler",
)
@pytest.mark.timeout(300)
def test_the_compiled_model_is_the_eager_one() -> None:
    # Partial patches and six context lengths, because that is where compiled integers once
    # overflowed, and rows of the hashed tables came out negative.
    model = build_model(depth=1, context_hash_bits=(16, 24, 32, 40, 48, 64))
    bits = random_bits(2, 61)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # PyTorch's own, about what its compiler uses
        logits = torch.compile(model, dynamic=False, options={"compile_threads": 1})(bits)
    assert torch.allclose(logits, model(bits), atol=TOLERANCE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_parameter_groups_part_all_parameters(variant: str) -> None:
    model = build_model(**VARIANTS[variant])
    groups = model.parameter_groups()
    assert set(groups) == {"matrices", "tables", "vectors"}
    grouped = [id(parameter) for group in groups.values() for parameter in group]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(parameter) for parameter in model.parameters()}
    assert all(parameter.ndim == 2 for parameter in groups["matrices"])
    assert bool(groups["tables"]) == bool(model.config.context_hash_bits)


def test_the_matrices_are_the_weights_between_hidden_layers() -> None:
    model = build_model(patch_bits=16)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    matrices = {names[id(parameter)] for parameter in model.parameter_groups()["matrices"]}
    in_blocks = {
        f"blocks.{i}.{part}.project_{end}.weight"
        for i in range(2)
        for part in ("attention", "feed_forward")
        for end in ("in", "out")
    }
    of_the_head = {f"head.decoder.project_{end}.weight" for end in ("in", "out")}
    assert matrices == in_blocks | of_the_head | {"embedding.context_mix.weight"}


def test_num_parameters_counts_every_number_once() -> None:
    model = build_model()
    assert model.num_parameters() == sum(tensor.numel() for tensor in model.state_dict().values())
