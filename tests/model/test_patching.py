import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.model.patching import (
    PatchEmbedding,
    context_history,
    hashed_rows,
    patch_pieces,
    patch_values,
)
from tests.model.models import build_model, make_config, random_bits


def signed(value: int, num_bits: int = 64) -> int:
    """The last bits of ``value`` as an int64 holds them."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def slow_history(bits: list[int], patch_bits: int) -> list[int]:
    """All bits up to the end of each patch, as one integer of any size."""
    text = "".join(map(str, bits))
    return [int(text[:end], 2) for end in range(patch_bits, len(bits) + 1, patch_bits)]


def values_of(bits: Tensor, patch_bits: int) -> Tensor:
    sizes = make_config(patch_bits=patch_bits).piece_bits
    return patch_values(patch_pieces(bits, sizes), sizes)


@given(data=st.data(), patch_bits=st.integers(1, 32))
def test_pieces_are_the_bits_read_as_numbers(data: st.DataObject, patch_bits: int) -> None:
    sizes = make_config(patch_bits=patch_bits).piece_bits
    bits = random_bits(2, 3 * patch_bits, seed=data.draw(st.integers(0, 99)))
    text = "".join(map(str, bits[1].tolist()))
    first = patch_bits  # the second patch of the second row
    expected = []
    for size in sizes:
        expected.append(int(text[first : first + size], 2))
        first += size
    pieces = patch_pieces(bits, sizes)
    assert pieces.shape == (2, 3, len(sizes))
    assert pieces[1, 1].tolist() == expected
    assert patch_values(pieces, sizes)[1, 1] == int(text[patch_bits : 2 * patch_bits], 2)


@given(
    patch_bits=st.integers(1, 32),
    num_patches=st.integers(1, 20),
    num_bits=st.integers(1, 64),
    seed=st.integers(0, 99),
)
def test_the_history_is_the_latest_bits(
    patch_bits: int, num_patches: int, num_bits: int, seed: int
) -> None:
    bits = random_bits(1, num_patches * patch_bits, seed=seed)
    start = torch.zeros(1, dtype=torch.int64)
    history = context_history(values_of(bits, patch_bits), patch_bits, start, num_bits)
    mask = (1 << num_bits) - 1
    expected = [signed(value & mask) for value in slow_history(bits[0].tolist(), patch_bits)]
    assert [signed(value & mask) for value in history[0].tolist()] == expected


@given(
    patch_bits=st.integers(1, 32),
    num_first=st.integers(1, 12),
    num_second=st.integers(1, 12),
    num_bits=st.integers(1, 64),
    seed=st.integers(0, 99),
)
def test_the_history_goes_on_from_where_it_was(
    patch_bits: int, num_first: int, num_second: int, num_bits: int, seed: int
) -> None:
    bits = random_bits(2, (num_first + num_second) * patch_bits, seed=seed)
    values = values_of(bits, patch_bits)
    start = torch.zeros(2, dtype=torch.int64)
    whole = context_history(values, patch_bits, start, num_bits)
    first = context_history(values[:, :num_first], patch_bits, start, num_bits)
    second = context_history(values[:, num_first:], patch_bits, first[:, -1], num_bits)
    mask = signed((1 << num_bits) - 1)
    assert torch.equal(torch.cat([first, second], dim=1) & mask, whole & mask)


def test_no_patches_have_no_history() -> None:
    nothing = torch.zeros(2, 0, dtype=torch.int64)
    assert context_history(nothing, 8, torch.zeros(2, dtype=torch.int64), 24).shape == (2, 0)


@given(
    history=st.integers(-(2**63), 2**63 - 1),
    num_bits=st.integers(1, 64),
    num_rows_log2=st.integers(1, 28),
)
def test_rows_lie_in_the_table_and_depend_on_the_context_alone(
    history: int, num_bits: int, num_rows_log2: int
) -> None:
    beyond = signed(history ^ (1 << num_bits)) if num_bits < 64 else history
    rows = hashed_rows(torch.tensor([[history, beyond]]), (num_bits,), num_rows_log2)
    assert rows.shape == (1, 2, 1)
    assert 0 <= rows.min() <= rows.max() < 2**num_rows_log2
    assert rows[0, 0] == rows[0, 1]


def test_contexts_no_longer_than_a_row_number_share_no_rows() -> None:
    rows = hashed_rows(torch.arange(4096)[None], (12,), 12)
    assert torch.equal(rows[0, :, 0], torch.arange(4096))


@pytest.mark.parametrize("num_bits", [13, 24, 32, 48, 63, 64])
@pytest.mark.parametrize("shift", [0, 8, 16, 40])
def test_contexts_spread_over_the_table_as_if_by_chance(num_bits: int, shift: int) -> None:
    # Numbers in a row, at either end of the context: what simple hashes spread worst.
    first = min(shift, num_bits - 13)
    contexts = torch.arange(1 << 13)[None] << first
    counts = hashed_rows(contexts, (num_bits,), 10)[0, :, 0].bincount(minlength=1 << 10)
    mean = (1 << 13) / (1 << 10)
    chi_square = ((counts - mean) ** 2 / mean).sum().item()
    # By chance it is 1023 with a standard deviation of 45; far above it, rows are crowded.
    assert chi_square < 1023 + 8 * 45


def test_lengths_collide_independently() -> None:
    contexts = torch.arange(1 << 13)[None]
    rows = hashed_rows(contexts, (24, 32), 10)[0]
    share = (rows[:, 0] == rows[:, 1]).float().mean().item()
    assert share < 4 / (1 << 10)


def test_rows_are_pinned_because_saved_tables_depend_on_them() -> None:
    history = torch.tensor([[0x0123456789ABCDEF, -1, 0]])
    rows = hashed_rows(history, (16, 24, 48, 64), 16)
    assert rows[0].tolist() == [
        [52719, 44565, 52826, 23808],
        [65535, 4232, 6883, 6376],
        [0, 2290, 15893, 6184],
    ]


def test_the_embedding_tells_phases_apart_where_patches_do_not_divide_the_period() -> None:
    torch.manual_seed(0)
    embedding = PatchEmbedding(make_config(patch_bits=3, phase_bits=8, context_hash_bits=()))
    assert embedding.phase is not None
    assert embedding.phase.num_embeddings == 8
    same_patch = torch.full((1, 16, 1), 5)
    embedded = embedding(same_patch, torch.zeros(1, 16, dtype=torch.int64))[0]
    assert len({tuple(row) for row in embedded.tolist()}) == 8
    assert torch.equal(embedded[:8], embedded[8:])
    # The phase is that of the patch that comes next: after patch 0 it is patch 1's, from bit 3 on.
    expected = embedding.pieces[0].get_parameter("weight")[5] + embedding.phase.weight[1]
    assert torch.equal(embedded[0], expected)


def test_phases_go_on_from_the_first_patch() -> None:
    embedding = PatchEmbedding(make_config(patch_bits=3, phase_bits=8, context_hash_bits=()))
    pieces = random_bits(1, 16, 1).long()
    history = torch.zeros(1, 16, dtype=torch.int64)
    whole = embedding(pieces, history)
    second = embedding(pieces[:, 5:], history[:, 5:], first_patch=5)
    assert torch.equal(whole[:, 5:], second)


@pytest.mark.parametrize(("patch_bits", "phase_bits"), [(8, 8), (16, 8), (9, 9), (24, 8)])
def test_patches_of_whole_periods_have_no_phase(patch_bits: int, phase_bits: int) -> None:
    config = make_config(patch_bits=patch_bits, phase_bits=phase_bits)
    assert PatchEmbedding(config).phase is None


def test_contexts_reach_further_back_than_the_patch() -> None:
    model = build_model(context_hash_bits=(24,))
    pieces = torch.full((1, 1, 1), 7)
    one, other = (model.embedding(pieces, torch.tensor([[(before << 8) | 7]])) for before in (1, 2))
    assert not torch.allclose(one, other)


def test_each_context_length_has_a_table_of_its_own() -> None:
    model = build_model(context_hash_bits=(6, 5), table_rows_log2=6, table_width=8)
    assert model.embedding.contexts is not None
    assert model.embedding.contexts.num_embeddings == 2 * 64
    assert model.embedding.context_mix is None  # two tables of 8 channels fill the width of 16
    weight = model.embedding.contexts.weight
    embedded = model.embedding(torch.zeros(1, 1, 1).long(), torch.tensor([[63]]))[0, 0]
    contexts = torch.cat([weight[63], weight[64 + 31]])
    assert torch.allclose(embedded, model.embedding.pieces[0].get_parameter("weight")[0] + contexts)


def test_table_dropout_drops_whole_positions_and_only_in_training() -> None:
    model = build_model(context_hash_bits=(16,), table_dropout=0.5, table_width=16)
    pieces = torch.zeros(1, 400, 1).long()
    history = torch.full((1, 400), 0x4142)
    with_contexts = model.embedding(pieces, history)
    assert len({tuple(row) for row in with_contexts[0].tolist()}) == 1
    model.train()
    dropped = model.embedding(pieces, history)[0]
    alone = model.embedding.pieces[0].get_parameter("weight")[0]
    is_alone = (dropped == alone).all(-1)
    assert 0.35 < is_alone.float().mean() < 0.65
    assert torch.equal(dropped[~is_alone], with_contexts[0][~is_alone])
