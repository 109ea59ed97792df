"""What moves the weights: Muon for matrices, SGD or Adagrad for tables, AdamW for the rest."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Muon, Optimizer
from typing_extensions import override

from bit_transformer.model import BitTransformerLM
from bit_transformer.training.config import OptimizerConfig

__all__ = [
    "BatchedMuon",
    "RowAdagrad",
    "build_optimizers",
    "orthogonalised",
    "set_learning_rate",
]

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


class RowAdagrad(Optimizer):
    """Adagrad that moves only the rows with a gradient, sparse or dense: the same either way.

    A row that many steps touch learns ever more slowly; a rare one keeps its full rate, which is
    what tables of contexts with a long tail want.

    With an initial sum s, a row is moved by lr / sqrt(s) times its gradient, as plain SGD would,
    until its own gradients outweigh s.

    Args:
        initial_sum: what each element's sum of squared gradients starts from.

    Source: Duchi et al. 2011, Adaptive Subgradient Methods, with no decay.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        initial_sum: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(params, {"lr": lr, "eps": eps})
        for group in self.param_groups:
            for parameter in group["params"]:
                # Kept from the start, so that a checkpoint of any step has the same tensors.
                self.state[parameter]["sum"] = torch.full_like(parameter, initial_sum)

    @override
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore
        """Move every row that has a gradient."""
        assert closure is None, "RowAdagrad takes no closure"
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)

    def _move(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        weight, gradient = _local(parameter), _local(parameter.grad)
        total = _local(self.state[parameter]["sum"])
        if gradient.is_sparse:
            gradient = gradient.coalesce()
            rows, gradient = gradient.indices()[0], gradient.values()
            seen = total[rows].addcmul_(gradient, gradient)
            total[rows] = seen
            moved = gradient / seen.sqrt_().add_(group["eps"])
            weight.index_add_(0, rows, moved, alpha=-group["lr"])
        else:
            total.addcmul_(gradient, gradient)
            weight.addcdiv_(gradient, total.sqrt().add_(group["eps"]), value=-group["lr"])


def _local(tensor: Any) -> Tensor:
    # A sharded tensor (DTensor) is told by its method: only distributed.py knows of processes.
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


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
        # Adagrad scales a rare row's steps up to those of a frequent one: quick on the first pass
        # over the data. On the next, each row knows by heart the one place where it occurred, and
        # the model trusts it.
        tables = groups["tables"]
        if config.table_kind == "sgd":
            optimizers.append(SGD(tables, lr=config.table_lr))
        else:
            optimizers.append(RowAdagrad(tables, config.table_lr, config.table_initial_sum))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: Sequence[Optimizer], factor: float) -> None:
    """Set every group's learning rate to ``factor`` of its full one."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor
