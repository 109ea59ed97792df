"""All that changes while a run runs, and its form in a checkpoint.

A checkpoint of a run is a model's checkpoint (see :mod:`bit_transformer.checkpoint`) with two
things beside it:

    training.json     counters, marks and whatever of the optimisers' state is a plain number;
                      names and hashes of the files in optimizer/
    optimizer/        the tensors of the optimisers' state, named PARAMETER/KEY, in safetensors
                      files as PyTorch's distributed checkpoints write them: any number of
                      processes reads what any other number wrote

No generator's state is saved: what is random in a step depends on seed, step and process alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.optim import Optimizer

from bit_transformer.errors import CheckpointError
from bit_transformer.model import BitTransformerLM
from bit_transformer.training.processes import Processes

__all__ = [
    "Counters",
    "OptimizerEntry",
    "TrainState",
    "describe_optimizers",
    "optimizer_tensors",
    "restore_optimizers",
]

Number = bool | int | float


@dataclass
class Counters:
    """How far a run is, and what it has done at which point.

    ``evaluated``, ``sampled`` and ``saved`` are what had been spent, in the budget's own unit, when
    the run last did that. ``spent_s`` counts training only and ``apart_s`` all else. ``loss_sum``
    and ``loss_steps`` hold the losses since the last row of metrics, ``view_sums`` what
    :mod:`~bit_transformer.training.view_sums` has counted since then.
    """

    step: int = 0
    bytes_seen: int = 0
    spent_s: float = 0.0
    apart_s: float = 0.0
    step_s: float = 0.0
    evaluated: float = 0.0
    sampled: float = 0.0
    saved: float = 0.0
    loss_sum: float = 0.0
    loss_steps: int = 0
    view_sums: list[float] = field(default_factory=list)
    best_step: int | None = None
    best_bits_per_byte: float | None = None
    last_bits_per_byte: float | None = None
    evaluated_step: int | None = None
    saved_step: int | None = None


@dataclass
class TrainState:
    """A model in training: its weights, its optimisers, its counters."""

    model: BitTransformerLM
    optimizers: list[Optimizer]
    counters: Counters = field(default_factory=Counters)

    def names(self) -> dict[nn.Parameter, str]:
        """The name of each parameter in the module tree."""
        return {parameter: name for name, parameter in self.model.named_parameters()}


class OptimizerEntry(BaseModel):
    """One value of an optimiser's state for one parameter: a plain number, or a tensor's form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameter: str
    key: str
    number: Number | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = Field(default=None, pattern=r"^[a-z]+\d*$")

    @property
    def tensor_name(self) -> str:
        """The tensor's name in the checkpoint."""
        return f"{self.parameter}/{self.key}"


def optimizer_tensors(state: TrainState) -> dict[str, Tensor]:
    """Every tensor of the optimisers' state, by its name in a checkpoint."""
    return {
        f"{name}/{key}": value
        for name, key, value in _state_items(state)
        if isinstance(value, Tensor)
    }


def describe_optimizers(state: TrainState) -> list[OptimizerEntry]:
    """What :func:`restore_optimizers` needs besides the tensors."""
    return [_entry(name, key, value) for name, key, value in _state_items(state)]


def restore_optimizers(
    state: TrainState, entries: list[OptimizerEntry], processes: Processes
) -> dict[str, Tensor]:
    """Empty tensors, now part of the optimisers' state, to be filled from a checkpoint by name.

    Raises:
        CheckpointError: the entries name parameters that the model does not have.
    """
    parameters = {name: parameter for parameter, name in state.names().items()}
    owners = {parameter: optimizer for optimizer, parameter in _parameters(state.optimizers)}
    tensors: dict[str, Tensor] = {}
    for entry in entries:
        parameter = parameters.get(entry.parameter)
        if parameter is None or parameter not in owners:
            raise CheckpointError(
                f"the checkpoint has optimiser state for {entry.parameter!r}, which this model "
                "does not train; the configuration of the run was changed"
            )
        value = _empty_value(entry, parameter, owners[parameter], processes)
        owners[parameter].state[parameter][entry.key] = value
        if isinstance(value, Tensor):
            tensors[entry.tensor_name] = value
    return tensors


def _state_items(state: TrainState) -> Iterator[tuple[str, str, Any]]:
    names = state.names()
    for optimizer, parameter in _parameters(state.optimizers):
        for key, value in optimizer.state.get(parameter, {}).items():
            yield names[parameter], str(key), value


def _parameters(optimizers: list[Optimizer]) -> Iterator[tuple[Optimizer, nn.Parameter]]:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                yield optimizer, parameter


def _entry(name: str, key: str, value: Any) -> OptimizerEntry:
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        return OptimizerEntry(parameter=name, key=key, shape=tuple(value.shape), dtype=dtype)
    if isinstance(value, Number):
        return OptimizerEntry(parameter=name, key=key, number=value)
    raise TypeError(f"optimiser state {key!r} of {name!r} is a {type(value).__name__}")


def _empty_value(
    entry: OptimizerEntry, parameter: nn.Parameter, optimizer: Optimizer, processes: Processes
) -> Tensor | Number:
    if entry.number is not None:
        return entry.number
    dtype = getattr(torch, entry.dtype or "", None)
    if entry.shape is None or not isinstance(dtype, torch.dtype):
        raise CheckpointError(
            f"the checkpoint's {entry.tensor_name} has no shape or the unknown type {entry.dtype!r}"
        )
    if min(entry.shape, default=0) < 0 or math.prod(entry.shape) > parameter.numel():
        raise CheckpointError(
            f"the checkpoint's {entry.tensor_name} of shape {entry.shape} does not fit a "
            f"parameter of shape {tuple(parameter.shape)}"
        )
    if entry.shape == ():
        # PyTorch's optimisers want their step counters on the CPU, unless they are fused.
        is_fused = optimizer.defaults.get("fused") or optimizer.defaults.get("capturable")
        return torch.zeros((), dtype=dtype, device=parameter.device if is_fused else "cpu")
    return processes.like(parameter, entry.shape, dtype)
