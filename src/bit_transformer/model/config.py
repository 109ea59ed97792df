"""What a model is made of, as typed data; importable without PyTorch."""

import math
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bit_transformer.errors import ConfigError
from bit_transformer.settings import Settings

__all__ = ["MAX_CONTEXT_BITS", "MAX_TREE_BITS", "ModelConfig", "View"]

View = Literal["raw", "compressed", "direct"]

MAX_TREE_BITS = 10
"""The widest piece that the bit head factorises as one binary tree (2^10 - 1 nodes)."""

MAX_CONTEXT_BITS = 64
"""The longest context that is hashed: one machine word."""


def _default_head_dim(settings: dict[str, Any]) -> int:
    width = settings.get("width", 128)
    return next((size for size in (128, 96, 64, 48, 32, 16, 8) if width % size == 0), width)


class ModelConfig(Settings):
    """The shape of a :class:`~bit_transformer.model.BitTransformerLM`.

    The switches exist to measure what each element is worth (``benchmarks/ablations.py``), and to
    build the byte-level GPT that serves as the control.
    """

    patch_bits: int = Field(
        default=8, ge=1, le=32, description="bits that the trunk sees as one position"
    )
    width: int = Field(default=256, ge=8, description="channels of the trunk")
    depth: int = Field(default=4, ge=1, description="transformer blocks")
    head_dim: int = Field(
        default_factory=_default_head_dim,
        ge=4,
        description="channels of one attention head; the widest up to 128 that fits, if unset",
    )
    context_patches: int = Field(
        default=256, ge=1, description="patches of context used in training"
    )
    dropout: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="share of a sequence's channels dropped"
    )
    feed_forward_factor: int = Field(default=4, ge=1, description="hidden width over width")
    context_hash_bits: tuple[int, ...] = Field(
        default=(16, 24, 32, 40, 48, 64),
        description="lengths in bits of the hashed contexts; empty for none",
    )
    table_rows_log2: int = Field(
        default=18, ge=1, le=28, description="rows of each hashed table, log2"
    )
    table_width: int = Field(default=32, ge=1, description="channels of one row of a hashed table")
    table_dropout: float = Field(
        default=0.1,
        ge=0.0,
        lt=1.0,
        description="share of positions at which only some shorter contexts stay",
    )
    phase_bits: int = Field(
        default=8, ge=1, le=4096, description="period of the data in bits, such as 8 for bytes"
    )
    head: Literal["bits", "softmax"] = Field(
        default="bits", description="a binary tree over each piece, or the softmax control"
    )
    node_vectors: Literal[1, 2] = Field(
        default=2,
        description="vectors of a node of that tree: one a value of its bit, or one in all, as "
        "archives need it",
    )
    position: Literal["rotary", "learned"] = Field(
        default="rotary", description="how places are told"
    )
    norm: Literal["rms", "layernorm"] = Field(default="rms", description="normalisation")
    activation: Literal["relu2", "gelu"] = Field(
        default="relu2", description="feed-forward non-linearity"
    )
    initialisation: Literal["zero_out", "gpt2"] = Field(
        default="zero_out", description="output matrices at zero, or all as GPT-2 has them"
    )
    has_qk_norm: bool = Field(default=True, description="normalise queries and keys")
    has_embedding_norm: bool = Field(default=True, description="normalise the trunk's input")
    has_embedding_skip: bool = Field(
        default=True, description="add the trunk's input to every block's"
    )
    has_value_skip: bool = Field(
        default=True, description="add the trunk's input to attention's values"
    )
    logit_cap: float = Field(default=15.0, ge=0.0, description="soft cap of the logits; 0 for none")
    reversible: bool = Field(default=False, description="recompute activations from the outputs")
    gradient_checkpointing: bool = Field(
        default=False, description="recompute each block in backward"
    )

    @property
    def context_bits(self) -> int:
        """Bits of context used in training."""
        return self.context_patches * self.patch_bits

    @property
    def num_heads(self) -> int:
        """Attention heads of each block."""
        return self.width // self.head_dim

    @property
    def piece_bits(self) -> tuple[int, ...]:
        """How the bit head splits a patch: one piece up to ten bits, else pieces of at most 8."""
        if self.patch_bits <= MAX_TREE_BITS:
            return (self.patch_bits,)
        num_pieces = -(-self.patch_bits // 8)
        small, num_large = divmod(self.patch_bits, num_pieces)
        return tuple(small + (i < num_large) for i in range(num_pieces))

    @property
    def num_phases(self) -> int:
        """Places within a period of ``phase_bits`` at which a patch can begin."""
        return self.phase_bits // math.gcd(self.phase_bits, self.patch_bits)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.width % self.head_dim:
            raise ConfigError(
                f"width {self.width} is not a multiple of head_dim {self.head_dim}; "
                "choose a head_dim that divides the width"
            )
        if self.head_dim % 2:
            raise ConfigError(f"head_dim {self.head_dim} is odd; rotary positions need an even one")
        if self.reversible and self.gradient_checkpointing:
            raise ConfigError(
                "reversible blocks already recompute their activations; "
                "leave gradient_checkpointing off"
            )
        if self.head == "softmax" and len(self.piece_bits) > 1:
            raise ConfigError(
                f"the softmax head serves patches of at most {MAX_TREE_BITS} bits, not "
                f"{self.patch_bits}; use head='bits'"
            )
        bad = [n for n in self.context_hash_bits if not 1 <= n <= MAX_CONTEXT_BITS]
        if bad:
            raise ConfigError(
                f"context_hash_bits {bad} are not between 1 and {MAX_CONTEXT_BITS}; "
                "leave those lengths out"
            )
        return self
