import errno
import os
import socket
from pathlib import Path

import pytest

from bit_transformer.data import standard_library_files
from bit_transformer.data.sources import Found, Rules, find_files
from bit_transformer.errors import DataError


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return root


def labels(found: Found) -> list[str]:
    return [file.label for file in found.files]


def reasons(found: Found) -> dict[str, str]:
    return {item.path: item.reason for item in found.skipped}


def test_a_folder_stands_for_its_files_in_the_order_of_their_names(tmp_path: Path):
    make(tmp_path, "b.txt", "a/z.txt", "a/y/x.txt", "c.bin")
    assert labels(find_files([tmp_path])) == ["b.txt", "c.bin", "a/z.txt", "a/y/x.txt"]


def test_hidden_names_and_compiled_python_are_passed_over_unless_asked_for(tmp_path: Path):
    make(tmp_path, "a.txt", ".git/config", "__pycache__/a.pyc", ".hidden")
    found = find_files([tmp_path])
    assert labels(found) == ["a.txt"]
    assert not found.skipped
    every = find_files([tmp_path], Rules(include_hidden=True))
    assert set(labels(every)) == {"a.txt", ".git/config", "__pycache__/a.pyc", ".hidden"}


def test_a_hidden_folder_can_be_given_by_name(tmp_path: Path):
    make(tmp_path, ".notes/a.txt")
    assert labels(find_files([tmp_path / ".notes"])) == ["a.txt"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(include=["*.md"]), {"a.md", "doc/b.md", "doc/old/c.md"}),
        (Rules(exclude=["*.md"]), {"x.py", "doc/x.py"}),
        (Rules(exclude=["old"]), {"a.md", "doc/b.md", "x.py", "doc/x.py"}),
        (Rules(exclude=["old/"]), {"a.md", "doc/b.md", "x.py", "doc/x.py"}),
        (Rules(include=["doc/*"]), {"doc/b.md", "doc/old/c.md", "doc/x.py"}),
        (Rules(include=["*.md"], exclude=["doc/b*"]), {"a.md", "doc/old/c.md"}),
    ],
)
def test_patterns_choose_among_the_files_of_a_folder(
    tmp_path: Path, rules: Rules, expected: set[str]
):
    make(tmp_path, "a.md", "doc/b.md", "doc/old/c.md", "x.py", "doc/x.py")
    assert set(labels(find_files([tmp_path], rules))) == expected


def test_patterns_do_not_touch_a_file_that_is_named_outright(tmp_path: Path):
    make(tmp_path, "a.txt", ".secret")
    rules = Rules(include=["*.md"], exclude=["*"])
    paths = [tmp_path / "a.txt", tmp_path / ".secret"]
    assert labels(find_files(paths, rules)) == ["a.txt", ".secret"]


def test_each_file_is_found_once_however_often_it_is_named(tmp_path: Path):
    make(tmp_path, "in/a.txt", "in/deep/b.txt")
    paths = [tmp_path / "in" / "a.txt", tmp_path / "in", tmp_path / "in", tmp_path / "in" / "deep"]
    assert labels(find_files(paths)) == ["a.txt", "in/deep/b.txt"]


def test_several_folders_are_told_apart_by_their_names(tmp_path: Path):
    make(tmp_path, "one/a.txt", "two/a.txt")
    assert labels(find_files([tmp_path / "one", tmp_path / "two"])) == ["one/a.txt", "two/a.txt"]


def test_links_to_files_are_followed_only_within_the_given_folders(tmp_path: Path):
    make(tmp_path, "in/.store/blob", "in/a.txt", "out/secret")
    (tmp_path / "in" / "good").symlink_to(".store/blob")
    (tmp_path / "in" / "bad").symlink_to("../out/secret")
    found = find_files([tmp_path / "in"])
    assert labels(found) == ["a.txt", "good"]
    assert reasons(found) == {"bad": "a symbolic link that leaves the given folders"}


def test_links_to_folders_are_not_followed_so_a_circle_ends(tmp_path: Path):
    make(tmp_path, "in/a.txt", "out/secret")
    (tmp_path / "in" / "circle").symlink_to("..")
    (tmp_path / "in" / "away").symlink_to("../out")
    assert labels(find_files([tmp_path / "in"])) == ["a.txt"]


