"""One optimiser step: losses and gradients of micro-batches, clipping, the update.

Everything random in a step is a function of the seed, the step and the process, so a run that
resumes at a step draws what it would have drawn, and no generator's state has to be saved.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bit_transformer.training.machine import Machine
from bit_transformer.training.processes import Processes

__all__ = ["backward_bit_losses", "backward_micro_batches", "clip_gradients", "seed_step", "update"]


def seed_step(seed: int, step: int, rank: int) -> None:
    """Set PyTorch's generators to a state that belongs to this seed, step and process alone."""
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]) >> 1)


def backward_micro_batches(
    step_model: nn.Module,
    bits_BT: Tensor,
    num_parts: int,
    machine: Machine,
    processes: Processes,
) -> Tensor:
    """The mean loss in bits per bit, a float32 scalar; gradients are left in the parameters.

    The parts are of equal size, so the gradient of the mean is the mean of their gradients.

    Shapes: ``bits_BT`` (B, T) uint8, where ``num_parts`` divides B.
    """
    total = torch.zeros((), device=machine.device)
    parts = bits_BT.chunk(num_parts)
    for number, part in enumerate(parts, start=1):
        with processes.joint_gradients(step_model, is_last=number == num_parts):
            with machine.autocast():
                loss = step_model(part, return_loss=True) / num_parts
            loss.backward()
        total += loss.detach()
    return total


def backward_bit_losses(
    step_model: nn.Module,
    bits_BT: Tensor,
    num_parts: int,
    machine: Machine,
    processes: Processes,
    views: Tensor | None = None,
    lengths: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The mean loss as :func:`backward_micro_batches` gives it, and the loss of every bit.

    With ``lengths``, each bit that counts weighs 1 / (B T), whatever the number of those that do
    not: so a bit has the same weight in every batch, part and process.

    Shapes: ``bits_BT`` (B, T) uint8, ``views`` and ``lengths`` (B,) int64; the losses (B, T)
    float32, zero where padding is.
    """
    total = torch.zeros((), device=machine.device)
    all_losses = []
    rows = range(0, len(bits_BT), len(bits_BT) // num_parts)
    size = rows.step
    for number, first in enumerate(rows, start=1):
        options: dict[str, Tensor] = {}
        if views is not None and lengths is not None:
            part = slice(first, first + size)
            options = {"view": views[part], "lengths": lengths[part]}
        with processes.joint_gradients(step_model, is_last=number == num_parts):
            with machine.autocast():
                losses_BT = step_model(bits_BT[first : first + size], return_loss="bits", **options)
                loss = losses_BT.mean() / num_parts
            loss.backward()
        total += loss.detach()
        all_losses.append(losses_BT.detach())
    return total, torch.cat(all_losses)


def clip_gradients(
    parameters: Iterable[nn.Parameter], max_norm: float | None, processes: Processes
) -> Tensor:
    """The norm of all gradients together, before they are scaled down to ``max_norm``.

    Sparse gradients are coalesced in place: the rows of one position that occurs twice must be
    added before anything is squared.
    """
    gradients = [_values(parameter) for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    norm = processes.whole(torch.nn.utils.get_total_norm(gradients))
    if max_norm is not None:
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale)
    return norm


def update(optimizers: Sequence[Optimizer]) -> None:
    """Move the weights along their gradients, and drop those."""
    for optimizer in optimizers:
        optimizer.step()
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)


def _values(parameter: nn.Parameter) -> Tensor:
    gradient = parameter.grad
    assert gradient is not None
    if not gradient.is_sparse:
        return gradient
    gradient = gradient.coalesce()
    parameter.grad = gradient
    return gradient.values()
