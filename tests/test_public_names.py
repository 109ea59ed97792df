"""The names that people import: that they exist, load, and cost nothing until they are used."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bit_transformer
from bit_transformer.lazy import lazy_names

SOURCE = Path(bit_transformer.__file__).parent
LAZY_PACKAGES = sorted(
    path for path in SOURCE.rglob("__init__.py") if "lazy_names(" in path.read_text("utf-8")
)


def package_name(init: Path) -> str:
    return ".".join(("bit_transformer", *init.parent.relative_to(SOURCE).parts))


def typed_imports(init: Path) -> set[str]:
    """What a package imports for type checkers only."""
    blocks = [node for node in ast.parse(init.read_text("utf-8")).body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_the_public_surface_is_the_promised_one():
    assert set(bit_transformer.__all__) >= {
        "BitTransformerLM",
        "ModelConfig",
        "TrainConfig",
        "bits_to_bytes",
        "bits_to_text",
        "bytes_to_bits",
        "compress_bits",
        "decompress_bits",
        "evaluate",
        "generate",
        "text_to_bits",
        "train",
    }


@pytest.mark.parametrize("init", LAZY_PACKAGES, ids=package_name)
def test_every_public_name_loads(init: Path):
    package = import_module(package_name(init))
    for name in package.__all__:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("init", LAZY_PACKAGES, ids=package_name)
def test_the_three_lists_of_a_packages_names_agree(init: Path):
    package = import_module(package_name(init))
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(package.__dir__()) == set(package.__all__)
    assert typed_imports(init) == set(package.__all__)


@pytest.mark.parametrize("init", LAZY_PACKAGES, ids=package_name)
def test_no_name_is_hidden_by_a_module_of_the_same_name(init: Path):
    modules = {path.stem for path in init.parent.iterdir()}
    assert modules & set(import_module(package_name(init)).__all__) == set()


def test_a_name_that_does_not_exist_is_missing_as_from_any_module():
    with pytest.raises(
        AttributeError, match=r"module 'bit_transformer' has no attribute 'nothing'"
    ):
        bit_transformer.nothing  # noqa: B018


def test_a_name_listed_twice_is_refused():
    with pytest.raises(ValueError, match=r"p\.x is listed in a and in b"):
        lazy_names("p", {"a": ["x"], "b": ["x"]})


@pytest.mark.parametrize(
    "module",
    [
        "bit_transformer",
        "bit_transformer.bits",
        "bit_transformer.bits.files",
        "bit_transformer.model.config",
        "bit_transformer.model.cost",
        "bit_transformer.data.config",
        "bit_transformer.training.config",
        "bit_transformer.runs.folder",
        "bit_transformer.recipes.layers",
        "bit_transformer.cli.main",
        "bit_transformer.cli.train",
        "bit_transformer.cli.generate",
    ],
)
def test_pytorch_is_not_loaded_by(module: str):
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