def test_a_given_folder_may_itself_be_a_link(tmp_path: Path):
    make(tmp_path, "real/a.txt", "real/.store/b")
    (tmp_path / "real" / "b").symlink_to(".store/b")
    (tmp_path / "link").symlink_to("real")
    assert labels(find_files([tmp_path / "link"])) == ["a.txt", "b"]


def test_what_cannot_be_taken_from_a_folder_is_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(make(tmp_path, "a.txt"))
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    found = find_files([tmp_path])
    assert labels(found) == ["a.txt"]
    assert reasons(found) == {
        "dangling": "cannot be read: No such file or directory",
        "empty": "is empty",
        "pipe": "is no regular file",
        "socket": "is no regular file",
    }


def test_a_file_without_permission_is_reported_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make(tmp_path, "a.txt", "locked.txt")
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("locked.txt"))
    found = find_files([tmp_path])
    assert labels(found) == ["a.txt"]
    assert reasons(found) == {"locked.txt": "cannot be read: permission was refused"}


def test_a_file_without_permission_is_an_error_when_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make(tmp_path, "locked.txt")

    def refuse(self: Path, *args: object, **kwargs: object):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"cannot read .*locked\.txt: permission"):
        find_files([tmp_path / "locked.txt"])


def test_a_folder_without_permission_is_reported_below_and_an_error_at_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make(tmp_path, "a.txt", "locked/b.txt")
    scandir = os.scandir

    def refusing(path: str):
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert reasons(find_files([tmp_path])) == {"locked/": "cannot be read: Permission denied"}
    with pytest.raises(DataError, match=r"cannot read .*locked"):
        find_files([tmp_path / "locked"])


def test_a_missing_path_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"nowhere\.txt: there is no such file"):
        find_files([tmp_path / "nowhere.txt"])


def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path):
    (tmp_path / "snake").symlink_to("snake")
    with pytest.raises(DataError, match="snake"):
        find_files([tmp_path / "snake"])


@pytest.mark.parametrize("name", ["pipe", "/dev/null", "/dev/zero"])
def test_pipes_and_devices_are_refused_without_waiting_for_them(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="it is no regular file"):
        find_files([tmp_path / name])


def test_an_empty_file_is_refused_by_name(tmp_path: Path):
    (tmp_path / "void.txt").touch()
    with pytest.raises(DataError, match=r"void\.txt: it is empty"):
        find_files([tmp_path / "void.txt"])


def test_a_folder_with_nothing_to_take_is_refused_with_the_reasons(tmp_path: Path):
    with pytest.raises(DataError, match="holds no file that can be taken"):
        find_files([tmp_path])
    (tmp_path / "void").touch()
    with pytest.raises(DataError, match="void is empty"):
        find_files([tmp_path])
    with pytest.raises(DataError, match=r"holds no file matching \['\*\.md'\]"):
        find_files([tmp_path], Rules(include=["*.md"]))


def test_a_built_corpus_within_a_folder_is_not_read_as_text(tmp_path: Path):
    make(tmp_path, "a.txt", "corpus/corpus.json", "corpus/train.bin")
    found = find_files([tmp_path])
    assert labels(found) == ["a.txt"]
    assert "built corpus" in reasons(found)["corpus/"]


def test_a_name_that_is_no_utf8_gets_a_label_that_is(tmp_path: Path):
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    assert labels(find_files([tmp_path])) == ["caf\ufffd"]


def test_progress_counts_the_files_found(tmp_path: Path):
    counts: list[int] = []
    find_files([make(tmp_path, "a", "b", "c")], progress=counts.append)
    assert counts == [1, 2, 3]


def test_the_standard_library_is_megabytes_of_python_without_tests():
    files = standard_library_files()
    names = {path.name for path in files}
    assert {"argparse.py", "dataclasses.py"} <= names
    assert {path.suffix for path in files} == {".py"}
    assert not any({"test", "site-packages"} & set(path.parts) for path in files)
    assert sum(path.stat().st_size for path in files) > 5_000_000


def test_a_python_without_its_library_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sysconfig.get_path", lambda name: f"/nowhere/{name}")
    with pytest.raises(DataError, match="name files or folders"):
        standard_library_files()
