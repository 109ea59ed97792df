#!/usr/bin/env python3
"""Set everything up in .venv, then run something in it.

    python3 start.py demo       train a small model for two minutes, on built-in data
    python3 start.py test       run every check and every test
    python3 start.py check      run the checks only: style, types, layers, docs
    python3 start.py setup      set up, and run nothing
    python3 start.py VERB ...   any verb of bit-transformer, such as: train --help

The first call downloads PyTorch and a few small packages; later ones start at once. Arguments
after the command are passed on: to the verb, or (for test) to pytest.
Only Python's standard library is needed, and nothing outside this folder is changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HELP = (__doc__ or "").strip()
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "set-up.json"
OLDEST_PYTHON = (3, 11)
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


class SetUpError(Exception):
    """Setting up failed; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Exit status of the command that was asked for."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    command, rest = arguments[0], arguments[1:]
    try:
        check_python(sys.version_info[:2])
        set_up(for_tests=command in ("test", "check"))
        if command == "setup":
            say(f"Ready. Activate it with: {activation_line()}")
            return 0
        if command == "check":
            return 1 if run_checks() else 0
        if command == "test":
            return run_tests(rest)
        return run_verb([command, *rest])
    except SetUpError as error:
        print(f"start.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstart.py: stopped", file=sys.stderr)
        return 130


def check_python(version: tuple[int, int]) -> None:
    """Refuse a Python that is too old, before anything else is tried."""
    if version < OLDEST_PYTHON:
        raise SetUpError(
            "this is Python {}.{}, and BitTransformerLM needs {}.{} or newer. Install one, then "
            "run this again with it, for example: python3.12 start.py demo".format(
                *version, *OLDEST_PYTHON
            )
        )


# --- Setting up ------------------------------------------------------------------------------


def set_up(*, for_tests: bool) -> None:
    """Make .venv hold the package and what it needs; at once when it does already."""
    wanted = fingerprint()
    done = read_stamp()
    if done.get("fingerprint") == wanted and (done.get("for_tests") or not for_tests):
        return
    if done and done.get("root") != str(ROOT):
        say("The folder was moved: making .venv anew")
        make_environment("--clear")
    elif not has_pip():
        say("Making an environment in .venv")
        make_environment()
    install_torch()
    say("Installing BitTransformerLM and what it needs")
    target = f"{ROOT}[dev]" if for_tests else str(ROOT)
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    if not pip("install", *quiet, "--editable", target):
        raise SetUpError("pip could not install the package; its message above says why")
    stamp = {"fingerprint": wanted, "for_tests": for_tests, "root": str(ROOT)}
    STAMP.write_text(json.dumps(stamp), encoding="utf-8")


def fingerprint() -> str:
    """A hash of everything that decides what has to be installed."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp() -> dict:
    """What the last complete set-up left behind; empty when there was none."""
    if not venv_python().exists():
        return {}
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def venv_python() -> Path:
    """The interpreter of the environment."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def tool(name: str) -> str:
    """The path of a command installed in the environment."""
    return str(venv_python().with_name(name + (".exe" if os.name == "nt" else "")))


def has_pip() -> bool:
    """Whether the environment is there and has pip."""
    return venv_python().exists() and succeeds([str(venv_python()), "-m", "pip", "--version"])


def make_environment(*options: str) -> None:
    """Make .venv with the running Python."""
    command = [sys.executable, "-m", "venv", *options, str(VENV)]
    if subprocess.run(command, check=False).returncode or not has_pip():
        raise SetUpError(
            "Python could not make a virtual environment (its message is above). "
            "On Debian and Ubuntu: sudo apt install python3-venv, then run this again"
        )


