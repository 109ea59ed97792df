import numpy as np
import pytest
import torch

from bit_transformer.data import BatchViews
from bit_transformer.training.view_sums import add_sums, scores_of, sums_of, view_figures

VIEWS = BatchViews(
    views=torch.tensor([0, 1, 2, 2]),
    lengths=torch.tensor([8, 8, 8, 4]),
    source_bits=torch.tensor([8, 8, 16, 8]),
    frame_bits=torch.tensor([0, 6, 8, 4]),
)
LOSSES = torch.tensor([[0.5] * 8, [1.5] * 8, [0.25] * 8, [2.0, 0.5, 0.5, 1.0] + [0.0] * 4])


def figures(losses: torch.Tensor | None = LOSSES):
    return view_figures(scores_of(sums_of(VIEWS, losses), has_losses=losses is not None))


def test_each_view_has_its_shares_losses_and_sizes():
    assert figures() == {
        "raw": {
            "share_of_sequences": 0.25,
            "share_of_bits": 8 / 28,
            "bits_per_bit": 0.5,
            "bit_accuracy": 1.0,
        },
        "compressed": {
            "share_of_sequences": 0.25,
            "share_of_bits": 8 / 28,
            "bits_per_bit": 1.5,
            "bit_accuracy": 0.0,
            "compressed_fraction": 0.75,
            "compression_ratio": 8 / 6,
        },
        "direct": {
            "share_of_sequences": 0.5,
            "share_of_bits": 12 / 28,
            "bits_per_bit": 0.5,
            "bit_accuracy": 10 / 12,  # padding counts neither as right nor as wrong
            "bits_per_source_bit": 6 / 24,
            "compressed_fraction": 0.5,
            "compression_ratio": 2.0,
        },
    }


def test_without_losses_shares_and_sizes_are_left():
    found = figures(None)
    assert found["raw"] == {"share_of_sequences": 0.25, "share_of_bits": 8 / 28}
    assert found["direct"]["compressed_fraction"] == 0.5


def test_sums_of_parts_add_up_to_those_of_the_whole():
    whole = sums_of(VIEWS, LOSSES)
    parts: list[float] = []
    for row in range(4):
        one = BatchViews(*(values[row : row + 1] for values in VIEWS))
        parts = add_sums(parts, sums_of(one, LOSSES[row : row + 1]))
    assert parts == pytest.approx(whole)
    assert add_sums([], whole) == whole


def test_a_view_that_did_not_occur_is_left_out():
    only = BatchViews(*(values[:1] for values in VIEWS))
    assert list(view_figures(scores_of(sums_of(only, LOSSES[:1]), has_losses=True))) == ["raw"]
    assert np.sum(sums_of(only, LOSSES[:1])) == 1 + 8 + 4 + 8 + 8
