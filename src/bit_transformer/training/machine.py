"""What a training computes with: device, precision, the C library's allocator, the compiler."""

import ctypes
import shutil
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from bit_transformer.errors import ConfigError
from bit_transformer.training.config import TrainConfig

__all__ = ["Machine", "choose_machine", "has_fast_bf16", "keep_freed_memory", "try_compiled"]

Precision = Literal["bf16", "fp32"]

COMPILE_PAYS_FROM_S = 150
"""Compiling takes about half a minute, which shorter trainings do not earn back."""

MALLOC_TRIM_THRESHOLD, MALLOC_TOP_PAD, MALLOC_MMAP_THRESHOLD = -1, -2, -3
"""The names of glibc's settings in <malloc.h>."""

BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})


@dataclass(frozen=True)
class Machine:
    """Where the tensors are and how products are computed."""

    device: torch.device
    precision: Precision

    def autocast(self) -> torch.autocast:
        """A block in which products are computed in this machine's precision."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        )

    def reset_peak_memory(self) -> None:
        """Begin a new measurement of the peak where the device can."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak_memory_bytes(self) -> int:
        """The most memory held so far: by tensors on a GPU, by the whole process on a CPU."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return _peak_resident_bytes()


def choose_machine(config: TrainConfig, local_rank: int = 0) -> Machine:
    """The machine that ``config`` asks for; ``auto`` is resolved by what this one has.

    Raises:
        ConfigError: the device is unknown or not there.
    """
    device = _choose_device(config.device, local_rank)
    precision: Precision = "fp32"
    if config.precision == "bf16" or (config.precision == "auto" and has_fast_bf16(device)):
        precision = "bf16"
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    if device.type == "cpu":
        keep_freed_memory()
    return Machine(device, precision)


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed tensors instead of giving it back at once.

    By default glibc returns large blocks to the kernel, which then clears every page again for
    the next step's tensors: 23,000 page faults a step of the default model, against 170.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return
    mallopt(MALLOC_MMAP_THRESHOLD, 32 << 20)  # the most that glibc accepts
    mallopt(MALLOC_TRIM_THRESHOLD, 1 << 30)
    mallopt(MALLOC_TOP_PAD, 64 << 20)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, and does not merely emulate them."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return bool(_cpu_flags() & BF16_FLAGS)
    return False


def try_compiled(
    step_model: nn.Module,
    config: TrainConfig,
    machine: Machine,
    example: Tensor,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """A compiled twin of ``step_model`` where that is asked for and works, else itself.

    Compiling happens here, on one forward and backward pass over ``example``, whose gradients are
    dropped; ``options`` are those of the steps' calls. A failure (no C++ compiler, say) is warned
    of and is no error.
    """
    if not _should_compile(config, machine):
        return step_model
    compiled = cast(nn.Module, torch.compile(step_model))
    try:
        with machine.autocast():
            loss = compiled(example, **(options or {"return_loss": True})).mean()
        loss.backward()
    except Exception as error:  # noqa: BLE001 - the compiler may fail in any way at all
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        warnings.warn(f"torch.compile failed, so the model runs eagerly: {reason}", stacklevel=2)
        return step_model
    finally:
        step_model.zero_grad(set_to_none=True)
    return compiled


def _should_compile(config: TrainConfig, machine: Machine) -> bool:
    if config.compile != "auto":
        return config.compile == "on"
    is_long = config.budget.unit == "seconds" and config.budget.amount >= COMPILE_PAYS_FROM_S
    has_compiler = any(shutil.which(name) for name in ("g++", "clang++", "c++"))
    return is_long and (machine.device.type == "cuda" or has_compiler)


def _choose_device(name: str, local_rank: int) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r} is unknown; use auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ConfigError(f"device {name!r} was asked for, but PyTorch sees no GPU; use cpu")
        device = torch.device("cuda", local_rank if device.index is None else device.index)
        if device.index >= torch.cuda.device_count():
            raise ConfigError(f"there is no {device}; GPUs found: {torch.cuda.device_count()}")
    elif device.type != "cpu":
        _check_device(device)
    return device


def _check_device(device: torch.device) -> None:
    try:
        torch.zeros(1, device=device).item()
    except Exception as error:
        raise ConfigError(f"device {str(device)!r} does not work here; use cpu") from error


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    for line in lines:
        if line.lower().startswith(("flags", "features")):
            return set(line.partition(":")[2].split())
    return set()


def _peak_resident_bytes() -> int:
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
