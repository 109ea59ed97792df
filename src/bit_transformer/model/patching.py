"""From bits to the trunk's inputs: patches, pieces, and hashed contexts of earlier patches.

Legend of shape suffixes in this room: B sequences, T bits, N patches, P bits of a patch,
K pieces of a patch, O hashed contexts, D width.

An input at position n is made of patches up to n - 1 only; the trunk stays causal because
everything here looks backwards.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bit_transformer.model.config import ModelConfig

__all__ = ["PatchEmbedding", "context_history", "patch_pieces", "patch_values"]

# The multipliers of MurmurHash3's 32-bit finaliser (Appleby 2011, public domain).
HASH_MULTIPLIERS = (0x85EBCA6B, 0xC2B2AE35)
HASH_WORD_BITS = 31
HISTORY_BITS = 64


def patch_pieces(bits_BT: Tensor, piece_bits: tuple[int, ...]) -> Tensor:
    """Return the value of every piece of every patch, most significant bit first.

    Shapes: ``bits_BT`` (B, N * P) uint8; the result (B, N, K) int64.
    """
    bits_BNP = bits_BT.unflatten(1, (-1, sum(piece_bits)))
    pieces = []
    for piece_BNS in bits_BNP.split(piece_bits, dim=-1):
        size = piece_BNS.shape[-1]
        weights = 1 << torch.arange(size - 1, -1, -1, device=bits_BT.device)
        pieces.append((piece_BNS * weights).sum(-1))
    return torch.stack(pieces, dim=-1)


def patch_values(pieces_BNK: Tensor, piece_bits: tuple[int, ...]) -> Tensor:
    """Return each patch as one int64, (B, N), from the values of its pieces."""
    values_BN = pieces_BNK[..., 0]
    for k, size in enumerate(piece_bits[1:], start=1):
        values_BN = (values_BN << size) | pieces_BNK[..., k]
    return values_BN


def context_history(values_BN: Tensor, patch_bits: int, earlier_B: Tensor, num_bits: int) -> Tensor:
    """Return, at every patch, the last ``num_bits`` bits up to and including it, as int64.

    Shapes: ``values_BN`` (B, N) int64; ``earlier_B`` (B,) int64 is the history before the first
    patch (zeros at the start of a sequence); the result (B, N) int64, wrapping beyond 64 bits.
    """
    num_back = min(-(-num_bits // patch_bits), -(-HISTORY_BITS // patch_bits))
    history_BN = values_BN.clone()
    length = values_BN.shape[1]
    for back in range(1, num_back):
        shift = back * patch_bits
        shifted = functional.pad(values_BN, (back, 0))[:, :length]
        history_BN = history_BN | (shifted << shift)
    steps = torch.arange(1, length + 1, device=values_BN.device) * patch_bits
    reach = earlier_B[:, None] << steps.clamp(max=HISTORY_BITS - 1)
    return history_BN | torch.where(steps < HISTORY_BITS, reach, 0)


def hashed_rows(history_BN: Tensor, context_bits: tuple[int, ...], num_rows_log2: int) -> Tensor:
    """Return, per context length, the row of the hashed table, as (B, N, O) int64.

    A context that is no longer than a row's number is that number: it shares its row with none.
    """
    rows = []
    for num_bits in context_bits:
        kept = history_BN & ((1 << num_bits) - 1) if num_bits < HISTORY_BITS else history_BN
        rows.append(kept if num_bits <= num_rows_log2 else _hashed(kept, num_bits, num_rows_log2))
    return torch.stack(rows, dim=-1)


def _hashed(kept_BN: Tensor, num_bits: int, num_rows_log2: int) -> Tensor:
    # Words of 31 bits times multipliers of 32 stay below 2^63. An overflow of int64 would be
    # undefined in compiled code: torch.compile has dropped the last mask and left negative rows.
    word = (1 << HASH_WORD_BITS) - 1
    mixed = torch.full_like(kept_BN, num_bits)
    for shift in range(0, num_bits, HASH_WORD_BITS):
        mixed = mixed ^ ((kept_BN >> shift) & word)
        mixed = (mixed * HASH_MULTIPLIERS[0]) & word
        mixed = mixed ^ (mixed >> 15)
    mixed = (mixed * HASH_MULTIPLIERS[1]) & word
    return mixed >> (HASH_WORD_BITS - num_rows_log2)


class PatchEmbedding(nn.Module):
    """The trunk's input for every patch: pieces, hashed contexts, and the place in the byte."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.pieces = nn.ModuleList(
            nn.Embedding(1 << size, config.width) for size in config.piece_bits
        )
        self.phase = (
            nn.Embedding(config.num_phases, config.width) if config.num_phases > 1 else None
        )
        self.contexts = None
        self.context_mix = None
        if config.context_hash_bits:
            num_contexts = len(config.context_hash_bits)
            # Memory of zeros is taken when it is first written, and fifty million random numbers
            # that nobody uses would take a second.
            num_rows = num_contexts << config.table_rows_log2
            self.contexts = nn.Embedding.from_pretrained(
                torch.zeros(num_rows, config.table_width), freeze=False, sparse=True
            )
            if num_contexts * config.table_width != config.width:
                self.context_mix = nn.Linear(
                    num_contexts * config.table_width, config.width, bias=False
                )

    def forward(self, pieces_BNK: Tensor, history_BN: Tensor, first_patch: int = 0) -> Tensor:
        """Return the embeddings (B, N, D) of N patches that begin at patch ``first_patch``.

        Shapes: ``pieces_BNK`` (B, N, K) int64; ``history_BN`` (B, N) int64, as
        :func:`context_history` gives it.
        """
        embedded_BND = self.pieces[0](pieces_BNK[..., 0])
        for k, table in enumerate(self.pieces[1:], start=1):
            embedded_BND = embedded_BND + table(pieces_BNK[..., k])
        if self.phase is not None:
            # The phase is that of the patch to be predicted, one after the patch that is embedded.
            patches = torch.arange(pieces_BNK.shape[1], device=pieces_BNK.device) + first_patch + 1
            embedded_BND = embedded_BND + self.phase(patches % self.config.num_phases)
        if self.contexts is not None:
            embedded_BND = embedded_BND + self._context_embedding(history_BN)
        return embedded_BND

    def _context_embedding(self, history_BN: Tensor) -> Tensor:
        assert self.contexts is not None
        config = self.config
        rows_BNO = hashed_rows(history_BN, config.context_hash_bits, config.table_rows_log2)
        tables = torch.arange(rows_BNO.shape[-1], device=rows_BNO.device) << config.table_rows_log2
        contexts = self.contexts(rows_BNO + tables)
        if self.training and config.table_dropout > 0.0:
            contexts = contexts * self._kept_contexts(rows_BNO)[..., None]
        mixed = contexts.flatten(-2)
        return mixed if self.context_mix is None else self.context_mix(mixed)

    def _kept_contexts(self, rows_BNO: Tensor) -> Tensor:
        """Return which contexts stay, (B, N, O) bool: all, or at some places the shortest few.

        In fresh data a long context is often one that was never seen, and so are all longer ones;
        on the second pass over the training data none is. Dropping them keeps the two alike.
        """
        batch_size, num_patches, num_contexts = rows_BNO.shape
        device = rows_BNO.device
        is_whole = (
            torch.rand(batch_size, num_patches, 1, device=device) >= self.config.table_dropout
        )
        num_kept = torch.randint(num_contexts, (batch_size, num_patches, 1), device=device)
        return is_whole | (torch.arange(num_contexts, device=device) < num_kept)