def install_torch() -> None:
    """Install PyTorch unless a good one is there: the small CPU build where there is no GPU."""
    requirement = torch_requirement()
    oldest = tuple(int(part) for part in requirement.split(">=")[1].split("."))
    if succeeds([str(venv_python()), "-c", TORCH_IS_GOOD.format(oldest=oldest)]):
        return
    say("Installing PyTorch, the largest part (200 MB to several GB)")
    for attempt in torch_attempts(requirement, platform.system(), has_gpu()):
        # An extra index from pip's configuration would offer the large build beside the small one.
        only = {"PIP_EXTRA_INDEX_URL": CPU_WHEELS} if CPU_WHEELS in attempt else {}
        if pip("install", *attempt, **only):
            return
        say("That did not work; trying the next way")
    raise SetUpError(
        "PyTorch could not be installed (pip's message is above). Check the network, or install "
        f"it yourself with: {venv_python()} -m pip install {requirement!r}"
    )


TORCH_IS_GOOD = """
import sys, torch
found = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
sys.exit(found < {oldest})
"""


def torch_requirement() -> str:
    """The line of pyproject.toml that asks for PyTorch."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return next(line for line in project["dependencies"] if line.startswith("torch>="))


def torch_attempts(requirement: str, system: str, gpu: bool) -> list[list[str]]:
    """Arguments of ``pip install``, the best way first.

    On Linux the ordinary wheels bring several gigabytes of CUDA libraries, so without a GPU the
    index of CPU builds comes first. It is asked once only, in case it cannot be reached.
    """
    plain = [requirement]
    if system != "Linux" or gpu:
        return [plain]
    once = ["--no-deps", "--retries", "0", "--timeout", "20", "--index-url", CPU_WHEELS]
    return [[*once, requirement], plain]


def has_gpu() -> bool:
    """Whether an NVIDIA driver answers."""
    return shutil.which("nvidia-smi") is not None and succeeds(["nvidia-smi"])


def pip(*arguments: str, **variables: str) -> bool:
    """Whether pip, run in .venv with these environment variables, did what it was asked."""
    common = ["-m", "pip", "--disable-pip-version-check", "--no-input"]
    command = [str(venv_python()), *common, *arguments]
    return run(command, **variables) == 0


def succeeds(command: list[str]) -> bool:
    """Whether a command exits with 0; what it prints is dropped."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


# --- Running ---------------------------------------------------------------------------------


def run_verb(arguments: list[str]) -> int:
    """Exit status of ``bit-transformer`` with these arguments; signals are its own affair."""
    command = [str(venv_python()), "-m", "bit_transformer", *arguments]
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def run_tests(pytest_arguments: list[str]) -> int:
    """0 when every check and every test passed; pytest comes last, so its summary ends it."""
    failed = run_checks()
    say("tests")
    is_parallel = any(a.startswith("-n") for a in pytest_arguments)
    default = [] if is_parallel else ["-n", "2", "--dist", "loadfile"]
    status = run(
        [str(venv_python()), "-m", "pytest", *default, *pytest_arguments],
        OMP_NUM_THREADS="1",
        OMP_WAIT_POLICY="PASSIVE",
    )
    if failed:
        print(f"start.py: these checks failed: {', '.join(failed)}", file=sys.stderr)
    return status or (1 if failed else 0)


def run_checks() -> list[str]:
    """Names of the checks that failed; all of them are run."""
    checks = {
        "style": [tool("ruff"), "check", "."],
        "format": [tool("ruff"), "format", "--check", "."],
        "types": [tool("basedpyright")],
        "layers": [tool("lint-imports"), "--no-logo"],
        "docs": [tool("zensical"), "build", "--strict", "--clean"],
    }
    failed = []
    for name, command in checks.items():
        say(name)
        if run(command):
            failed.append(name)
    return failed


def run(command: list[str], **variables: str) -> int:
    """Exit status of a command with these environment variables."""
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def activation_line() -> str:
    """The line that a person types to use the environment."""
    return str(VENV / "Scripts" / "activate") if os.name == "nt" else f"source {VENV}/bin/activate"


def say(text: str) -> None:
    """Print one line about what happens now."""
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
