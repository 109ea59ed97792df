import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from bit_transformer.model.attention import (
    CausalSelfAttention,
    rotary_tables,
    rotate,
    short_attention,
)
from tests.model.models import make_config

CPU = torch.device("cpu")


def random_attention(**settings: object) -> CausalSelfAttention:
    torch.manual_seed(0)
    attention = CausalSelfAttention(make_config(**settings))
    if attention.value_skip is not None:
        torch.nn.init.constant_(attention.value_skip, 0.5)
    return attention


def slow_attention(
    attention: CausalSelfAttention, x_ND: Tensor, embedded_ND: Tensor, tables: tuple[Tensor, Tensor]
) -> Tensor:
    """One head and one position after the other."""
    config = attention.config
    queries, keys, values = (x_ND @ attention.project_in.weight.T).chunk(3, dim=-1)
    if attention.value_skip is not None:
        values = values + attention.value_skip * embedded_ND
    read = torch.zeros_like(x_ND)
    for h in range(config.num_heads):
        head = slice(h * config.head_dim, (h + 1) * config.head_dim)
        for n in range(len(x_ND)):
            scores = torch.stack(
                [
                    turn(queries[n, head], tables, n) @ turn(keys[m, head], tables, m)
                    for m in range(n + 1)
                ]
            )
            weights = (scores / math.sqrt(config.head_dim)).softmax(0)
            read[n, head] = weights @ values[: n + 1, head]
    return read @ attention.project_out.weight.T


def turn(vector: Tensor, tables: tuple[Tensor, Tensor], position: int) -> Tensor:
    """A normalised vector as complex numbers, turned by the angles of its position."""
    vector = functional.rms_norm(vector, vector.shape)
    left, right = vector.chunk(2)
    angles = torch.complex(tables[0][position], tables[1][position])
    turned = torch.complex(left, right) * angles
    return torch.cat([turned.real, turned.imag])


def test_attention_is_its_slow_plain_twin() -> None:
    attention = random_attention()
    x_BND, embedded_BND = torch.randn(2, 6, 16), torch.randn(2, 6, 16)
    tables = rotary_tables(0, 6, 8, CPU)
    read = attention(x_BND, embedded_BND, tables)
    for b in range(2):
        twin = slow_attention(attention, x_BND[b], embedded_BND[b], tables)
        assert torch.allclose(read[b], twin, atol=1e-5)


def test_a_position_reads_nothing_that_comes_later() -> None:
    attention = random_attention()
    x_BND, embedded_BND = torch.randn(1, 6, 16), torch.randn(1, 6, 16)
    tables = rotary_tables(0, 6, 8, CPU)
    read = attention(x_BND, embedded_BND, tables)
    x_BND[:, 4:], embedded_BND[:, 4:] = 9.0, 9.0
    changed = attention(x_BND, embedded_BND, tables)
    assert torch.equal(read[:, :4], changed[:, :4])
    assert not torch.allclose(read[:, 4:], changed[:, 4:])


@given(st.integers(0, 5000), st.integers(0, 200), st.integers(0, 200))
def test_rotation_keeps_lengths_and_tells_distances_alone(first: int, one: int, two: int) -> None:
    torch.manual_seed(0)
    vectors = torch.randn(2, 1, 1, 1, 8)

    def product(position: int, other: int) -> float:
        tables = [rotary_tables(place, 1, 8, CPU) for place in (position, other)]
        turned = [rotate(vector, *table) for vector, table in zip(vectors, tables, strict=True)]
        assert torch.allclose(turned[0].norm(), vectors[0].norm(), rtol=1e-5)
        return (turned[0] * turned[1]).sum().item()

    # Angles reach 5,200 radians, of which float32 keeps three decimals.
    assert abs(product(one, two) - product(first + one, first + two)) < 5e-3


def test_rotary_tables_of_later_positions_continue_the_earlier_ones() -> None:
    whole, later = rotary_tables(0, 12, 8, CPU), rotary_tables(5, 7, 8, CPU)
    assert torch.equal(whole[0][5:], later[0])
    assert torch.equal(whole[1][5:], later[1])
    assert torch.equal(whole[0][0], torch.ones(4))


def test_without_positions_attention_does_not_see_the_order() -> None:
    attention = random_attention()
    x_BND, embedded_BND = torch.randn(1, 5, 16), torch.randn(1, 5, 16)
    order = torch.tensor([2, 0, 3, 1, 4])
    last = attention(x_BND, embedded_BND, None)[:, -1]
    shuffled = attention(x_BND[:, order], embedded_BND[:, order], None)[:, -1]
    assert torch.allclose(last, shuffled, atol=1e-6)
    tables = rotary_tables(0, 5, 8, CPU)
    turned = attention(x_BND[:, order], embedded_BND[:, order], tables)[:, -1]
    assert not torch.allclose(attention(x_BND, embedded_BND, tables)[:, -1], turned, atol=1e-4)


def test_the_value_skip_adds_the_trunks_input_to_the_values() -> None:
    attention = random_attention()
    x_BND = torch.randn(1, 1, 16)
    with_skip = attention(x_BND, torch.ones(1, 1, 16), None)
    without = attention(x_BND, torch.zeros(1, 1, 16), None)
    # A single position reads its own value alone.
    expected = attention.project_out(torch.full((1, 1, 16), 0.5))
    assert torch.allclose(with_skip - without, expected, atol=1e-6)
    assert random_attention(has_value_skip=False).value_skip is None


@given(num_patches=st.integers(2, 40), seed=st.integers(0, 2**31))
def test_attention_through_the_whole_table_is_the_one_of_pytorch(num_patches, seed):
    generator = torch.Generator().manual_seed(seed)
    queries, keys, values = (
        torch.randn(2, 3, num_patches, 8, generator=generator) for _ in range(3)
    )
    expected = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    torch.testing.assert_close(short_attention(queries, keys, values), expected)


def test_sequences_that_are_long_or_short_for_the_table_read_the_same(monkeypatch):
    attention, x_BND = random_attention(), torch.randn(2, 9, make_config().width)
    tables = rotary_tables(0, 9, attention.config.head_dim, CPU)
    short = attention(x_BND, x_BND, tables)
    monkeypatch.setattr("bit_transformer.model.attention.SHORT_PATCHES", 8)
    torch.testing.assert_close(attention(x_BND, x_BND, tables), short)
