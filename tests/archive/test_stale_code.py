import os
import subprocess
import sys
from pathlib import Path

from bit_transformer.archive.stale_code import forget_stale_code

INNER = "from numba import njit\n@njit(cache=True)\ndef inner(n):\n    return n + {}\n"
OUTER = """\
from numba import njit
from inner import inner
@njit(cache=True)
def outer(n):
    return inner(n)
"""


def answer(folder: Path) -> str:
    code = "from outer import outer; print(outer(1))"
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_changed_function_is_compiled_anew_also_within_those_that_call_it(tmp_path: Path):
    (tmp_path / "outer.py").write_text(OUTER)
    (tmp_path / "inner.py").write_text(INNER.format(1))
    assert answer(tmp_path) == "2"
    (tmp_path / "inner.py").write_text(INNER.format(10))
    forget_stale_code(tmp_path)
    assert answer(tmp_path) == "11"


def test_code_that_is_younger_than_all_sources_stays(tmp_path: Path):
    (tmp_path / "one.py").write_text("")
    kept, stale = (tmp_path / "__pycache__" / name for name in ("one.nbi", "two.nbi"))
    kept.parent.mkdir()
    for index in (kept, stale):
        index.write_bytes(b"x")
    time_s = (tmp_path / "one.py").stat().st_mtime
    os.utime(kept, (time_s + 1, time_s + 1))
    os.utime(stale, (time_s - 1, time_s - 1))
    forget_stale_code(tmp_path)
    assert kept.exists()
    assert not stale.exists()


def test_code_that_is_older_than_what_it_calls_in_another_folder_goes(tmp_path: Path):
    for name in ("calling", "called"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.py").write_text("")
    index = tmp_path / "calling" / "__pycache__" / "one.nbi"
    index.parent.mkdir()
    index.write_bytes(b"x")
    time_s = index.stat().st_mtime
    os.utime(tmp_path / "calling" / "one.py", (time_s - 2, time_s - 2))
    os.utime(tmp_path / "called" / "one.py", (time_s + 2, time_s + 2))
    forget_stale_code(tmp_path / "calling")
    assert index.exists()
    forget_stale_code(tmp_path / "calling", tmp_path / "called")
    assert not index.exists()


def test_a_folder_without_compiled_code_is_left_alone(tmp_path: Path):
    (tmp_path / "one.py").write_text("")
    forget_stale_code(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["one.py"]
