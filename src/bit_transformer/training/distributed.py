"""Several processes that train one model: PyTorch's collectives, DDP, FSDP2, sharded files.

The only module that imports ``torch.distributed``. Started by ``torchrun``, which sets the
environment that :func:`open_processes` reads: gloo connects CPUs, NCCL connects GPUs.

Sharded files are PyTorch's distributed checkpoints in the Hugging Face safetensors layout. The
default layout of those checkpoints keeps its index as a pickle and is therefore not used.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import checkpoint as sharded
from torch.distributed.checkpoint import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel
from typing_extensions import override

from bit_transformer.bits.files import atomic_folder
from bit_transformer.checkpoint import weights_of
from bit_transformer.errors import (
    BitTransformerError,
    CheckpointError,
    ConfigError,
    StorageError,
    TrainingError,
)
from bit_transformer.model import BitTransformerLM
from bit_transformer.training.processes import Processes

__all__ = ["DistributedProcesses", "load_tensors", "open_processes", "save_tensors"]

Result = TypeVar("Result")

INFERENCE_METHODS = ("start_cache", "advance", "piece_log_probs")


@contextmanager
def open_processes(kind: str, device: str) -> Iterator[Processes]:
    """The processes that torchrun started together, connected for as long as the block lasts.

    A connection that the program made before is used, and left as it is.

    Args:
        kind: ``ddp`` for a copy of the model in each, ``fsdp2`` for a shard of it in each.
        device: as in the training's configuration; it decides what connects them.

    Raises:
        ConfigError: torchrun did not start this process.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        raise ConfigError(
            f"distributed={kind!r} needs torchrun; start the same command with "
            "torchrun --nproc-per-node 2 -m bit_transformer train ..., or use distributed='none'"
        )
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    processes = partial(DistributedProcesses, kind, "cuda" if on_gpu else "cpu")
    if dist.is_initialized():
        yield processes()
        return
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield processes()
        _wait_for_all()
    finally:
        dist.destroy_process_group()


