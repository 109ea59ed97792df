"""What moves the weights: Muon for matrices, plain SGD for hashed tables, AdamW for the rest."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, AdamW, Muon, Optimizer
from typing_extensions import override

from bit_transformer.model import BitTransformerLM
from bit_transformer.training.config import OptimizerConfig

__all__ = ["BatchedMuon", "build_optimizers", "orthogonalised", "set_learning_rate"]

# The quintic of Jordan et al. 2024, and the number of times it is applied.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


class BatchedMuon(Muon):
    """PyTorch's Muon with the matrices of one shape orthogonalised together.

    The products of one matrix are too small to occupy two cores: taken one by one, they are slower
    on two than on one (86 against 47 ms for the default model; 33 together).
    """

    @override
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore
        """Move every matrix that has a gradient."""
        assert closure is None, "BatchedMuon takes no closure"
        for group in self.param_groups:
            matrices = [p for p in group["params"] if p.grad is not None]
            if matrices:
                self._move(matrices, group)

    def _move(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [p.grad for p in matrices if p.grad is not None]
        momenta = [self._momentum(p) for p in matrices]
        torch._foreach_lerp_(momenta, gradients, 1.0 - group["momentum"])
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])  # Nesterov
        torch._foreach_mul_(matrices, 1.0 - group["lr"] * group["weight_decay"])
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for i, matrix in enumerate(matrices):
            by_shape[tuple(sorted(matrix.shape))].append(i)
        for places in by_shape.values():
            wide = torch.stack([_with_rows_short(ahead[i]).bfloat16() for i in places])
            for i, moved in zip(places, orthogonalised(wide), strict=True):
                num_rows, num_columns = matrices[i].shape
                scale = math.sqrt(max(1.0, num_rows / num_columns))
                move = moved if num_rows <= num_columns else moved.mT
                matrices[i].add_(move, alpha=-group["lr"] * scale)

    def _momentum(self, matrix: Tensor) -> Tensor:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]


def _with_rows_short(matrix: Tensor) -> Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT


def orthogonalised(matrices_BMN: Tensor) -> Tensor:
    """Return each matrix with all its singular values brought near one, (B, M, N) with M <= N.

    Source: Jordan et al. 2024, Muon: five Newton-Schulz steps in bfloat16.
    """
    a, b, c = NEWTON_SCHULZ
    norms = matrices_BMN.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    x_BMN = matrices_BMN / norms
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram_BMM = x_BMN @ x_BMN.mT
        mixed_BMM = torch.baddbmm(gram_BMM, gram_BMM, gram_BMM, beta=b, alpha=c)
        x_BMN = torch.baddbmm(x_BMN, mixed_BMM, x_BMN, beta=a)
    return x_BMN


def build_optimizers(model: BitTransformerLM, config: OptimizerConfig) -> list[Optimizer]:
    """Return the optimizers that together move every parameter of ``model`` once.

    Each parameter group keeps its full learning rate as ``base_lr``; a schedule scales it.
    Source of Muon: Jordan et al. 2024; the learning rate is scaled by the shape as there.
    """
    groups = model.parameter_groups()
    adam = {"lr": config.lr, "betas": (config.beta1, config.beta2), "fused": True}
    optimizers: list[Optimizer] = []
    if config.kind == "adamw":
        # As GPT-2's trainings have it: everything with two dimensions decays, gains do not.
        rest = groups["matrices"] + groups["vectors"]
        decayed = [p for p in rest if p.ndim >= 2]
        gains = [p for p in rest if p.ndim < 2]
        parts = [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": gains, "weight_decay": 0.0},
        ]
        optimizers.append(AdamW([part for part in parts if part["params"]], **adam))
    else:
        optimizers.append(AdamW(groups["vectors"], weight_decay=0.0, **adam))
        optimizers.append(
            BatchedMuon(
                groups["matrices"],
                lr=config.muon_lr,
                momentum=config.muon_momentum,
                weight_decay=config.weight_decay,
            )
        )
    if groups["tables"]:
        # Whatever scales a row's first steps up to those of a frequent row (Adagrad, Adam) makes
        # it know by heart the one place where it occurred, and the model trust that knowledge.
        optimizers.append(SGD(groups["tables"], lr=config.table_lr))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: Sequence[Optimizer], factor: float) -> None:
    """Set every group's learning rate to ``factor`` of its full one."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
