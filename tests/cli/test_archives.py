"""The verbs ``compress``, ``decompress``, ``test`` and ``list``."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from bit_transformer.archive import coding
from tests.archive.simple_coder import decode, encode, random_bytes

TEXT = b"It was the age of wisdom, it was the age of foolishness.\n" * 200


@pytest.fixture(autouse=True)
def simple(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A quick coder, and the folder that the test works in."""
    monkeypatch.setattr(coding, "encode_blocks", encode)
    monkeypatch.setattr(coding, "decode_blocks", decode)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A text file."""
    path = tmp_path / "book.txt"
    path.write_bytes(TEXT)
    return path


class Standard:
    """Takes the place of stdin or stdout where bytes go through."""

    def __init__(self, data: bytes = b"", *, is_terminal: bool = False) -> None:
        self.buffer = io.BytesIO(data)
        self.buffer.isatty = lambda: is_terminal  # type: ignore[method-assign]

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch, call):
    """Runs the command with these bytes at stdin; gives exit code, stdout's bytes and stderr."""

    def run(data: bytes, *arguments: object) -> tuple[int, bytes, str]:
        output = Standard()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", Standard(data))
            patch.setattr(sys, "stdout", output)
            code, _, err = call(*arguments)
        return code, output.buffer.getvalue(), err

    return run


def test_a_file_becomes_an_archive_and_comes_back(book: Path, call):
    code, out, _ = call("compress", "book.txt")
    archive = book.with_name("book.txt.btz")
    assert code == 0
    assert f"book.txt.btz: 11.4 KB to {archive.stat().st_size} bytes" in out
    assert "bits_per_byte" in out
    assert book.exists()
    time = book.stat().st_mtime_ns
    book.unlink()
    code, out, _ = call("decompress", "book.txt.btz")
    assert (code, book.read_bytes(), book.stat().st_mtime_ns) == (0, TEXT, time)
    assert out == "book.txt: 11.4 KB\n"
    assert archive.exists()


def test_each_file_gets_an_archive_or_all_get_one(book: Path, call):
    book.with_name("two.txt").write_bytes(b"two")
    code, out, _ = call("compress", "book.txt", "two.txt", "--json")
    facts = json.loads(out)
    assert code == 0
    assert [one["archive"] for one in facts] == ["book.txt.btz", "two.txt.btz"]
    assert facts[0]["num_archive_bytes"] == book.with_name("book.txt.btz").stat().st_size
    code, out, _ = call("compress", "book.txt", "two.txt", "-o", "all.btz", "--json")
    (facts,) = json.loads(out)
    assert (facts["archive"], facts["num_files"]) == ("all.btz", 2)
    assert call("decompress", "all.btz", "-o", "out/")[0] == 0
    assert (book.parent / "out" / "two.txt").read_bytes() == b"two"


def test_folders_are_archived_whole(tmp_path: Path, call):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"c")
    assert call("compress", "a", "--verify")[0] == 0
    assert call("decompress", "a.btz", "-o", "out")[0] == 0
    assert (tmp_path / "out" / "a" / "b" / "c").read_bytes() == b"c"


def test_sources_are_removed_only_when_the_archive_is_right(book: Path, call, monkeypatch):
    monkeypatch.setattr(
        coding, "decode_blocks", lambda p, sizes, *_a, **_o: [bytes(n) for n in sizes]
    )
    code, _, err = call("compress", "book.txt", "--remove")
    assert code == 1
    assert "damaged" in err
    assert book.read_bytes() == TEXT
    assert not book.with_name("book.txt.btz").exists()
    monkeypatch.setattr(coding, "decode_blocks", decode)
    assert call("compress", "book.txt", "--remove")[0] == 0
    assert not book.exists()
    assert call("decompress", "book.txt.btz", "--remove")[0] == 0
    assert book.read_bytes() == TEXT
    assert not book.with_name("book.txt.btz").exists()


def test_whole_folders_are_removed_but_not_what_changed(tmp_path: Path, call, monkeypatch):
    from bit_transformer.archive import folders

    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"c")
    (tmp_path / "a" / "log").write_bytes(b"line\n")
    remove = folders.remove_sources

    def change_and_remove(sources):
        (tmp_path / "a" / "log").write_bytes(b"line\nline\n")
        return remove(sources)

    monkeypatch.setattr(folders, "remove_sources", change_and_remove)
    code, _, err = call("compress", "a", "--remove")
    assert code == 0
    assert "log stays: it changed" in err
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["log"]
    monkeypatch.undo()


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
def test_a_link_to_a_file_is_never_removed(book: Path, call):
    book.with_name("link").symlink_to(book)
    assert call("compress", "link", "--remove")[0] == 0
    assert book.exists()
    assert book.with_name("link").is_symlink()


def test_nothing_is_replaced_without_force(book: Path, call):
    call("compress", "book.txt")
    code, out, err = call("compress", "book.txt")
    assert (code, out) == (2, "")
    assert "book.txt.btz exists; choose another name with -o, or pass --force" in err
    assert call("compress", "book.txt", "--force")[0] == 0
    code, _, err = call("decompress", "book.txt.btz")
    assert code == 2
    assert "book.txt exists; choose another place with -o, or pass --force" in err
    assert call("decompress", "book.txt.btz", "--force")[0] == 0


def test_pipes_carry_archives(pipe):
    code, archive, err = pipe(TEXT, "compress")
    assert (code, err) == (0, "")
    assert len(archive) < len(TEXT) / 5
    code, content, _ = pipe(archive, "decompress")
    assert (code, content) == (0, TEXT)
    code, listed, _ = pipe(archive, "list", "-")
    assert code == 0
    assert b"(bytes without a name)" in listed
    code, tested, _ = pipe(archive, "test", "-")
    assert (code, tested) == (0, b"stdin: intact, 11.4 KB\n")


