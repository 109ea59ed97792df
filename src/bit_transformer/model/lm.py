"""The bit language model: patches in, trunk over patches, one logit for every bit out.

The trunk's position n holds a learned start state (n = 0) or patch n - 1, so its output predicts
patch n; the head then walks the patch bit by bit. Hence flipping bit t changes no logit at
positions up to t.
"""

import math
from functools import partial
from typing import Literal, cast, overload

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bit_transformer.bits import check_bits
from bit_transformer.errors import BitsError, InputError
from bit_transformer.model.attention import rotary_tables
from bit_transformer.model.bit_head import SoftmaxHead, make_head
from bit_transformer.model.block import Block, ChannelDropout, make_norm
from bit_transformer.model.cache import Cache, LayerCache
from bit_transformer.model.compressed import Compressed, read_frames
from bit_transformer.model.config import ModelConfig
from bit_transformer.model.initialisation import initialise
from bit_transformer.model.patching import (
    PatchEmbedding,
    context_history,
    patch_pieces,
    patch_values,
)
from bit_transformer.model.reversible import Rotary, coupled_stack, reversible_stack
from bit_transformer.model.views import VIEWS, Views, start_rows

__all__ = ["BitTransformerLM"]


class BitTransformerLM(nn.Module):
    """A causal transformer over patches of bits, with a logit for every bit.

    Example:
        >>> model = BitTransformerLM(ModelConfig(width=64, depth=2, table_width=16))
        >>> model(torch.zeros(2, 13, dtype=torch.uint8)).shape
        torch.Size([2, 13])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = PatchEmbedding(config)
        self.start = nn.Embedding(len(VIEWS), config.width)
        self.position = (
            nn.Embedding(config.context_patches + 1, config.width)
            if config.position == "learned"
            else None
        )
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.input_dropout = ChannelDropout(config.dropout)
        self.final_norm = make_norm(config)
        self.head = make_head(config)
        self.recomputes_activations = config.reversible
        initialise(self, config)

    def forward(
        self,
        bits: Tensor,
        *,
        view: Views = "raw",
        lengths: Tensor | None = None,
        return_loss: bool | Literal["bits"] = False,
    ) -> Tensor:
        """Return the log-odds that each bit is 1, or the loss in bits per bit.

        Args:
            view: one for all rows, or one for each: names, or a tensor (B,) of places in ``VIEWS``,
                which is what to give a compiled model. ``compressed`` is read as ``raw`` is.
            lengths: (B,) integers: how many bits of each row count. What stands behind is padding:
                no bit before depends on it, its logits and losses are zero, no mean counts it.
            return_loss: True for the mean over all bits that count; ``"bits"`` for the loss of
                every bit. That loss is below 1 where the likelier bit was right, and a row's sum
                is the code length of the row.

        Shapes: ``bits`` (B, T) or (T,) of uint8 or bool, any T; the logits and the losses of every
        bit have the same shape and are float32; the mean is a float32 scalar, NaN where no bits
        count.

        Raises:
            BitsError: ``bits`` is not a tensor of zeros and ones with one or two dimensions.
            InputError: a view is unknown, views or lengths do not fit the rows, or learned
                positions end before the sequence does.
        """
        bits_BT = self._check(bits)
        batch_size, num_bits = bits_BT.shape
        start = start_rows(view, batch_size, self.start.weight.device)
        is_counted_BT = None if lengths is None else _is_counted(bits_BT, lengths)
        if return_loss not in (False, True, "bits"):
            raise InputError(f"return_loss is {return_loss!r}; choose False, True or 'bits'")
        if num_bits == 0:
            return bits_BT.sum() * torch.nan if return_loss is True else bits.to(torch.float32)
        padded_BT = functional.pad(bits_BT, (0, -num_bits % self.config.patch_bits))
        pieces_BNK = patch_pieces(padded_BT, self.config.piece_bits)
        states_BND = self._states(pieces_BNK, start)
        bits_BNP = padded_BT.unflatten(1, (-1, self.config.patch_bits))
        if return_loss is True and is_counted_BT is None:
            return self._mean_loss(states_BND, pieces_BNK, bits_BNP, num_bits)
        if return_loss:
            values_BT = self._bit_losses(states_BND, pieces_BNK, bits_BNP)[:, :num_bits]
        else:
            values_BT = self.head(states_BND, pieces_BNK).flatten(1)[:, :num_bits]
        if is_counted_BT is not None:
            values_BT = values_BT.masked_fill(~is_counted_BT, 0.0)
            if return_loss is True:
                return values_BT.sum() / is_counted_BT.sum()
        return values_BT.view(bits.shape)

    @overload
    def forward_compressed(
        self,
        compressed: Compressed,
        lengths: Tensor | None = None,
        *,
        return_lengths: Literal[False] = False,
        max_bits: int | None = None,
    ) -> Tensor: ...

    @overload
    def forward_compressed(
        self,
        compressed: Compressed,
        lengths: Tensor | None = None,
        *,
        return_lengths: Literal[True],
        max_bits: int | None = None,
    ) -> tuple[Tensor, Tensor]: ...

    def forward_compressed(
        self,
        compressed: Compressed,
        lengths: Tensor | None = None,
        *,
        return_lengths: bool = False,
        max_bits: int | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the logits of the bits that frames hold, as :meth:`forward` on those bits would.

        They are the same to the bit: of one frame as of its source (T,), of frames that hold
        equally many bits as of their sources (B, T), and of others as of their sources with zeros
        behind the shorter ones, given together with ``lengths``.

        Args:
            compressed: one frame (N,), a list of frames, or frames as rows (B, N).
            lengths: (B,), how long each of the rows' frames is; for rows only.
            return_lengths: also return how many bits each frame holds, int64, (B,) or () for one.
            max_bits: the most bits that a frame may hold; that of ``decompress_bits``, if unset.

        Shapes: the logits are (T,) for one frame and (B, T) for several, float32. T is the longest
        source; behind a shorter one the logits are zero.

        Raises:
            BitsError: the frames are not bit tensors.
            InputError: lengths without rows, rows without lengths, or learned positions end before
                a source does.
            CodecError: a frame is cut, damaged, or holds more than ``max_bits``.
        """
        bits, num_bits = read_frames(compressed, lengths, max_bits)
        logits = self(bits, view="compressed", lengths=num_bits)
        if not return_lengths:
            return logits
        if num_bits is None:
            num_bits = torch.full(bits.shape[:-1], bits.shape[-1], device=bits.device)
        return logits, num_bits

    @torch.no_grad()
    def start_cache(self, batch_size: int, *, max_patches: int, view: Views = "raw") -> Cache:
        """Return a cache for ``batch_size`` sequences of at most ``max_patches`` patches.

        Its ``state`` predicts the first patch. Nothing that passes through a cache has gradients.
        Units: memory grows with ``max_patches``; see
        :func:`bit_transformer.model.cost.kv_cache_bytes`.

        Raises:
            InputError: a count is below its least, a view is unknown or missing, or learned
                positions end before ``max_patches``.
        """
        if batch_size < 1 or max_patches < 0:
            raise InputError(
                "a cache is for one sequence or more and zero patches or more, not for "
                f"batch_size={batch_size} and max_patches={max_patches}"
            )
        config, weight = self.config, self.start.weight
        if self.position is not None and max_patches > config.context_patches:
            raise InputError(
                f"learned positions end after {config.context_patches} patches; "
                f"max_patches={max_patches} is more: lower it, or use position='rotary'"
            )
        shape = (batch_size, config.num_heads, max_patches + 1, config.head_dim)
        dtype = weight.dtype
        if torch.is_autocast_enabled(weight.device.type):
            dtype = torch.get_autocast_dtype(weight.device.type)
        space = partial(torch.empty, shape, dtype=dtype, device=weight.device)
        layers = [LayerCache(space(), space()) for _ in self.blocks]
        history = torch.zeros(batch_size, dtype=torch.int64, device=weight.device)
        cache = Cache(layers, history, max_patches)
        start_BD = self.start(start_rows(view, batch_size, weight.device)).expand(batch_size, -1)
        cache.state = self._advance_trunk(start_BD[:, None], cache)
        return cache

    @torch.no_grad()
    def advance(self, bits: Tensor, cache: Cache) -> Tensor:
        """Feed whole patches and return the trunk state, (B, D), that predicts the next one.

        Shapes: ``bits`` (B, n * P) uint8 or bool; n = 0 returns the present state.

        Raises:
            BitsError: ``bits`` is not a tensor of zeros and ones with two dimensions.
            InputError: the bits are not whole patches, or don't fit the cache.
        """
        bits_BT = self._check(bits)
        patch_bits = self.config.patch_bits
        if bits_BT.shape[1] % patch_bits or bits_BT.shape[0] != len(cache.history):
            raise InputError(
                f"advance takes whole patches of {patch_bits} bits for {len(cache.history)} "
                f"sequences, not bits of shape {tuple(bits.shape)}"
            )
        num_new = bits_BT.shape[1] // patch_bits
        cache.check_room(num_new)
        if num_new == 0:
            return cache.state
        pieces_BNK = patch_pieces(bits_BT, self.config.piece_bits)
        history_BN = self._history(pieces_BNK, cache.history)
        embedded_BND = self.embedding(pieces_BNK, history_BN, cache.num_patches)
        cache.num_patches += num_new
        cache.history = history_BN[:, -1]
        cache.state = self._advance_trunk(embedded_BND, cache)
        return cache.state

    def piece_log_probs(self, state: Tensor, earlier: Tensor) -> Tensor:
        """Return the natural log-probability of every value of the next piece, (B, 2^s) float32.

        Shapes: ``state`` (B, D) as :meth:`advance` gives it; ``earlier`` (B, k) the bits of the
        pieces of this patch that are already there. Values are pieces, most significant bit first.

        Raises:
            BitsError: ``earlier`` is not a tensor of zeros and ones with two dimensions.
            InputError: ``earlier`` does not end where a piece ends, or has other rows than
                ``state``.
        """
        earlier = check_bits(earlier, name="earlier", dims=2)
        if len(earlier) != len(state):
            raise InputError(
                f"state has {len(state)} rows and earlier {len(earlier)}; give one of each per row"
            )
        sizes = self.config.piece_bits
        ends = [sum(sizes[:k]) for k in range(len(sizes))]
        if earlier.shape[-1] not in ends:
            raise InputError(
                f"pieces of a patch begin at bits {ends}, not after {earlier.shape[-1]} bits"
            )
        k = ends.index(earlier.shape[-1])
        pieces = patch_pieces(earlier, sizes[:k])[:, 0] if k else earlier.long()
        return self.head.piece_log_probs(state, pieces, k)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters by the optimizer they want.

        ``tables``: hashed tables, of which a step touches few rows; ``matrices``: the weights
        between hidden layers; ``vectors``: all else (embeddings, head, gains).
        """
        groups: dict[str, list[nn.Parameter]] = {"matrices": [], "tables": [], "vectors": []}
        for name, parameter in self.named_parameters():
            is_hidden = name.startswith("blocks.") or "project_" in name or "context_mix" in name
            if name == "embedding.contexts.weight":
                groups["tables"].append(parameter)
            elif is_hidden and parameter.ndim == 2:
                groups["matrices"].append(parameter)
            else:
                groups["vectors"].append(parameter)
        return groups

    def num_parameters(self) -> int:
        """Return the number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())

    def _check(self, bits: Tensor) -> Tensor:
        # Reading the values would break a compiled graph, so only their type is checked there.
        if not torch.compiler.is_compiling():
            bits = check_bits(bits, name="bits", dims=(1, 2))
        elif bits.dtype not in (torch.uint8, torch.bool):
            raise BitsError(f"bits must be uint8 or bool, not {bits.dtype}; convert with .to()")
        bits = bits.view(torch.uint8)
        return bits if bits.ndim == 2 else bits[None]

    def _history(self, pieces_BNK: Tensor, earlier_B: Tensor) -> Tensor:
        values_BN = patch_values(pieces_BNK, self.config.piece_bits)
        num_bits = max(self.config.context_hash_bits, default=0)
        return context_history(values_BN, self.config.patch_bits, earlier_B, num_bits)

    def _states(self, pieces_BNK: Tensor, start: Tensor) -> Tensor:
        batch_size = pieces_BNK.shape[0]
        seen_BNK = pieces_BNK[:, :-1]
        earlier_B = torch.zeros(batch_size, dtype=torch.int64, device=pieces_BNK.device)
        embedded_BND = self.embedding(seen_BNK, self._history(seen_BNK, earlier_B))
        start_BD = self.start(start).expand(batch_size, -1)
        return self._trunk(torch.cat([start_BD[:, None], embedded_BND], dim=1))

    def _trunk_input(self, embedded_BND: Tensor, first: int) -> tuple[Tensor, Rotary]:
        length = embedded_BND.shape[1]
        rotary = None
        if self.position is None:
            rotary = rotary_tables(first, length, self.config.head_dim, embedded_BND.device)
        elif first + length > self.config.context_patches + 1:
            raise InputError(
                f"learned positions end after {self.config.context_patches} patches, and the "
                f"sequence needs {first + length} positions: shorten it, or use position='rotary'"
            )
        else:
            positions = torch.arange(first, first + length, device=embedded_BND.device)
            embedded_BND = embedded_BND + self.position(positions)
        if self.config.has_embedding_norm:
            embedded_BND = functional.rms_norm(embedded_BND, (embedded_BND.shape[-1],))
        return self.input_dropout(embedded_BND), rotary

    def _blocks(self) -> list[Block]:
        return cast(list[Block], list(self.blocks))

    def _trunk(self, embedded_BND: Tensor) -> Tensor:
        embedded_BND, rotary = self._trunk_input(embedded_BND, 0)
        if self.config.reversible:
            run = reversible_stack if self.recomputes_activations else coupled_stack
            return self.final_norm(run(self._blocks(), embedded_BND, rotary))
        x_BND = embedded_BND
        for block in self.blocks:
            if self.config.gradient_checkpointing and self.training:
                x_BND = checkpoint(block, x_BND, embedded_BND, rotary, use_reentrant=False)
            else:
                x_BND = block(x_BND, embedded_BND, rotary)
        return self.final_norm(x_BND)

    def _advance_trunk(self, embedded_BND: Tensor, cache: Cache) -> Tensor:
        first = cache.layers[0].length
        embedded_BND, rotary = self._trunk_input(embedded_BND, first)
        if self.config.reversible:
            x_BND = coupled_stack(self._blocks(), embedded_BND, rotary, cache.layers)
        else:
            x_BND = embedded_BND
            for block, layer in zip(self.blocks, cache.layers, strict=True):
                x_BND = block(x_BND, embedded_BND, rotary, layer)
        return self.final_norm(x_BND[:, -1])

    def _mean_loss(
        self, states_BND: Tensor, pieces_BNK: Tensor, bits_BNP: Tensor, num_bits: int
    ) -> Tensor:
        losses = self.head.bits_per_bit(states_BND, pieces_BNK, bits_BNP)
        if num_bits == bits_BNP.shape[1] * bits_BNP.shape[2]:
            return losses.mean()
        if losses.shape[-1] == 1:  # the softmax control scores whole patches only
            return functional.binary_cross_entropy_with_logits(
                self.head(states_BND, pieces_BNK).flatten(1)[:, :num_bits],
                bits_BNP.flatten(1)[:, :num_bits].float(),
            ) / math.log(2.0)
        return losses.flatten(1)[:, :num_bits].mean()

    def _bit_losses(self, states_BND: Tensor, pieces_BNK: Tensor, bits_BNP: Tensor) -> Tensor:
        if not isinstance(self.head, SoftmaxHead):
            return self.head.bits_per_bit(states_BND, pieces_BNK, bits_BNP).flatten(1)
        # The softmax control scores whole patches; only its logits know the single bits.
        logits_BNP = self.head(states_BND, pieces_BNK)
        nats = functional.binary_cross_entropy_with_logits(
            logits_BNP, bits_BNP.float(), reduction="none"
        )
        return nats.flatten(1) / math.log(2.0)


def _is_counted(bits_BT: Tensor, lengths: Tensor) -> Tensor:
    """Which bits are not padding, (B, T) bool."""
    batch_size, num_bits = bits_BT.shape
    if lengths.shape != (batch_size,) or lengths.dtype not in (torch.int32, torch.int64):
        raise InputError(
            f"lengths is a {lengths.dtype} tensor of shape {tuple(lengths.shape)}; for "
            f"{batch_size} sequences give int64 of shape ({batch_size},)"
        )
    if not torch.compiler.is_compiling() and batch_size:
        least, most = (int(end) for end in lengths.aminmax())
        if least < 0 or most > num_bits:
            raise InputError(
                f"lengths has {least if least < 0 else most}, and the sequences have {num_bits} "
                f"bits; a length is from 0 to {num_bits}"
            )
    lengths = lengths.to(bits_BT.device)
    return torch.arange(num_bits, device=bits_BT.device) < lengths[:, None]
