"""start.py, with everything that installs or runs replaced by a record of what was asked."""

import ast
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.reference_page import ROOT


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A copy of the script that works in a folder of its own and records commands."""
    spec = importlib.util.spec_from_file_location("start", ROOT / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "set-up.json")
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["torch>=2.6"]\n')
    calls: list[list[str]] = []

    def record(command: list[str], **variables: str) -> int:
        calls.append(command)
        return 0

    def make_environment(*options: str) -> None:
        calls.append(["venv", *options])
        module.venv_python().parent.mkdir(parents=True, exist_ok=True)
        module.venv_python().touch()

    monkeypatch.setattr(module, "calls", calls, raising=False)
    monkeypatch.setattr(module, "run", record)
    monkeypatch.setattr(module, "make_environment", make_environment)
    monkeypatch.setattr(module, "succeeds", lambda command: False)
    return module


def installs(start: ModuleType) -> list[list[str]]:
    """What pip was asked to install, without the options that all calls share."""
    return [call[call.index("install") + 1 :] for call in start.calls if "install" in call]


def test_an_old_python_is_told_what_it_needs(start: ModuleType):
    with pytest.raises(start.SetUpError, match=r"this is Python 3\.10, .* needs 3\.11 or newer"):
        start.check_python((3, 10))
    start.check_python((3, 11))


@pytest.mark.parametrize(
    ("system", "gpu", "num_attempts"),
    [("Linux", False, 2), ("Linux", True, 1), ("Darwin", False, 1), ("Windows", False, 1)],
)
def test_the_small_build_of_pytorch_is_tried_first_where_it_matters(
    start: ModuleType, system: str, gpu: bool, num_attempts: int
):
    attempts = start.torch_attempts("torch>=2.6", system, gpu)
    assert len(attempts) == num_attempts
    assert attempts[-1] == ["torch>=2.6"]
    if num_attempts == 2:
        assert {"--no-deps", "--retries", start.CPU_WHEELS} <= set(attempts[0])


def test_the_first_set_up_makes_an_environment_and_the_second_does_nothing(start: ModuleType):
    start.set_up(for_tests=False)
    assert start.calls[0] == ["venv"]
    assert installs(start)[-1][-1] == str(start.ROOT)
    start.calls.clear()
    start.set_up(for_tests=False)
    assert start.calls == []


def test_tests_need_more_than_the_demo_and_the_demo_no_more_than_tests(start: ModuleType):
    start.set_up(for_tests=False)
    start.calls.clear()
    start.set_up(for_tests=True)
    assert installs(start)[-1][-1].endswith("[dev]")
    start.calls.clear()
    start.set_up(for_tests=False)
    assert start.calls == []


def test_a_changed_project_is_installed_again_into_the_same_environment(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    start.set_up(for_tests=False)
    start.calls.clear()
    monkeypatch.setattr(start, "succeeds", lambda command: True)
    (start.ROOT / "pyproject.toml").write_text('[project]\ndependencies = ["torch>=2.7"]\n')
    start.set_up(for_tests=False)
    assert [call[-1] for call in start.calls] == [str(start.ROOT)]


def test_a_good_pytorch_is_kept(start: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(start, "succeeds", lambda command: True)
    start.install_torch()
    assert start.calls == []


def test_the_plain_build_follows_when_the_small_one_cannot_be_had(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    def offline(command: list[str], **variables: str) -> int:
        start.calls.append(command)
        return 1 if start.CPU_WHEELS in command else 0

    monkeypatch.setattr(start, "run", offline)
    monkeypatch.setattr(start.platform, "system", lambda: "Linux")
    start.install_torch()
    assert installs(start)[-1] == ["torch>=2.6"]
    assert len(installs(start)) == 2


def test_a_failed_installation_is_said_and_leaves_no_stamp(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(start, "run", lambda command, **variables: 1)
    assert start.main(["demo"]) == 1
    assert "PyTorch could not be installed" in capsys.readouterr().err
    assert not start.STAMP.exists()


def test_an_environment_that_was_moved_is_made_anew(start: ModuleType):
    start.set_up(for_tests=False)
    stamp = json.loads(start.STAMP.read_text())
    start.STAMP.write_text(json.dumps({**stamp, "root": "/elsewhere", "fingerprint": ""}))
    start.calls.clear()
    start.set_up(for_tests=False)
    assert start.calls[0] == ["venv", "--clear"]


@pytest.mark.parametrize("damage", ["", "[]", "{"])
def test_a_damaged_stamp_counts_as_none(start: ModuleType, damage: str):
    start.set_up(for_tests=False)
    start.STAMP.write_text(damage)
    assert start.read_stamp() == {}


def test_every_check_runs_and_one_failure_is_enough(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def failing(command: list[str], **variables: str) -> int:
        start.calls.append(command)
        return 1 if "format" in command else 0

    monkeypatch.setattr(start, "run", failing)
    assert start.run_tests(["-x"]) == 1
    assert len(start.calls) == 6
    assert start.calls[-1][-1] == "-x"
    assert "these checks failed: format" in capsys.readouterr().err


def test_any_other_word_goes_to_the_command(start: ModuleType, monkeypatch: pytest.MonkeyPatch):
    given: list[list[str]] = []
    monkeypatch.setattr(start, "run_verb", lambda arguments: given.append(arguments) or 7)
    assert start.main(["train", "--help"]) == 7
    assert given == [["train", "--help"]]


def test_without_a_command_the_commands_are_shown(
    start: ModuleType, capsys: pytest.CaptureFixture[str]
):
    assert start.main([]) == 0
    shown = capsys.readouterr().out
    assert "start.py demo" in shown
    assert "start.py test" in shown
    assert start.calls == []


def test_only_the_standard_library_is_needed():
    tree = ast.parse((ROOT / "start.py").read_text("utf-8"))
    imported = {name for node in ast.walk(tree) for name in imported_modules(node)}
    assert imported <= set(sys.stdlib_module_names)


def imported_modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [str(node.module)]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
