"""Causal self-attention over patches, with rotary positions, for a whole sequence or a cache."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bit_transformer.model.cache import LayerCache
from bit_transformer.model.config import ModelConfig

__all__ = ["CausalSelfAttention", "rotary_tables"]

SHORT_PATCHES = 512
"""Up to here a CPU is quicker with the whole table of attention weights than in blocks of it."""


def rotary_tables(
    first: int, length: int, head_dim: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the cosines and sines, (N, head_dim / 2) float32, of N positions from ``first`` on.

    Source: Su et al. 2021, RoFormer, section 3.4.2.
    """
    half = head_dim // 2
    frequencies = 10_000.0 ** (-torch.arange(half, device=device, dtype=torch.float32) / half)
    positions = torch.arange(first, first + length, device=device, dtype=torch.float32)
    angles = positions[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x_BHNC: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Return queries or keys (B, H, N, C), rotated by their position."""
    left, right = x_BHNC.chunk(2, dim=-1)
    # In the queries' own precision: a float32 product of every bfloat16 value costs two copies.
    cosines, sines = cosines.to(left.dtype), sines.to(left.dtype)
    return torch.cat([left * cosines - right * sines, right * cosines + left * sines], dim=-1)


def short_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return causal attention, (B, H, N, C), by way of the whole N x N table of weights.

    PyTorch's own computes it in blocks, whose backward pass is slow on a CPU: with 256 positions
    of bfloat16, both passes take 1.2 (two threads) to 1.3 times (one) as long as these.
    """
    length, head_dim = queries.shape[-2:]
    scores = (queries * head_dim**-0.5) @ keys.mT
    future = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1) @ values


class CausalSelfAttention(nn.Module):
    """Attention in which a patch sees itself and the patches before it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.project_in = nn.Linear(config.width, 3 * config.width, bias=False)
        self.project_out = nn.Linear(config.width, config.width, bias=False)
        self.value_skip = nn.Parameter(torch.zeros(1)) if config.has_value_skip else None

    def forward(
        self,
        x_BND: Tensor,
        embedded_BND: Tensor,
        rotary: tuple[Tensor, Tensor] | None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """Return what each position reads from the positions up to it, (B, N, D).

        Shapes: ``x_BND`` the normalised residual stream; ``embedded_BND`` the trunk's input, which
        the value skip adds to the values; ``rotary`` the tables of these N positions.
        """
        queries, keys, values = self._split_heads(x_BND, embedded_BND)
        if rotary is not None:
            queries, keys = rotate(queries, *rotary), rotate(keys, *rotary)
        mask = None
        if cache is not None:
            keys, values, mask = cache.extend(keys, values)
        if mask is None and self._is_short_on_cpu(queries):
            read_BHNC = short_attention(queries, keys, values)
        else:
            read_BHNC = functional.scaled_dot_product_attention(
                queries,
                keys,
                values,
                attn_mask=mask,
                is_causal=mask is None and queries.shape[2] > 1,
            )
        return self.project_out(read_BHNC.transpose(1, 2).flatten(-2))

    @staticmethod
    def _is_short_on_cpu(queries: Tensor) -> bool:
        return queries.device.type == "cpu" and 1 < queries.shape[2] <= SHORT_PATCHES

    def _split_heads(self, x_BND: Tensor, embedded_BND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        head_dim = self.config.head_dim
        queries, keys, values = self.project_in(x_BND).chunk(3, dim=-1)
        if self.value_skip is not None:
            values = values + (self.value_skip * embedded_BND).to(values.dtype)
        heads = [t.unflatten(-1, (-1, head_dim)).transpose(1, 2) for t in (queries, keys, values)]
        if self.config.has_qk_norm:
            for i in (0, 1):
                heads[i] = functional.rms_norm(heads[i], (head_dim,)).to(values.dtype)
        return heads[0], heads[1], heads[2]
