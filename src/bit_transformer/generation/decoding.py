"""The loop that turns predictions into bits, patch by patch, for rows that advance together.

All rows stand at the same patch. A row whose prompt reaches further is given its own bits there
instead of drawn ones, and so is the first part of a patch in whose middle a prompt ends. So rows
need no padding, and the model sees each one as if it were alone.

Where the context is full, the window slides: its start moves on by half a context, and the rest is
read again. The start depends on the patch number alone, not on how the generation got there.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from bit_transformer.generation.row import Row
from bit_transformer.generation.sampling import Sampling, bit_logits, choose
from bit_transformer.model import BitTransformerLM, View

__all__ = ["decode", "window_start"]


def decode(
    model: BitTransformerLM,
    rows: Sequence[Row],
    sampling: Sampling,
    *,
    use_cache: bool,
    view: View = "raw",
    keeps_logits: bool = False,
) -> Iterator[list[Tensor]]:
    """For each patch, what each row gains: a list of (t,) uint8, possibly empty.

    Ends when all rows are finished. ``keeps_logits`` puts what the model predicted of each new bit,
    before any reshaping, into its row. Without the cache, each patch's prediction is computed from
    all patches before it.
    """
    size = model.config.patch_bits
    trunk = _Trunk(model, rows, use_cache=use_cache, view=view)
    patch = min(row.num_prompt for row in rows) // size
    while not all(row.is_finished for row in rows):
        with torch.inference_mode(), _Evaluating(model):
            state = trunk.state_before(patch)
            bits, logits = _draw_patch(model, state, rows, patch, sampling, keeps_logits)
        yield [_append(row, bits[i], logits[i], patch * size) for i, row in enumerate(rows)]
        patch += 1


def window_start(patch: int, context_patches: int, num_phases: int = 1) -> int:
    """The first patch that the prediction of ``patch`` may look at.

    At most ``context_patches - 1`` patches lie between, as in training, where the window's last
    patch sees that many before it. Windows begin at whole periods of ``num_phases`` patches, as
    far as the context holds one: the model counts its place in a byte from the window's start.
    """
    half = -(-context_patches // 2)
    periods = -(-half // num_phases) * num_phases
    stride = periods if periods <= context_patches else half
    excess = max(0, patch - (context_patches - 1))
    return -(-excess // stride) * stride


class _Evaluating:
    """Dropout off inside, and as it was outside."""

    def __init__(self, model: BitTransformerLM) -> None:
        self.model = model
        self.was_training = model.training

    def __enter__(self) -> None:
        if self.was_training:
            self.model.eval()

    def __exit__(self, *_: object) -> None:
        if self.was_training:
            self.model.train()


class _Trunk:
    """The trunk's state before any patch, for all rows, with or without a cache."""

    def __init__(
        self, model: BitTransformerLM, rows: Sequence[Row], *, use_cache: bool, view: View
    ) -> None:
        self.model = model
        self.rows = rows
        self.use_cache = use_cache
        self.view: View = view
        self.device = next(model.parameters()).device
        self.start = 0
        self.cache = None

    def state_before(self, patch: int) -> Tensor:
        """The state (B, D) that predicts ``patch``; called for one patch after the other."""
        config = self.model.config
        start = window_start(patch, config.context_patches, config.num_phases)
        first = patch - 1
        if self.cache is None or start != self.start or not self.use_cache:
            self.cache = self.model.start_cache(
                len(self.rows), max_patches=max(1, config.context_patches - 1), view=self.view
            )
            first = self.start = start
        size = config.patch_bits
        bits = np.stack([row.between(first * size, patch * size) for row in self.rows])
        return self.model.advance(torch.from_numpy(bits).to(self.device), self.cache)


def _draw_patch(
    model: BitTransformerLM,
    state: Tensor,
    rows: Sequence[Row],
    patch: int,
    sampling: Sampling,
    keeps_logits: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """One patch for each row, (B, P) uint8: its known bits, and drawn ones behind them.

    With it the predictions of the drawn bits, (B, P) float32; zeros where they are not kept.
    """
    size = model.config.patch_bits
    first = patch * size
    known = np.stack([row.between(first, first + size) for row in rows])
    num_known = np.array([min(max(row.num_known - first, 0), size) for row in rows])
    bits = torch.from_numpy(known)
    logits = torch.zeros(bits.shape)
    done = 0
    for piece_bits in model.config.piece_bits:
        piece = slice(done, done + piece_bits)
        num_fixed = np.clip(num_known - done, 0, piece_bits)
        if (num_fixed < piece_bits).any():
            log_probs = model.piece_log_probs(state, bits[:, :done].to(state.device)).cpu()
            allowed = _allowed(rows, bits, num_known, done, piece_bits)
            uniforms = _uniforms(rows, num_fixed < piece_bits, sampling)
            values = choose(log_probs, uniforms, sampling, allowed)
            shifts = torch.arange(piece_bits - 1, -1, -1)
            bits[:, piece] = ((values[:, None] >> shifts) & 1).to(torch.uint8)
            if keeps_logits:
                logits[:, piece] = bit_logits(log_probs, values)
        done += piece_bits
    return bits.numpy(), logits.numpy()


def _allowed(
    rows: Sequence[Row], bits: Tensor, num_known: np.ndarray, done: int, size: int
) -> Tensor | None:
    """The possible values (B, 2^s) of the piece behind ``done`` bits of the patch, if not all are.

    Those that begin with the bits that their row knows, and agree with its constraint.
    """
    num_fixed = np.clip(num_known - done, 0, size)
    bound = [
        i
        for i, row in enumerate(rows)
        if row.constraint is not None and not row.is_finished and num_fixed[i] < size
    ]
    if not num_fixed.any() and not bound:
        return None
    shifts = torch.arange(size - 1, -1, -1)
    fixed = (bits[:, done : done + size].long() << shifts).sum(-1, keepdim=True)
    free = torch.from_numpy(size - num_fixed)[:, None]
    allowed = (torch.arange(2**size) >> free) == (fixed >> free)
    for i in bound:
        constraint = rows[i].constraint
        assert constraint is not None
        decided = bits[i, num_known[i] : done + num_fixed[i]].numpy()
        values = constraint.allowed(decided, size - int(num_fixed[i]))
        allowed[i, allowed[i].clone()] = torch.from_numpy(values)
    return allowed


def _uniforms(rows: Sequence[Row], is_drawn: np.ndarray, sampling: Sampling) -> Tensor:
    """One random number for each row that draws, and zero for the others, (B,) float64."""
    if sampling.is_greedy:
        return torch.zeros(len(rows), dtype=torch.float64)
    draws = [row.uniform() if draw else 0.0 for row, draw in zip(rows, is_drawn, strict=True)]
    return torch.tensor(draws, dtype=torch.float64)


def _append(row: Row, patch: np.ndarray, logits: np.ndarray, first: int) -> Tensor:
    """What of a drawn patch that begins at bit ``first`` is new to the row, and kept."""
    new = slice(max(row.num_known - first, 0), None)
    return row.append(patch[new], logits[new])
