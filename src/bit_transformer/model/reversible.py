"""Blocks whose inputs are computed back from their outputs, so that depth costs no memory.

Two residual streams are coupled: attention reads the second and adds to the first, then the
feed-forward network reads the first and adds to the second. Both sums can be undone.

Source: Gomez et al. 2017, The Reversible Residual Network; Kitaev et al. 2020, Reformer, section 3.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bit_transformer.model.block import Block
from bit_transformer.model.cache import LayerCache

__all__ = ["Rotary", "coupled_stack", "reversible_stack"]

Rotary = tuple[Tensor, Tensor] | None
Streams = tuple[Tensor, Tensor]


def coupled_stack(
    blocks: Sequence[Block],
    embedded_BND: Tensor,
    rotary: Rotary,
    layers: Sequence[LayerCache | None] | None = None,
) -> Tensor:
    """Return the mean of the two streams after all blocks, with activations stored as usual."""
    first, second = embedded_BND, embedded_BND
    for block, layer in zip(blocks, layers or [None] * len(blocks), strict=True):
        first = first + block.attend(second, embedded_BND, rotary, layer)
        second = second + block.transform(first)
    return (first + second) / 2


def reversible_stack(blocks: Sequence[Block], embedded_BND: Tensor, rotary: Rotary) -> Tensor:
    """Return what :func:`coupled_stack` returns, keeping only the last activations for backward."""
    first, second = _ReversibleStack.apply(blocks, rotary, embedded_BND)  # pyright: ignore
    return (first + second) / 2


class _Replay:
    """The random state and autocast setting of a forward call, to run it again the same."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.is_autocast = torch.is_autocast_enabled(device.type)
        self.autocast_dtype = torch.get_autocast_dtype(device.type)
        self.states: list[tuple[Tensor, Tensor | None]] = []

    def note(self) -> None:
        on_cuda = self.device.type == "cuda"
        self.states.append(
            (torch.get_rng_state(), torch.cuda.get_rng_state(self.device) if on_cuda else None)
        )

    def run(self, function: Callable[[], Tensor]) -> Tensor:
        """Run ``function`` under the latest noted state, forgetting that state."""
        cpu_state, cuda_state = self.states.pop()
        devices = [self.device] if cuda_state is not None else []
        autocast = torch.autocast(
            self.device.type, dtype=self.autocast_dtype, enabled=self.is_autocast
        )
        with torch.random.fork_rng(devices=devices), autocast, torch.enable_grad():
            torch.set_rng_state(cpu_state)
            if cuda_state is not None:
                torch.cuda.set_rng_state(cuda_state, self.device)
            return function()


class _ReversibleStack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, blocks: Sequence[Block], rotary: Rotary, embedded_BND: Tensor) -> Streams:
        replay = _Replay(embedded_BND.device)
        first, second = embedded_BND, embedded_BND
        for block in blocks:
            replay.note()
            first = first + block.attend(second, embedded_BND, rotary)
            replay.note()
            second = second + block.transform(first)
        ctx.blocks, ctx.rotary, ctx.replay = blocks, rotary, replay
        ctx.save_for_backward(first, second, embedded_BND)
        return first, second

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:  # pyright: ignore
        first, second, embedded = ctx.saved_tensors
        grad_first, grad_second = grads
        embedded = embedded.detach().requires_grad_()
        for block in reversed(ctx.blocks):
            first_leaf = first.detach().requires_grad_()
            added = ctx.replay.run(lambda b=block, x=first_leaf: b.transform(x))
            second = second - added.detach()
            torch.autograd.backward(added, grad_second.to(added.dtype))
            grad_first = grad_first + _grad_of(first_leaf)
            second_leaf = second.detach().requires_grad_()
            added = ctx.replay.run(lambda b=block, x=second_leaf: b.attend(x, embedded, ctx.rotary))
            first = first - added.detach()
            torch.autograd.backward(added, grad_first.to(added.dtype))
            grad_second = grad_second + _grad_of(second_leaf)
        return None, None, grad_first + grad_second + _grad_of(embedded)


def _grad_of(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
