import math
import shutil
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from bit_transformer.errors import InputError
from bit_transformer.model import VIEWS
from tests.model.models import build_model, gradients, random_bits

# Two float32 sums of the same terms in another order differ by rounding alone.
TOLERANCE = 2e-5


def test_the_compressed_view_is_transparent_and_the_direct_one_changes_every_bit() -> None:
    model = build_model()
    bits = random_bits(20)
    raw, compressed, direct = (model(bits, view=view) for view in VIEWS)
    assert torch.equal(raw, model(bits))
    assert torch.equal(raw, compressed)
    assert (raw != direct).all()


@pytest.mark.parametrize("settings", [{}, {"reversible": True}, {"position": "learned"}])
def test_each_row_has_the_view_that_it_is_given(settings: dict[str, Any]) -> None:
    model = build_model(**settings)
    bits = random_bits(4, 43)
    names = ["direct", "raw", "compressed", "direct"]
    by_view = {view: model(bits, view=view) for view in VIEWS}
    mixed = model(bits, view=names)
    for row, view in enumerate(names):
        assert torch.equal(mixed[row], by_view[view][row])
    for dtype in (torch.int64, torch.int32, torch.uint8):
        places = torch.tensor([VIEWS.index(view) for view in names], dtype=dtype)
        assert torch.equal(model(bits, view=places), mixed)


def test_a_cache_begins_with_the_view_of_each_row() -> None:
    model = build_model()
    cache = model.start_cache(3, max_patches=2, view=["raw", "direct", "compressed"])
    alone = [model.start_cache(1, max_patches=2, view=view).state for view in VIEWS]
    for row, place in enumerate([0, 2, 0]):
        assert torch.allclose(cache.state[row], alone[place][0], atol=TOLERANCE)
    assert not torch.allclose(cache.state[0], cache.state[1], atol=TOLERANCE)


