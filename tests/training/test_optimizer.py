import pytest
import torch
from torch import nn

from bit_transformer.model import BitTransformerLM, ModelConfig
from bit_transformer.training import OptimizerConfig
from bit_transformer.training.optimizer import (
    BatchedMuon,
    RowAdagrad,
    build_optimizers,
    orthogonalised,
    set_learning_rate,
)
from tests.training.conftest import TINY


def table_after(is_sparse: bool, num_steps: int = 4) -> nn.Embedding:
    table = nn.Embedding(10, 3, sparse=is_sparse)
    nn.init.ones_(table.weight)
    optimizer = RowAdagrad(table.parameters(), lr=0.5)
    weights = torch.linspace(-1.0, 1.0, 12).view(4, 3)
    for step in range(num_steps):
        rows = torch.tensor([1, 4, 4, 5 + step])
        (table(rows) * weights).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return table


def test_sparse_and_dense_gradients_move_a_table_alike():
    torch.testing.assert_close(table_after(True).weight, table_after(False).weight)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_rows_without_a_gradient_stay_where_they_are(is_sparse):
    weight = table_after(is_sparse).weight
    for row in (0, 2, 3, 9):
        assert torch.equal(weight[row], torch.ones(3))
    assert not torch.equal(weight[1], torch.ones(3))


@pytest.mark.parametrize("initial_sum", [0.0, 0.5])
def test_adagrad_is_the_one_of_pytorch(initial_sum):
    weight, reference = (nn.Parameter(torch.ones(5, 3)) for _ in range(2))
    ours = RowAdagrad([weight], lr=0.1, initial_sum=initial_sum)
    theirs = torch.optim.Adagrad([reference], lr=0.1, initial_accumulator_value=initial_sum)
    for step in range(5):
        gradient = torch.randn(5, 3, generator=torch.Generator().manual_seed(step))
        weight.grad, reference.grad = gradient.clone(), gradient.clone()
        ours.step()
        theirs.step()
    torch.testing.assert_close(weight, reference)


def test_an_initial_sum_makes_a_first_occurrence_count_in_proportion_to_its_gradient():
    model = BitTransformerLM(TINY)
    (table,) = model.parameter_groups()["tables"]
    settings = {"table_kind": "adagrad", "table_lr": 0.2, "table_initial_sum": 4.0}
    *_, optimizer = build_optimizers(model, OptimizerConfig.model_validate(settings))
    before = table.detach().clone()
    gradient = torch.full((1, table.shape[1]), 1e-3)
    table.grad = torch.sparse_coo_tensor(
        torch.tensor([[3]]), gradient, table.shape, check_invariants=True
    )
    optimizer.step()
    torch.testing.assert_close(table[3], before[3] - 0.2 / 2.0 * 1e-3)


def test_the_hashed_tables_move_by_plain_gradient_descent_in_the_rows_of_the_step_alone():
    model = BitTransformerLM(TINY)
    (table,) = model.parameter_groups()["tables"]
    *_, optimizer = build_optimizers(model, OptimizerConfig(table_lr=0.5))
    before = table.detach().clone()
    rows, values = torch.tensor([[1, 4]]), torch.ones(2, table.shape[1])
    table.grad = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=True)
    optimizer.step()
    moved = (table - before).detach()
    assert torch.equal(moved[[1, 4]], torch.full_like(moved[:2], -0.5))
    assert not moved[[0, 2, 3, 5]].any()


def test_muon_of_many_matrices_is_the_one_of_pytorch():
    shapes = [(8, 8), (24, 8), (8, 24), (8, 8), (24, 8)]
    generator = torch.Generator().manual_seed(0)
    ours, theirs = ([nn.Parameter(torch.ones(shape) * 0.1) for shape in shapes] for _ in range(2))
    batched = BatchedMuon(ours, lr=0.02, momentum=0.9, weight_decay=0.1)
    single = torch.optim.Muon(theirs, lr=0.02, momentum=0.9, weight_decay=0.1)
    for _ in range(4):
        for our, their in zip(ours, theirs, strict=True):
            our.grad = torch.randn(our.shape, generator=generator)
            their.grad = our.grad.clone()
        batched.step()
        single.step()
    # Both orthogonalise in bfloat16, and their products round in another order.
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=0.02 * 0.03, rtol=0.0)
        torch.testing.assert_close(
            batched.state[our]["momentum_buffer"], single.state[their]["momentum_buffer"]
        )


def test_orthogonalised_matrices_have_singular_values_near_one():
    matrices = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalised(matrices.bfloat16()).float())
    assert values.min() > 0.6
    assert values.max() < 1.3


@pytest.mark.parametrize("table_kind", ["sgd", "adagrad"])
@pytest.mark.parametrize("kind", ["muon", "adamw"])
@pytest.mark.parametrize("model", [TINY, TINY.model_copy(update={"context_hash_bits": ()})])
def test_every_parameter_is_moved_by_one_optimizer(kind, table_kind, model: ModelConfig):
    built = BitTransformerLM(model)
    optimizers = build_optimizers(built, OptimizerConfig(kind=kind, table_kind=table_kind))
    moved = [p for o in optimizers for group in o.param_groups for p in group["params"]]
    assert len(moved) == len(set(moved))
    assert set(moved) == set(built.parameters())


def test_a_factor_scales_every_learning_rate_from_its_full_one():
    optimizers = build_optimizers(BitTransformerLM(TINY), OptimizerConfig(lr=0.5, muon_lr=0.25))
    for factor in (0.5, 0.1, 1.0):
        set_learning_rate(optimizers, factor)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                assert group["lr"] == factor * group["base_lr"]
    set_learning_rate(optimizers, 0.5)
    rates = {group["lr"] for optimizer in optimizers for group in optimizer.param_groups}
    assert {0.25, 0.125} <= rates
