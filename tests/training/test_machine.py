import pytest
import torch

from bit_transformer.errors import ConfigError
from bit_transformer.training import machine
from bit_transformer.training.machine import choose_machine, has_fast_bf16, try_compiled

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("flags\t\t: fpu avx512f avx512_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("model name : something\n", False),
        ("", False),
    ],
)
def test_bf16_is_chosen_where_the_processor_computes_in_it(
    make_config, monkeypatch, tmp_path, cpuinfo, expected
):
    path = tmp_path / "cpuinfo"
    path.write_text(cpuinfo)
    monkeypatch.setattr(machine, "Path", lambda _: path)
    assert has_fast_bf16(CPU) is expected
    chosen = choose_machine(make_config(precision="auto"))
    assert chosen.precision == ("bf16" if expected else "fp32")
    assert choose_machine(make_config(precision="bf16")).precision == "bf16"
    assert choose_machine(make_config(precision="fp32")).precision == "fp32"


def test_products_are_computed_in_the_chosen_precision(make_config):
    matrix = torch.ones(2, 2)
    for precision, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        with choose_machine(make_config(precision=precision)).autocast():
            assert (matrix @ matrix).dtype == dtype


@pytest.mark.parametrize("device", ["tpu9000", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused(make_config, device):
    with pytest.raises(ConfigError, match="device|GPU|cuda"):
        choose_machine(make_config(device=device))


def test_a_compiler_that_fails_leaves_the_model_as_it_is(make_config, monkeypatch):
    class Failing(torch.nn.Linear):
        def __call__(self, *args, **kwargs):
            raise RuntimeError("no C++ compiler was found\nand so on")

    monkeypatch.setattr(torch, "compile", lambda model: Failing(1, 1))
    model = torch.nn.Linear(1, 1)
    config = make_config(compile="on")
    with pytest.warns(UserWarning, match=r"runs eagerly: no C\+\+ compiler was found$"):
        assert try_compiled(model, config, choose_machine(config), torch.zeros(1, 1)) is model


def test_compiling_can_be_forbidden(make_config, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model: pytest.fail("compiled"))
    config = make_config(compile="off")
    model = torch.nn.Linear(1, 1)
    assert try_compiled(model, config, choose_machine(config), torch.zeros(1, 1)) is model


def test_memory_is_measured(make_config):
    assert choose_machine(make_config()).peak_memory_bytes() > 10**6
