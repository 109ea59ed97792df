"""The processes that train one model together, as the loop sees them.

:class:`Processes` is a single process working alone, and at the same time the list of all that
the loop ever asks of several. ``distributed`` gives the same answers for many; nothing else in
the room knows whether it runs beside others.

Invariants: every method is called by all processes in the same order; only the first process
writes files that are not sharded; what :meth:`mean` returns is the same everywhere, so all
processes take the same decisions.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from bit_transformer.bits.files import atomic_folder
from bit_transformer.checkpoint import weights_of
from bit_transformer.model import BitTransformerLM

__all__ = ["Processes"]

Result = TypeVar("Result")


class Processes:
    """One process alone."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def shard(self, model: BitTransformerLM) -> nn.Module:
        """What the training step calls in place of ``model``, whose weights it shares."""
        return model

    def mean(self, values: Sequence[float]) -> list[float]:
        """The mean over all processes of each value."""
        return list(values)

    def first_then_all(self, function: Callable[[], Result]) -> Result:
        """What ``function`` returns, called by the first process before all others."""
        return function()

    def from_first(self, function: Callable[[], str]) -> str:
        """The text that ``function`` returns in the first process; it is called nowhere else."""
        return function()

    def joint_gradients(self, step_model: nn.Module, is_last: bool) -> AbstractContextManager[None]:
        """A block for one micro-batch: gradients travel between processes in the last one only."""
        del step_model, is_last
        return nullcontext()

    def whole(self, tensor: Tensor) -> Tensor:
        """A tensor that may be sharded, in one piece; every process gets it."""
        return tensor

    def whole_weights(self, model: BitTransformerLM) -> dict[str, Tensor]:
        """All weights in one piece, for the first process; the others may get nothing."""
        return weights_of(model)

    def new_folder(self, path: Path) -> AbstractContextManager[Path]:
        """A folder that all processes fill, and that appears at ``path`` if all succeed."""
        return atomic_folder(path, replace=True)

    def save_tensors(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        """Write tensors, each process its shards, as safetensors files into a new folder.

        Raises:
            StorageError: a process could not write.
        """
        from bit_transformer.training.distributed import save_tensors

        save_tensors(folder, tensors, is_alone=True)

    def load_tensors(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        """Fill tensors in place from files that any number of processes wrote.

        Raises:
            CheckpointError: a tensor is missing or has another shape there.
        """
        from bit_transformer.training.distributed import load_tensors

        load_tensors(folder, tensors, is_alone=True)

    def like(self, parameter: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Zeros of ``shape`` that are sharded as ``parameter`` is, where that makes sense."""
        return torch.zeros(tuple(shape), dtype=dtype, device=parameter.device)
