"""Rules for the source that no other tool checks."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.reference_page import ROOT, SOURCE, definitions, public_names

MODULES = sorted(SOURCE.rglob("*.py"))

FORBIDDEN = {
    "a pickle runs code when it is read": (
        r"\bimport pickle\b|\btorch\.(load|save)\(|allow_pickle=True"
    ),
    "a path of one person's machine": r"/(home|root|Users)/\w|[A-Z]:\\Users",
    "unfinished work": r"\b(TODO|FIXME|XXX|NotImplementedError)\b",
    "an error that nobody hears of": r"except( Exception| BaseException)?:\s*\n\s*pass\b",
    "a loss is called bits_per_byte or bits_per_bit": r"\bbpb\b",
}


def tracked_texts() -> list[Path]:
    """Every text file of the repository but this one."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        paths = [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    else:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    suffixes = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ""}
    texts = [path for path in paths if path.is_file() and path.suffix in suffixes]
    return [path for path in texts if path != Path(__file__).resolve() and path.name != "LICENSE"]


def is_test(path: Path) -> bool:
    return path.is_relative_to(ROOT / "tests")


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_no_file_holds(reason: str):
    # Tests may make a pickle, to see it refused.
    texts = [path for path in tracked_texts() if "pickle" not in reason or not is_test(path)]
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in texts
        for match in re.finditer(FORBIDDEN[reason], path.read_text("utf-8", errors="replace"))
    ]
    assert not found


def test_the_forbidden_things_would_be_noticed():
    examples = ["import pickle", "/home/someone", "TODO", "except Exception:\n    pass", "bpb"]
    for pattern, example in zip(FORBIDDEN.values(), examples, strict=True):
        assert re.search(pattern, example)


def test_every_public_function_and_class_has_a_docstring():
    silent = [
        f"{module.relative_to(ROOT)}: {name}"
        for module in MODULES
        for name, node in definitions(module).items()
        if name in public_names(module)
        and isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_every_module_says_what_it_is():
    silent = [m for m in MODULES if not ast.get_docstring(ast.parse(m.read_text("utf-8")))]
    assert not silent


def test_every_module_names_what_it_offers():
    silent = [
        str(module.relative_to(ROOT))
        for module in MODULES
        if any(not name.startswith("_") for name in definitions(module))
        and not public_names(module)
    ]
    assert not silent


def test_functions_and_files_can_be_read_in_one_go():
    long = []
    for module in MODULES:
        text = module.read_text("utf-8")
        num_lines = text.count("\n")
        if num_lines > 450:
            long.append(f"{module.relative_to(ROOT)}: {num_lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                size = node.end_lineno - node.lineno + 1
                if size > 70:
                    long.append(f"{module.relative_to(ROOT)}: {node.name} has {size} lines")
    assert not long


def test_one_module_alone_talks_to_other_processes():
    imports = re.compile(
        r"^\s*(import|from) torch\.distributed|^\s*from torch import distributed", re.M
    )
    found = {str(m.relative_to(SOURCE)) for m in MODULES if imports.search(m.read_text("utf-8"))}
    assert found <= {str(Path("training", "distributed.py"))}


def test_every_test_file_tests_a_room_that_exists():
    rooms = {path.stem for path in SOURCE.iterdir()}
    tested = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert tested - {"__pycache__", "golden"} <= rooms


def test_everything_imported_is_asked_for():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = settings["optional-dependencies"].items()
    lines = [line for name, group in extras if name not in ("dev", "docs") for line in group]
    lines += settings["dependencies"]
    asked = {re.split(r"[<>=;\[ ]", line)[0].replace("-", "_") for line in lines}
    known = {*sys.stdlib_module_names, "bit_transformer", "pydantic_core", *asked}
    imported = {
        name.split(".")[0]
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        for name in imported_modules(node)
    }
    assert imported - known == set()


def imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [str(node.module)]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
