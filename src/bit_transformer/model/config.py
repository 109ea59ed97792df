"""What a model is made of, as typed data; importable without PyTorch."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bit_transformer.errors import ConfigError

__all__ = ["MAX_TREE_BITS", "View", "ModelConfig"]

View = Literal["raw", "compressed", "direct"]

MAX_TREE_BITS = 10
"""The widest piece that the bit head factorises as one binary tree (2^10 - 1 nodes)."""


class ModelConfig(BaseModel):
    """The shape of a :class:`~bit_transformer.model.BitTransformerLM`.

    The defaults are the winners of the ablations in ``docs/log.md``; the other values of the
    switches exist to repeat them, and to build the byte-level GPT that serves as the control.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patch_bits: int = Field(8, ge=1, le=32, description="bits that the trunk sees as one position")
    width: int = Field(256, ge=8, description="channels of the trunk")
    depth: int = Field(4, ge=1, description="transformer blocks")
    head_dim: int = Field(64, ge=4, description="channels of one attention head (even)")
    context_patches: int = Field(256, ge=1, description="patches of context used in training")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="share of activations dropped")
    head: Literal["bits", "softmax"] = Field(
        "bits", description="a binary tree over each piece, or the softmax control"
    )
    reversible: bool = Field(False, description="recompute activations from the outputs")
    gradient_checkpointing: bool = Field(False, description="recompute each block in backward")

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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.width % self.head_dim:
            raise ConfigError(
                f"width {self.width} is not a multiple of head_dim {self.head_dim}; "
                "choose a head_dim that divides the width"
            )
        return self
