"""README and guides: each command parses, each example runs, each link leads somewhere."""

import ast
import re
import shlex
from importlib import import_module

import pytest

import bit_transformer
from bit_transformer.cli.main import VERBS
from bit_transformer.cli.main import build_parser as build_main_parser
from tests.reference_page import ROOT

PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/index.md", "docs/guide.md"]
OWN_COMMANDS = {"demo", "test", "check", "setup", *VERBS}
OTHER_PROGRAMS = {"pip", "uv", "tail", "tensorboard", "pre-commit"}


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def commands() -> list[str]:
    lines = [
        line for page in PAGES for block in blocks(page, "bash") for line in block.splitlines()
    ]
    return [line for line in lines if line.strip()]


def parse_verb(arguments: list[str]) -> None:
    if not arguments or arguments[0].startswith("-"):
        build_main_parser().parse_args(arguments)
        return
    assert arguments[0] in VERBS
    parser = import_module(f"bit_transformer.cli.{arguments[0]}").build_parser()
    parser.parse_args(arguments[1:])


@pytest.mark.parametrize("command", commands())
def test_the_command_parses(command: str):
    words = shlex.split(command, comments=True)
    if words[:2] == ["python3", "start.py"]:
        assert words[2] in OWN_COMMANDS
        if words[2] in VERBS:
            parse_verb(words[2:])
    elif words[0] == "bit-transformer":
        parse_verb(words[1:])
    elif words[0] == "torchrun":
        module = words.index("-m")
        assert words[module + 1] == "bit_transformer"
        parse_verb(words[module + 2 :])
    elif words[:2] == ["python", "-m"]:
        import_module(words[2])
    elif words[0] == "python":
        script = (ROOT / words[1]).read_text("utf-8")
        assert all(f'"{word}"' in script for word in words if word.startswith("--"))
    else:
        assert words[0] in OTHER_PROGRAMS


def test_the_two_commands_come_first():
    first = blocks("README.md", "bash")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == [
        "python3 start.py demo",
        "python3 start.py test",
    ]


def test_what_ci_runs_is_the_second_command():
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert lines[-1] == "exec python3 start.py test"


def test_the_table_of_verbs_is_complete():
    text = (ROOT / "README.md").read_text("utf-8")
    assert re.findall(r"^\| `bit-transformer (\w+)` \|", text, re.M) == list(VERBS)


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]):
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_examples_of_the_guide_use_names_that_exist():
    for block in blocks("docs/guide.md", "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "bit_transformer":
                assert {alias.name for alias in node.names} <= set(bit_transformer.__all__)


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str):
    text = (ROOT / page).read_text("utf-8")
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", text) if "://" not in t]
    missing = [t for t in targets if not ((ROOT / page).parent / t.split("#")[0]).exists()]
    assert not missing