class DistributedProcesses(Processes):
    """Many processes; see the base class for what each method means."""

    def __init__(self, kind: str, device_type: str) -> None:
        self.kind = kind
        self.device_type = device_type
        self.rank = dist.get_rank()
        self.world_size = dist.get_world_size()
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))

    @override
    def shard(self, model: BitTransformerLM) -> nn.Module:
        if self.kind == "ddp":
            if self.device_type != "cpu":  # NCCL adds up no sparse gradients
                _make_gradients_dense(model)
            return DistributedDataParallel(model)
        if model.config.reversible:
            raise ConfigError(
                "reversible blocks run their parts by themselves, past FSDP2's hooks; "
                "use distributed='ddp', or model.gradient_checkpointing"
            )
        _make_gradients_dense(model)
        for block in model.blocks:
            fully_shard(block)
        fully_shard(model)
        for method in INFERENCE_METHODS:
            register_fsdp_forward_method(model, method)
        return model

    @override
    def mean(self, values: Sequence[float]) -> list[float]:
        return [value / self.world_size for value in self._sums(values)]

    @override
    def first_then_all(self, function: Callable[[], Result]) -> Result:
        result: Result | None = None
        if self.is_first:
            with self._failing_together():
                result = function()
            return cast(Result, result)
        with self._failing_together():
            pass
        return function()

    @override
    def from_first(self, function: Callable[[], str]) -> str:
        text = [""]
        with self._failing_together():
            if self.is_first:
                text[0] = function()
        dist.broadcast_object_list(text, src=0)
        return text[0]

    @override
    def joint_gradients(self, step_model: nn.Module, is_last: bool) -> AbstractContextManager[None]:
        if isinstance(step_model, DistributedDataParallel):
            return nullcontext() if is_last else step_model.no_sync()
        if isinstance(step_model, FSDPModule):
            step_model.set_requires_gradient_sync(is_last)
        return nullcontext()

    @override
    def whole(self, tensor: Tensor) -> Tensor:
        return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor

    @override
    def whole_weights(self, model: BitTransformerLM) -> dict[str, Tensor]:
        whole = {}
        for name, tensor in weights_of(model).items():
            gathered = self.whole(tensor.detach())
            if self.is_first:
                whole[name] = gathered.cpu()
        return whole

    @override
    @contextmanager
    def new_folder(self, path: Path) -> Iterator[Path]:
        with ExitStack() as stack:
            place = self.from_first(
                lambda: str(stack.enter_context(atomic_folder(path, replace=True)))
            )
            with self._failing_together():
                yield Path(place)
        dist.barrier()

    @override
    def save_tensors(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        save_tensors(folder, tensors)

    @override
    def load_tensors(self, folder: Path, tensors: Mapping[str, Tensor]) -> None:
        load_tensors(folder, tensors)

    @override
    def like(self, parameter: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        zeros = torch.zeros(tuple(shape), dtype=dtype, device=parameter.device)
        if isinstance(parameter, DTensor) and shape[0] == parameter.shape[0]:
            # FSDP2 shards by the first dimension, and what belongs to a row goes with it.
            return distribute_tensor(zeros, parameter.device_mesh, [Shard(0)])
        return zeros

    def _sums(self, values: Sequence[float]) -> list[float]:
        total = torch.tensor(values, dtype=torch.float64, device=self.device_type)
        dist.all_reduce(total)
        return total.tolist()

    @contextmanager
    def _failing_together(self) -> Iterator[None]:
        """A block that raises in all processes if it raises in one, so that none waits forever."""
        failure: BitTransformerError | OSError | None = None
        try:
            yield
        except (BitTransformerError, OSError) as error:
            failure = error
        (num_failed,) = self._sums([float(failure is not None)])
        if num_failed:
            _wait_for_all()
        if failure is not None:
            raise failure
        if num_failed:
            raise TrainingError("another process of this training failed; see its message")


def save_tensors(folder: Path, tensors: Mapping[str, Tensor], *, is_alone: bool = False) -> None:
    """Write tensors into ``folder``, each process the shards that it holds.

    Raises:
        StorageError: the disk is full, or may not be written.
    """
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with _quiet_when_alone(is_alone):
        try:
            sharded.save(dict(tensors), storage_writer=writer, no_dist=is_alone)
        except (CheckpointException, OSError) as error:
            raise StorageError(
                f"cannot write {folder}: {_first_cause(error)}; free some space, or write elsewhere"
            ) from error


def load_tensors(folder: Path, tensors: Mapping[str, Tensor], *, is_alone: bool = False) -> None:
    """Fill ``tensors`` in place, each process the shards that it holds.

    Raises:
        CheckpointError: a file is damaged, or a tensor is missing or of another shape.
    """
    reader = HuggingFaceStorageReader(str(folder))
    with _quiet_when_alone(is_alone):
        try:
            sharded.load(dict(tensors), storage_reader=reader, no_dist=is_alone)
        except (CheckpointException, OSError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"cannot read {folder}: {_first_cause(error)}") from error


def _wait_for_all() -> None:
    """Let nobody hang up while somebody still listens to what was said before.

    Who enters the barrier has heard it all; what the barrier itself misses does not matter.
    """
    with suppress(RuntimeError):
        dist.barrier()


def _make_gradients_dense(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            module.sparse = False


@contextmanager
def _quiet_when_alone(is_alone: bool) -> Iterator[None]:
    """Hide PyTorch's notes that a single process is single, which is meant."""
    with warnings.catch_warnings():
        if is_alone:
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _first_cause(error: BaseException) -> str:
    """One line on what went wrong in the first process that failed."""
    if isinstance(error, CheckpointException):
        error = next(iter(error.failures.values()))[0]
    return (str(error).strip() or type(error).__name__).splitlines()[0]