def test_stdin_becomes_a_file_and_a_file_goes_to_stdout(book: Path, pipe, call):
    assert pipe(TEXT, "compress", "-", "-o", "x.btz")[0] == 0
    code, content, _ = pipe(b"", "decompress", "x.btz", "-o", "-")
    assert (code, content) == (0, TEXT)
    assert pipe(b"x", "compress", "-o", "x.btz")[0] == 2
    assert pipe((book.with_name("x.btz")).read_bytes(), "decompress", "-", "-o", "y")[0] == 0
    assert book.with_name("y").read_bytes() == TEXT


def test_no_archive_is_shown_on_a_terminal(monkeypatch, call):
    monkeypatch.setattr(sys, "stdin", Standard(TEXT))
    monkeypatch.setattr(sys, "stdout", Standard(is_terminal=True))
    code, _, err = call("compress")
    assert code == 2
    assert "not for a terminal" in err


def test_damage_is_told_by_test_and_refused_by_decompress(book: Path, call):
    call("compress", "book.txt", "--block", "1024")
    path = book.with_name("book.txt.btz")
    whole = bytearray(path.read_bytes())
    assert call("test", path)[1] == f"{path}: intact, 11.4 KB\n"
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    book.unlink()
    code, out, err = call("test", "book.txt.btz", "--json")
    assert code == 1
    assert not json.loads(out)[0]["is_intact"]
    assert "book.txt.btz: block" in err
    code, out, err = call("decompress", "book.txt.btz")
    assert (code, out) == (1, "")
    assert "get the archive anew" in err
    assert not book.exists()


def test_what_is_intact_is_salvaged(book: Path, call):
    book.write_bytes(random_bytes(5000))
    call("compress", "book.txt", "--block", "1024")
    path = book.with_name("book.txt.btz")
    whole = bytearray(path.read_bytes())
    whole[2000] ^= 1
    path.write_bytes(whole)
    code, out, _ = call("decompress", "book.txt.btz", "--salvage", "-o", "out")
    assert code == 1
    assert "book.txt.partial: 4.0 KB, bytes 0 to 1,024, 2,048 to 5,000 are known" in out
    code, out, _ = call("decompress", "book.txt.btz", "--salvage", "-o", "out", "--json", "--force")
    assert json.loads(out)[0]["ranges"] == [[0, 1024], [2048, 5000]]


def test_the_list_shows_names_sizes_and_how_it_was_made(book: Path, call):
    book.chmod(0o640)
    os.utime(book, ns=(0, 1_000_000_000_000_000_000))
    call("compress", "book.txt", "--block", "1024", "--level", "fast")
    code, out, _ = call("list", "book.txt.btz")
    assert code == 0
    assert "11,400  2001-09-09 01:46:40  book.txt" in out
    if os.name != "nt":
        assert out.startswith("-rw-r-----")
    assert "level fast, no model, 12 blocks" in out
    assert "SHA-256 of the content " in out
    (facts,) = json.loads(call("list", "book.txt.btz", "--json")[1])
    assert facts["entries"][0]["num_bytes"] == len(TEXT)
    assert facts["entries"][0]["kind"] == "file"


@pytest.mark.skipif(os.name == "nt", reason="names as POSIX has them")
def test_a_name_cannot_move_the_cursor(tmp_path: Path, call):
    (tmp_path / "a\x1b[2Jb\n").write_bytes(b"")
    call("compress", "a\x1b[2Jb\n", "-o", "x.btz")
    out = call("list", "x.btz")[1]
    assert "\x1b" not in out
    assert "a\\x1b[2Jb\\n" in out


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
def test_a_link_that_leads_outside_is_named_and_fails(tmp_path: Path, call):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "link").symlink_to("/etc")
    call("compress", "a")
    code, _, err = call("decompress", "a.btz", "-o", "out/")
    assert code == 1
    assert "the link a/link leads outside and is left out" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compress", "nothing.txt"), "nothing.txt"),
        (("compress", "book.txt", "-o", "-"), "only stdin is compressed to stdout"),
        (("compress", "-", "book.txt"), "stdin is compressed alone"),
        (("compress", "-", "--remove"), "stdin is compressed alone"),
        (("compress", "book.txt", "--level", "9"), "invalid choice: '9'"),
        (("compress", "book.txt", "--block", "1000"), "a power of two"),
        (("compress", "book.txt", "--threads", "0"), "at least 1, got 0"),
        (("compress", "book.txt", "--model", "nowhere.btm"), "nowhere.btm"),
        (("decompress", "book.txt"), "this is no archive"),
        (("decompress", "a.btz", "b.btz", "-o", "out"), "write -o out/"),
        (("decompress", "-", "--salvage"), "--salvage reads archives from files"),
        (("decompress", "a.btz", "-o", "-", "--remove"), "--remove is for archives"),
        (("test",), "test takes at least one archive"),
        (("list",), "list takes at least one archive"),
    ],
)
def test_wrong_arguments_are_refused(book: Path, call, arguments, message: str):
    call("compress", "book.txt", "-o", "a.btz")
    code, _, err = call(*arguments)
    assert code in (1, 2)
    assert message in err
    assert "fault of the program" not in err


@pytest.mark.parametrize("verb", ["compress", "decompress", "test", "list"])
def test_the_verbs_explain_themselves(verb: str, capsys):
    from bit_transformer.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert "examples:" in capsys.readouterr().out
