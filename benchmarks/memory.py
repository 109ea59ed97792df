"""What depth costs in memory: activations stored, blocks checkpointed, blocks reversible.

    python benchmarks/memory.py [--depths 4 8 16 24] [--precision fp32] [--repeats 3]

One training step, forward and backward, of each kind at each depth. The peak is the most bytes that
live tensors hold at once, weights and their gradients left out; tensors are noted as operators
return them, so what an operator uses and frees within itself is not seen. (PyTorch's profiler,
which sees every allocation, gave peaks within 1 % of these.) Gradients are compared with those of
the same weights and the same function with activations stored. Times are medians of turns taken in
alternation, as ratios to the stored kind of the same depth. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import time
import weakref
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from bit_transformer.model import BitTransformerLM, ModelConfig
from bit_transformer.model.cost import activation_bytes

KINDS: dict[str, dict[str, bool]] = {
    "stored": {},
    "checkpointed": {"gradient_checkpointing": True},
    "reversible": {"reversible": True},
}
WEIGHT_NOISE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 8, 16, 24])
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--context-patches", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--repeats", type=int, default=3, help="turns that are timed")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    rows = [row for depth in arguments.depths for row in measure_depth(arguments, depth)]
    growth = {kind: growth_of(kind, rows) for kind in KINDS}
    show(rows, growth)
    print(json.dumps({**vars(arguments), "rows": rows, "peak_last_over_first": growth}))


def measure_depth(arguments: argparse.Namespace, depth: int) -> list[dict[str, Any]]:
    """A row for each kind at one depth."""
    models = {kind: build(arguments, depth, settings) for kind, settings in KINDS.items()}
    config = models["stored"].config
    generator = torch.Generator().manual_seed(1)
    shape = (arguments.batch_size, config.context_bits)
    bits = torch.randint(0, 2, shape, dtype=torch.uint8, generator=generator)
    is_bf16 = arguments.precision == "bf16"

    peaks = {kind: peak_bytes(model, bits, is_bf16) for kind, model in models.items()}
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(arguments.repeats):
        for kind, model in models.items():
            started = time.perf_counter()
            take_step(model, bits, is_bf16)
            times[kind].append(time.perf_counter() - started)
    rows = []
    for kind, model in models.items():
        ratios = [own / other for own, other in zip(times[kind], times["stored"], strict=True)]
        value_bytes = 2 if is_bf16 else 4
        formula = activation_bytes(model.config, arguments.batch_size, value_bytes=value_bytes)
        rows.append(
            {
                "kind": kind,
                "depth": depth,
                "peak_bytes": peaks[kind],
                "formula_over_peak": formula / peaks[kind],
                "gradient_difference": gradient_difference(models, kind, bits, is_bf16),
                "step_s": statistics.median(times[kind]),
                "time_ratio": statistics.median(ratios),
                "time_ratio_min": min(ratios),
                "time_ratio_max": max(ratios),
            }
        )
    return rows


def build(arguments: argparse.Namespace, depth: int, settings: dict[str, bool]) -> BitTransformerLM:
    """A model whose zero-initialised weights are random too, so that all gradients flow."""
    config = ModelConfig.model_validate(
        {
            "width": arguments.width,
            "depth": depth,
            "context_patches": arguments.context_patches,
            "table_dropout": 0.0,  # gradients of two passes are compared
            "table_rows_log2": 12,
            **settings,
        }
    )
    torch.manual_seed(0)
    model = BitTransformerLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(WEIGHT_NOISE * torch.randn(parameter.shape))
    return model


def take_step(model: BitTransformerLM, bits: Tensor, is_bf16: bool) -> None:
    """A forward and a backward pass, which leave fresh gradients."""
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
        loss = model(bits, return_loss=True)
    loss.backward()


class LiveBytes(TorchDispatchMode):
    """Inside, every tensor that an operator returns counts for as long as it lives."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[int, int] = {}
        self.now = 0
        self.peak = 0

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.layout == torch.strided:
                self._note(leaf)
        return result

    def leave_out(self, tensor: Tensor) -> None:
        """Never count this tensor."""
        self.live[tensor.untyped_storage()._cdata] = 0

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.live:
            self.live[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.now -= self.live.pop(key)


def peak_bytes(model: BitTransformerLM, bits: Tensor, is_bf16: bool) -> int:
    """The most bytes of activations and their gradients at once, in one step."""
    take_step(model, bits, is_bf16)  # so that the weights have gradients to add to
    counter = LiveBytes()
    for parameter in model.parameters():
        counter.leave_out(parameter)
        if parameter.grad is not None and parameter.grad.layout == torch.strided:
            parameter.grad.zero_()
            counter.leave_out(parameter.grad)
    with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16), counter:
        loss = model(bits, return_loss=True)
    with counter:
        loss.backward()
    return counter.peak


def gradient_difference(
    models: dict[str, BitTransformerLM], kind: str, bits: Tensor, is_bf16: bool
) -> float:
    """The largest difference of a matrix's gradient from its stored twin, over its own norm."""
    model = models[kind]
    take_step(model, bits, is_bf16)
    own = matrix_gradients(model)
    # A reversible model is a function of its own, of which the stored form is the reference.
    reference = model if kind == "reversible" else models["stored"]
    reference.recomputes_activations = False
    take_step(reference, bits, is_bf16)
    reference.recomputes_activations = kind == "reversible"
    stored = matrix_gradients(reference)
    differences = [(own[name] - stored[name]).norm() / stored[name].norm() for name in own]
    return float(torch.stack(differences).max())


def matrix_gradients(model: BitTransformerLM) -> dict[str, Tensor]:
    return {
        name: parameter.grad.to_dense().clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.ndim == 2
    }


def growth_of(kind: str, rows: list[dict[str, Any]]) -> float:
    """The peak at the last depth over that at the first."""
    peaks = [row["peak_bytes"] for row in rows if row["kind"] == kind]
    return peaks[-1] / peaks[0]


def show(rows: list[dict[str, Any]], growth: dict[str, float]) -> None:
    table = Table("blocks", "depth", "peak MB", "formula / peak", "gradient differs", "time")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in sorted(rows, key=lambda row: (list(KINDS).index(row["kind"]), row["depth"])):
        table.add_row(
            row["kind"],
            str(row["depth"]),
            f"{row['peak_bytes'] / 1e6:.1f}",
            f"{row['formula_over_peak']:.2f}",
            f"{row['gradient_difference']:.1e}",
            f"{row['time_ratio']:.2f} ({row['time_ratio_min']:.2f} - {row['time_ratio_max']:.2f})",
        )
    console = Console(width=100)
    console.print(table)
    for kind, factor in growth.items():
        console.print(f"{kind}: the deepest model's peak is {factor:.3f} x the shallowest one's")


if __name__ == "__main__":
    main()
