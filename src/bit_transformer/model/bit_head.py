"""From a trunk state to the log-odds of each bit of a patch.

A piece of s bits is a walk down a complete binary tree with 2^s - 1 inner nodes, in heap order
(the root is node 0; node i has children 2i + 1 and 2i + 2). A node has two vectors, one for either
value of its bit: their inner products with the state, made positive, are the evidence for that
value, and the difference is the bit's logit. With one vector the logit is linear in the state,
which a byte softmax, read out bit by bit, is not. Patches of several pieces give every piece after
the first a state of its own, made from the trunk state and the earlier pieces.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bit_transformer.model.config import ModelConfig

__all__ = ["BitHead", "PieceDecoder", "SoftmaxHead", "make_head"]


def tree_nodes(pieces: Tensor, size: int) -> Tensor:
    """Return the node passed at each of the ``size`` bits of each piece value, (..., size)."""
    depth = torch.arange(size, device=pieces.device)
    return (pieces[..., None] >> (size - depth)) + (1 << depth) - 1


def soft_cap(logits: Tensor, cap: float) -> Tensor:
    """Return ``logits`` bent smoothly into (-cap, cap); a cap of zero leaves them alone."""
    return cap * torch.tanh(logits / cap) if cap > 0.0 else logits


class PieceDecoder(nn.Module):
    """The states of the pieces after the first: a small network on the pieces before them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        sizes, width = config.piece_bits, config.width
        # One table for each pair of an earlier piece and the piece that it helps to predict.
        self.earlier = nn.ModuleDict(
            {
                f"{j}_{k}": nn.Embedding(1 << sizes[j], width)
                for k in range(1, len(sizes))
                for j in range(k)
            }
        )
        self.project_in = nn.Linear(width, 2 * width, bias=False)
        self.project_out = nn.Linear(2 * width, width, bias=False)

    def forward(self, state: Tensor, pieces: Tensor, k: int) -> Tensor:
        """Return the state, (..., D), of piece ``k`` from the trunk state and earlier pieces."""
        mixed = state
        for j in range(k):
            mixed = mixed + self.earlier[f"{j}_{k}"](pieces[..., j])
        hidden = functional.rms_norm(mixed, (mixed.shape[-1],))
        hidden = self.project_out(functional.relu(self.project_in(hidden)).square())
        return functional.rms_norm(mixed + hidden, (mixed.shape[-1],))


class BitHead(nn.Module):
    """Bit by bit: one logit per node of a binary tree, for each piece of the patch."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.piece_bits = config.piece_bits
        self.cap = config.logit_cap
        self.node_vectors = config.node_vectors
        # With two vectors, those of the value one for all nodes, and then those of zero.
        self.nodes = nn.ModuleList(
            nn.Linear(config.width, self.node_vectors * ((1 << size) - 1), bias=False)
            for size in self.piece_bits
        )
        self.decoder = PieceDecoder(config) if len(self.piece_bits) > 1 else None

    def piece_state(self, state: Tensor, pieces: Tensor, k: int) -> Tensor:
        """Return the state that predicts piece ``k``."""
        if k == 0 or self.decoder is None:
            return state
        return self.decoder(state, pieces, k)

    def forward(self, state_BND: Tensor, pieces_BNK: Tensor) -> Tensor:
        """Return the logit of every bit, (B, N, P) float32, given the bits before it."""
        logits = []
        for k, size in enumerate(self.piece_bits):
            products = self.nodes[k](self.piece_state(state_BND, pieces_BNK, k))
            nodes = tree_nodes(pieces_BNK[..., k], size)
            if self.node_vectors == 2:
                nodes = torch.cat([nodes, nodes + (1 << size) - 1], dim=-1)
            logits.append(self.node_logits(products.gather(-1, nodes)))
        return torch.cat(logits, dim=-1)

    def node_logits(self, products: Tensor) -> Tensor:
        """Return the logits of nodes, (..., M) float32, from the products of their vectors.

        Args:
            products: inner products with the state, (..., M), or (..., 2 M) with two vectors.
        """
        products = products.float()
        if self.node_vectors == 2:
            for_one, for_zero = products.chunk(2, dim=-1)
            # Twice, so that around zero the logit is the difference of the products.
            products = 2.0 * (functional.softplus(for_one) - functional.softplus(for_zero))
        return soft_cap(products, self.cap)

    def bits_per_bit(self, state_BND: Tensor, pieces_BNK: Tensor, bits_BNP: Tensor) -> Tensor:
        """Return the code length of each bit in bits, (B, N, P) float32."""
        logits = self(state_BND, pieces_BNK)
        signs = 1.0 - 2.0 * bits_BNP.to(logits.dtype)
        return functional.softplus(signs * logits) * (1.0 / math.log(2.0))

    def piece_log_probs(self, state: Tensor, pieces: Tensor, k: int) -> Tensor:
        """Return the log-probability of every value of piece ``k``, (..., 2^s) float32."""
        logits = self.node_logits(self.nodes[k](self.piece_state(state, pieces, k)))
        log_one, log_zero = functional.logsigmoid(logits), functional.logsigmoid(-logits)
        totals = logits.new_zeros((*logits.shape[:-1], 1))
        for depth in range(self.piece_bits[k]):
            level = slice((1 << depth) - 1, (2 << depth) - 1)
            branches = torch.stack([log_zero[..., level], log_one[..., level]], dim=-1)
            totals = (totals[..., None] + branches).flatten(-2)
        return totals


class SoftmaxHead(nn.Module):
    """The control: one softmax over all values of a one-piece patch, read out as bits."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.piece_bits = config.piece_bits
        self.cap = config.logit_cap
        self.values = nn.Linear(config.width, 1 << config.patch_bits, bias=False)

    def forward(self, state_BND: Tensor, pieces_BNK: Tensor) -> Tensor:
        """Return the log-odds of every bit, (B, N, P) float32, given the bits before it."""
        totals = self.piece_log_probs(state_BND, pieces_BNK, 0)
        size = self.piece_bits[0]
        value = pieces_BNK[..., 0]
        logits = []
        for depth in reversed(range(size)):
            branches = totals.unflatten(-1, (-1, 2))
            taken = (value >> (size - depth))[..., None, None].expand(*value.shape, 1, 2)
            zero_one = branches.gather(-2, taken).squeeze(-2)
            logits.append(zero_one[..., 1] - zero_one[..., 0])
            totals = branches.logsumexp(-1)
        return torch.stack(logits[::-1], dim=-1)

    def bits_per_bit(self, state_BND: Tensor, pieces_BNK: Tensor, bits_BNP: Tensor) -> Tensor:
        """Return the mean code length of the bits of each patch in bits, (B, N, 1) float32."""
        logits = soft_cap(self.values(state_BND).float(), self.cap)
        nats = functional.cross_entropy(
            logits.flatten(0, -2), pieces_BNK[..., 0].flatten(), reduction="none"
        )
        return nats.view(*bits_BNP.shape[:-1], 1) * (1.0 / (math.log(2.0) * bits_BNP.shape[-1]))

    def piece_log_probs(self, state: Tensor, pieces: Tensor, k: int) -> Tensor:
        """Return the log-probability of every value of the patch, (..., 2^P) float32."""
        del pieces, k
        return soft_cap(self.values(state).float(), self.cap).log_softmax(-1)


def make_head(config: ModelConfig) -> BitHead | SoftmaxHead:
    """Return the head that the configuration asks for."""
    return BitHead(config) if config.head == "bits" else SoftmaxHead(config)