@pytest.mark.parametrize("num_bits", [0, 20])
def test_an_unknown_view_is_refused_with_the_known_ones(num_bits: int) -> None:
    model: Any = build_model()
    with pytest.raises(InputError, match="unknown view 'zip'; choose one of raw, compressed, dir"):
        model(random_bits(num_bits), view="zip")
    with pytest.raises(InputError, match="unknown view 'zip'"):
        model.start_cache(1, max_patches=2, view=["zip"])


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (["raw"], "got 1 views for 2 sequences"),
        (torch.tensor([0, 1, 2]), r"shape \(3,\); for 2 sequences"),
        (torch.tensor([0.0, 1.0]), "float32"),
        (torch.tensor([True, False]), "bool"),
        (torch.tensor([0, 3]), "view has 3; a place in raw, compressed, direct is from 0 to 2"),
        (torch.tensor([-1, 0]), "view has -1"),
    ],
)
def test_views_that_do_not_fit_the_rows_are_refused(view: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_model()(random_bits(2, 8), view=view)


@pytest.mark.parametrize("head", ["bits", "softmax"])
@pytest.mark.parametrize("num_bits", [1, 13, 40])
def test_the_loss_of_every_bit_is_its_cross_entropy_and_their_mean_is_the_loss(
    head: str, num_bits: int
) -> None:
    model = build_model(head=head)
    bits = random_bits(3, num_bits)
    losses = model(bits, return_loss="bits")
    logits = model(bits)
    expected = functional.binary_cross_entropy_with_logits(logits, bits.float(), reduction="none")
    assert losses.dtype == torch.float32
    assert torch.allclose(losses, expected / math.log(2), atol=TOLERANCE)
    assert torch.equal(losses < 1, (logits > 0) == (bits > 0))
    assert losses.mean().item() == pytest.approx(model(bits, return_loss=True).item(), rel=1e-5)
    assert model(bits[0], return_loss="bits").shape == (num_bits,)


@given(data=st.data(), head=st.sampled_from(["bits", "softmax"]), patch_bits=st.integers(1, 9))
def test_padding_has_no_part_in_logits_and_losses(
    data: st.DataObject, head: str, patch_bits: int
) -> None:
    model = build_model(head=head, patch_bits=patch_bits)
    num_bits = data.draw(st.integers(1, 50))
    lengths = data.draw(st.lists(st.integers(0, num_bits), min_size=1, max_size=3))
    bits = random_bits(len(lengths), num_bits, seed=data.draw(st.integers(0, 5)))
    other = bits.clone()
    for row, length in enumerate(lengths):
        other[row, length:] ^= 1
    ends = torch.tensor(lengths)
    logits, losses = model(bits, lengths=ends), model(bits, lengths=ends, return_loss="bits")
    for row, length in enumerate(lengths):
        assert torch.equal(logits[row, :length], model(bits)[row, :length])
        assert not logits[row, length:].any()
        assert not losses[row, length:].any()
    # Exact: what is behind a row's end is masked, and nothing before it looks there.
    assert torch.equal(logits, model(other, lengths=ends))
    assert torch.equal(losses, model(other, lengths=ends, return_loss="bits"))
    mean = model(bits, lengths=ends, return_loss=True)
    if sum(lengths):
        assert mean.item() == pytest.approx(losses.sum().item() / sum(lengths), rel=1e-5)
    else:
        assert mean.isnan()


def test_padding_has_no_part_in_gradients() -> None:
    model = build_model()
    bits = random_bits(2, 40)
    lengths = torch.tensor([40, 16])
    found = []
    for behind in (0, 1):
        bits[1, 16:] = behind
        model.zero_grad()
        model(bits, view=["raw", "direct"], lengths=lengths, return_loss=True).backward()
        found.append(gradients(model))
    for name, gradient in found[0].items():
        assert torch.equal(gradient, found[1][name]), name


def test_the_rows_of_each_view_teach_their_own_start_state() -> None:
    model = build_model()
    model(random_bits(2, 40), view=["compressed", "direct"], return_loss=True).backward()
    gradient = model.start.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([8]), r"shape \(1,\); for 2 sequences"),
        (torch.tensor([8.0, 8.0]), "float32"),
        (torch.tensor([9, 8]), "lengths has 9, and the sequences have 8 bits"),
        (torch.tensor([-1, 8]), "lengths has -1"),
    ],
)
def test_lengths_that_do_not_fit_the_rows_are_refused(lengths: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_model()(random_bits(2, 8), lengths=lengths)


def test_another_kind_of_loss_is_refused() -> None:
    model: Any = build_model()
    with pytest.raises(InputError, match="return_loss is 'sum'"):
        model(random_bits(2, 8), return_loss="sum")


def test_no_bits_have_no_losses() -> None:
    model = build_model()
    assert model(random_bits(2, 0), return_loss="bits").shape == (2, 0)
    assert model(random_bits(0, 8), view=[], return_loss="bits").shape == (0, 8)
    lengths = torch.zeros(2, dtype=torch.int64)
    assert model(random_bits(2, 0), lengths=lengths, return_loss=True).isnan()


@pytest.mark.skipif(
    not any(shutil.which(name) for name in ("g++", "clang++", "c++")),
    reason="torch.compile needs a C++ compiler",
)
@pytest.mark.timeout(300)
def test_the_compiled_model_takes_views_and_lengths_as_tensors() -> None:
    model = build_model(depth=1)
    bits = random_bits(2, 24)
    options: dict[str, Any] = {
        "view": torch.tensor([0, 2]),
        "lengths": torch.tensor([24, 13]),
        "return_loss": "bits",
    }
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # PyTorch's own, about what its compiler uses
        compiled = torch.compile(
            model, dynamic=False, fullgraph=True, options={"compile_threads": 1}
        )
        losses = compiled(bits, **options)
    assert torch.allclose(losses, model(bits, **options), atol=TOLERANCE)
