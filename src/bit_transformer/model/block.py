"""One transformer block: attention and a feed-forward network, each added to the residual."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bit_transformer.model.attention import CausalSelfAttention
from bit_transformer.model.cache import LayerCache
from bit_transformer.model.config import ModelConfig

__all__ = ["Block", "ChannelDropout", "FeedForward", "make_norm", "squared_relu"]


class RMSNorm(nn.Module):
    """Root-mean-square normalisation without a gain (the next matrix can learn one)."""

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return ``x_BND`` with a root mean square of one in each position."""
        return functional.rms_norm(x_BND, (x_BND.shape[-1],))


def make_norm(config: ModelConfig) -> nn.Module:
    """Return a normalisation over the width, of the kind that the configuration asks for."""
    return nn.LayerNorm(config.width, bias=False) if config.norm == "layernorm" else RMSNorm()


class ChannelDropout(nn.Module):
    """Dropout of whole channels of a sequence: one draw for all of its positions.

    A draw for every number took as long as a third of the training step of a compiled model.
    Source: Gal and Ghahramani 2016, A Theoretically Grounded Application of Dropout.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return ``x_BND``, in training with a share of its channels at zero, the others larger."""
        if not self.training or self.share == 0.0:
            return x_BND
        batch_size, _, width = x_BND.shape
        is_kept = torch.rand(batch_size, 1, width, device=x_BND.device) >= self.share
        return x_BND * (is_kept / (1.0 - self.share)).to(x_BND.dtype)


class _SquaredReLU(torch.autograd.Function):
    """ReLU² with a backward pass of two products; autograd's own takes four passes over memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = functional.relu(x)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # pyright: ignore
        (positive,) = ctx.saved_tensors
        return grads[0] * positive * 2


def squared_relu(x: Tensor) -> Tensor:
    """Return max(x, 0)². Source: So et al. 2021, Primer, section 3."""
    return _SquaredReLU.apply(x)  # pyright: ignore


class FeedForward(nn.Module):
    """Two matrices with a non-linearity between them, at every position alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.activation = config.activation
        hidden = config.feed_forward_factor * config.width
        self.project_in = nn.Linear(config.width, hidden, bias=False)
        self.project_out = nn.Linear(hidden, config.width, bias=False)

    def forward(self, x_BND: Tensor) -> Tensor:
        """Return the network's output, (B, N, D)."""
        hidden = self.project_in(x_BND)
        if self.activation == "relu2":
            hidden = squared_relu(hidden)
        else:
            hidden = functional.gelu(hidden)
        return self.project_out(hidden)


class Block(nn.Module):
    """Attention, then feed-forward; ``attend`` and ``transform`` give what each would add."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = make_norm(config)
        self.attention = CausalSelfAttention(config)
        self.feed_forward_norm = make_norm(config)
        self.feed_forward = FeedForward(config)
        self.dropout = ChannelDropout(config.dropout)
        self.embedding_skip = nn.Parameter(torch.zeros(1)) if config.has_embedding_skip else None

    def attend(
        self,
        x_BND: Tensor,
        embedded_BND: Tensor,
        rotary: tuple[Tensor, Tensor] | None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """Return what attention adds to the residual stream."""
        if self.embedding_skip is not None:
            x_BND = x_BND + self.embedding_skip * embedded_BND
        normed = self.attention_norm(x_BND)
        return self.dropout(self.attention(normed, embedded_BND, rotary, cache))

    def transform(self, x_BND: Tensor) -> Tensor:
        """Return what the feed-forward network adds to the residual stream."""
        return self.dropout(self.feed_forward(self.feed_forward_norm(x_BND)))

    def forward(
        self,
        x_BND: Tensor,
        embedded_BND: Tensor,
        rotary: tuple[Tensor, Tensor] | None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """Return the residual stream after this block, (B, N, D)."""
        x_BND = x_BND + self.attend(x_BND, embedded_BND, rotary, cache)
        return x_BND + self.transform(x_BND)
