import os
import subprocess
import sys
from importlib import import_module

import pytest

from bit_transformer.cli import main as module
from bit_transformer.cli.main import VERBS, main
from bit_transformer.errors import DataError

NO_TORCH = """
import sys
from importlib import import_module
from bit_transformer.cli.main import VERBS, build_parser
build_parser().format_help()
for verb in VERBS:
    import_module(f"bit_transformer.cli.{verb}").build_parser().format_help()
loaded = {"torch", "safetensors"} & set(sys.modules)
sys.exit(f"imported: {loaded}" if loaded else 0)
"""


def test_no_help_imports_pytorch():
    done = subprocess.run([sys.executable, "-c", NO_TORCH], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_each_verb_teaches_with_examples(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"bit-transformer {verb}" in out.partition("examples:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_parses(verb):
    parser = import_module(f"bit_transformer.cli.{verb}").build_parser()
    for line in parser.epilog.splitlines():
        command = line.strip().partition("   ")[0].split("> ")[0].rpartition("| ")[2]
        if command.startswith(f"bit-transformer {verb}"):
            words = [word.strip('"') for word in _split(command)]
            parser.parse_args(words[2:])


def _split(command: str) -> list[str]:
    import shlex

    return shlex.split(command)


def test_the_command_alone_lists_the_verbs(call):
    code, out, _ = call()
    assert code == 0
    assert all(f"  {verb}" in out for verb in VERBS)


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip()[0].isdigit()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "no verb 'trian'; did you mean train?"),
        (["xyz"], "no verb 'xyz'"),
        (["--frobnicate"], "no option --frobnicate"),
        (["train", "--modle.width", "8"], "no option --modle.width; did you mean --model.width?"),
        (["train", "--mod", "8"], "no option --mod"),
        (["evaluate"], "required: RUN_OR_CHECKPOINT"),
        (["evaluate", "x", "--limit", "much"], "'much' is no size"),
        (["generate", "x", "--top-k", "many"], "--top-k"),
        (["generate", "x", "--prompt", "a", "--prompt-bits", "1"], "not allowed with"),
        (["data", "burn"], "burn"),
        (["info", "a", "b"], "no place for the argument 'b'"),
    ],
)
def test_wrong_usage_is_explained_in_two_lines(call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("bit-transformer")
    assert 1 <= len(err.splitlines()) <= 2


@pytest.mark.parametrize("option", ["--top-k", "--top_k"])
def test_both_spellings_of_an_option_are_known(option):
    parser = import_module("bit_transformer.cli.generate").build_parser()
    assert parser.parse_args(["x", option, "3"]).top_k == 3
    assert parser.parse_args(["x", f"{option}=3"]).top_k == 3


def test_options_and_arguments_may_stand_in_any_order():
    parser = import_module("bit_transformer.cli.train").build_parser()
    arguments = parser.parse_args(["a", "--recipe", "tiny", "b", "--quiet", "c"])
    assert (arguments.paths, arguments.recipe) == (["a", "b", "c"], "tiny")


def _fail_with(monkeypatch, error):
    def fail(verb, arguments):
        raise error

    monkeypatch.setattr(module, "_run", fail)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (DataError("the file is gone"), 1, "the file is gone"),
        (PermissionError(13, "Permission denied", "x.txt"), 1, "Permission denied: x.txt"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("oh"), 1, "fault of the program: ZeroDivisionError: oh"),
    ],
)
def test_every_ending_has_its_exit_code_and_no_traceback(monkeypatch, call, error, code, text):
    monkeypatch.delenv("BIT_TRANSFORMER_TRACEBACK", raising=False)
    _fail_with(monkeypatch, error)
    found, _, err = call("info")
    assert found == code
    assert text in err
    assert "Traceback" not in err


def test_the_place_of_a_fault_is_shown_on_request(monkeypatch):
    monkeypatch.setenv("BIT_TRANSFORMER_TRACEBACK", "1")
    _fail_with(monkeypatch, ZeroDivisionError("oh"))
    with pytest.raises(ZeroDivisionError):
        main(["info"])


@pytest.mark.skipif(os.name != "posix", reason="pipes are closed otherwise there")
def test_a_reader_that_leaves_early_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "bit_transformer", "train", "--print_config"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 141
