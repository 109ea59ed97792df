import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bit_transformer.bits import (
    atomic_folder,
    atomic_path,
    is_temporary,
    reading_errors,
    write_bytes_atomically,
    writing_errors,
)
from bit_transformer.errors import DataError, StorageError


class Interruption(Exception):
    pass


def test_a_file_appears_whole_and_nothing_else_remains(tmp_path: Path):
    with atomic_path(tmp_path / "a" / "file") as temporary:
        temporary.write_text("new")
        assert is_temporary(temporary)
        assert not (tmp_path / "a" / "file").exists()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["file"]
    assert (tmp_path / "a" / "file").read_text() == "new"


def test_a_failure_leaves_the_old_file_and_no_trace(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(Interruption), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise Interruption
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_bytes_replace_a_file_in_one_step(tmp_path: Path):
    path = tmp_path / "file"
    write_bytes_atomically(path, b"one")
    write_bytes_atomically(path, memoryview(b"two"))
    assert path.read_bytes() == b"two"


def test_new_files_get_ordinary_permissions(tmp_path: Path):
    (tmp_path / "plain").write_bytes(b"")
    write_bytes_atomically(tmp_path / "atomic", b"")
    modes = {(tmp_path / name).stat().st_mode for name in ("plain", "atomic")}
    assert len(modes) == 1


def test_a_folder_appears_whole(tmp_path: Path):
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "inner").mkdir()
        (temporary / "inner" / "file").write_text("x")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "inner" / "file").read_text() == "x"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_exists_is_kept_unless_replacement_is_asked_for(tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(StorageError, match="it exists"), atomic_folder(out):
        pytest.fail("the block must not run")
    with atomic_folder(out, replace=True) as temporary:
        (temporary / "new").touch()
    assert [p.name for p in out.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_another_process_finished_first_is_kept(tmp_path: Path):
    out = tmp_path / "out"
    with pytest.raises(StorageError, match="in the way|already there"), atomic_folder(out) as mine:
        (mine / "late").touch()
        out.mkdir()
        (out / "early").touch()
    assert [p.name for p in out.iterdir()] == ["early"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_the_old_folder(tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(Interruption), atomic_folder(out, replace=True) as temporary:
        (temporary / "new").touch()
        raise Interruption
    assert [p.name for p in out.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_moved_into_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if (self / "new").exists():
            raise OSError(errno.EACCES, "refused", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with (
        pytest.raises(StorageError, match="permission was refused"),
        atomic_folder(out, replace=True) as temporary,
    ):
        (temporary / "new").touch()
    assert [p.name for p in out.iterdir()] == ["old"]


def test_a_killed_process_leaves_the_old_file_and_a_name_that_is_recognised(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("old")
    program = (
        "import os, sys\n"
        "from bit_transformer.bits.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode == 9
    assert path.read_text() == "old"
    left = [p for p in tmp_path.iterdir() if p != path]
    assert len(left) == 1
    assert is_temporary(left[0])


def test_ordinary_hidden_names_are_not_taken_for_unfinished_ones():
    assert not is_temporary(".gitignore")
    assert not is_temporary("a.unfinished-1")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_with_the_file():
    with pytest.raises(StorageError, match=r"model\.bin: the disk is full"):
        with writing_errors("model.bin"), Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "permission was refused"),
        (errno.EROFS, "read-only"),
    ],
)
def test_failures_while_writing_name_the_destination(tmp_path: Path, number: int, words: str):
    path = tmp_path / "file"
    with pytest.raises(StorageError, match=words) as caught, atomic_path(path) as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number), str(temporary))
    assert str(path) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_error_about_another_file_is_not_blamed_on_the_destination(tmp_path: Path):
    with pytest.raises(PermissionError), atomic_path(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "refused", "/elsewhere/source")


def test_files_and_folders_in_the_way_are_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="a folder is in the way"):
        write_bytes_atomically(tmp_path, b"")
    with pytest.raises(StorageError, match="cannot write"):
        write_bytes_atomically(tmp_path / "file" / "below", b"")
    with pytest.raises(StorageError, match="too long"):
        write_bytes_atomically(tmp_path / ("x" * 300), b"")


def test_failures_to_read_name_the_file_and_other_errors_pass(tmp_path: Path):
    with pytest.raises(DataError, match="permission to read it was refused"):
        with reading_errors(tmp_path / "secret"):
            raise PermissionError(errno.EACCES, "refused", str(tmp_path / "secret"))
    with pytest.raises(FileNotFoundError), reading_errors(tmp_path / "a"):
        raise FileNotFoundError(errno.ENOENT, "missing", "/elsewhere/b")


def test_files_are_handled_without_loading_pytorch():
    program = "import sys, bit_transformer.bits.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
