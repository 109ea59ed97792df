import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bit_transformer.runs import environment


def test_versions_and_machine_are_recorded():
    found = environment()
    assert found["python"] == platform.python_version()
    assert found["packages"]["torch"] == version("torch")
    assert found["num_cores"] >= found["num_usable_cores"] >= 1
    assert found["command"] == sys.argv


def test_it_is_plain_json():
    assert json.loads(json.dumps(environment())) == environment()


def test_only_the_variables_that_matter_are_recorded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    found = environment()
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    assert "hunter2" not in json.dumps(found)


def test_a_machine_without_git_has_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = environment()
    assert found["commit"] is None
    assert found["has_uncommitted_changes"] is None


def test_a_clone_records_its_commit():
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("this is no clone")
    head = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert environment()["commit"] == head.stdout.strip()


def test_runs_are_read_without_loading_pytorch():
    program = (
        "import sys; from bit_transformer import runs;"
        "[getattr(runs, name) for name in runs.__all__]; runs.environment();"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
