"""Files and folders into archives and back, with what the disk knows about them."""

import os
import socket
import stat
from pathlib import Path

import pytest

from bit_transformer.archive import compress, decompress, list_archive, packing
from bit_transformer.archive.pieces import Kind
from bit_transformer.errors import ArchiveError, DataError, InputError
from tests.archive.simple_coder import random_bytes

pytestmark = pytest.mark.usefixtures("simple_coder")

needs_posix = pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files of several kinds and sizes, an empty one, folders in folders."""
    root = tmp_path / "tree"
    (root / "deep" / "deeper").mkdir(parents=True)
    (root / "nothing").mkdir()
    (root / "empty.txt").write_bytes(b"")
    (root / "one.txt").write_bytes(b"one\n")
    (root / "large.bin").write_bytes(random_bytes(5000))
    (root / "deep" / "two.txt").write_bytes(b"two " * 4000)
    (root / "deep" / "deeper" / "äöü 文.txt").write_text("names may hold anything")
    (root / "deep" / "two.txt").chmod(0o600)
    (root / "one.txt").chmod(0o755)
    os.utime(root / "one.txt", ns=(1, 1_234_567_890_123_456_789))
    os.utime(root / "large.bin", ns=(1, -5_000_000_000))
    os.utime(root / "nothing", ns=(1, 86_400_000_000_000))
    return root


def facts(root: Path) -> dict[str, tuple]:
    """Everything below a folder that an archive keeps."""
    found = {}
    for path in sorted([root, *root.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
        target = str(path.readlink()) if path.is_symlink() else None
        mode = None if path.is_symlink() else stat.S_IMODE(status.st_mode)
        time = None if path.is_symlink() else status.st_mtime_ns
        found[str(path.relative_to(root))] = (content, target, mode, time)
    return found


@needs_posix
@pytest.mark.parametrize("block_bytes", [1024, 4096, 1 << 20])
def test_a_folder_comes_back_with_times_and_modes(tree: Path, tmp_path: Path, block_bytes: int):
    before = facts(tree)
    summary = compress(tree, block_bytes=block_bytes, verify=True)
    assert summary.path == tmp_path / "tree.btz"
    assert (summary.num_files, summary.num_content_bytes) == (5, 21_027)
    assert summary.num_archive_bytes == summary.path.stat().st_size
    unpacked = decompress(summary.path, tmp_path / "out")
    assert facts(tmp_path / "out" / "tree") == before
    assert len(unpacked.paths) == len(before)


@needs_posix
def test_links_stay_links(tree: Path, tmp_path: Path):
    (tree / "link").symlink_to("deep/two.txt")
    (tree / "deep" / "up").symlink_to("../one.txt")
    (tree / "dangling").symlink_to("not there")
    before = facts(tree)
    compress(tree)
    unpacked = decompress(tmp_path / "tree.btz", f"{tmp_path}/out/")
    assert facts(tmp_path / "out" / "tree") == before
    assert unpacked.left_out == []


@needs_posix
def test_links_that_lead_outside_are_left_out(tree: Path, tmp_path: Path):
    (tree / "outside").symlink_to("/etc")
    (tree / "up").symlink_to("../../..")
    (tree / "a").symlink_to("deep/deeper")
    (tree / "b").symlink_to("a/../../../..")
    (tree / "c").symlink_to("b")
    compress(tree)
    unpacked = decompress(tmp_path / "tree.btz", f"{tmp_path}/out/")
    assert sorted(unpacked.left_out) == ["tree/b", "tree/outside", "tree/up"]
    links = {p.name for p in (tmp_path / "out" / "tree").iterdir() if p.is_symlink()}
    assert links == {"a", "c"}
    assert not (tmp_path / "out" / "tree" / "c").exists()


@needs_posix
def test_a_link_that_is_named_is_followed(tree: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(tree / "one.txt")
    compress(tmp_path / "link")
    decompress(tmp_path / "link.btz", f"{tmp_path}/out/")
    assert (tmp_path / "out" / "link").read_bytes() == b"one\n"


@needs_posix
def test_names_that_are_no_text_come_back(tmp_path: Path):
    name = os.fsdecode(b"\xff\xfe")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / name).write_bytes(b"content")
    compress(tmp_path / "odd")
    decompress(tmp_path / "odd.btz", f"{tmp_path}/out/")
    assert [path.name for path in (tmp_path / "out" / "odd").iterdir()] == [name]


@needs_posix
def test_what_is_no_file_is_left_out_and_named(tree: Path, tmp_path: Path):
    os.mkfifo(tree / "pipe")
    notes: list[str] = []
    compress(tree, note=notes.append)
    assert len(notes) == 1
    assert "pipe is left out" in notes[0]
    with pytest.raises(DataError, match="no file and no folder"):
        compress(tree / "pipe")


def test_files_of_one_kind_stand_together(tree: Path, tmp_path: Path):
    (tree / "zz.bin").write_bytes(b"z")
    with compress(tree).path.open("rb") as file:
        entries = list_archive(file).entries
    suffixes = [Path(entry.name).suffix for entry in entries if entry.kind == Kind.FILE]
    assert suffixes == sorted(suffixes)


def test_a_file_gets_its_own_name_back(tree: Path, tmp_path: Path):
    summary = compress(tree / "one.txt", tmp_path / "renamed.btz")
    unpacked = decompress(summary.path)
    assert unpacked.paths == [tmp_path / "one.txt"]
    assert unpacked.paths[0].read_bytes() == b"one\n"


def test_a_file_can_be_unpacked_under_another_name(tree: Path, tmp_path: Path):
    summary = compress(tree / "large.bin", block_bytes=1024)
    decompress(summary.path, tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == random_bytes(5000)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]


def test_bytes_without_a_name_are_called_like_the_archive(tmp_path: Path):
    path = tmp_path / "notes.txt.btz"
    path.write_bytes(compress(b"some notes"))
    decompress(path)
    assert (tmp_path / "notes.txt").read_bytes() == b"some notes"
    decompress(path, tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == b"some notes"
    path.rename(tmp_path / "notes")
    with pytest.raises(InputError, match="bytes without a name"):
        decompress(tmp_path / "notes")


def test_several_paths_make_one_archive(tree: Path, tmp_path: Path):
    compress([tree / "one.txt", tree / "deep"], tmp_path / "both.btz")
    decompress(tmp_path / "both.btz", tmp_path / "out")
    assert (tmp_path / "out" / "one.txt").read_bytes() == b"one\n"
    assert (tmp_path / "out" / "deep" / "two.txt").read_bytes() == b"two " * 4000


def test_paths_of_one_name_are_refused(tree: Path, tmp_path: Path):
    (tmp_path / "one.txt").write_bytes(b"another")
    with pytest.raises(InputError, match="both be called one.txt"):
        compress([tree / "one.txt", tmp_path / "one.txt"], tmp_path / "both.btz")


@pytest.mark.parametrize(
    ("paths", "message"), [([], "nothing to compress"), (["a", "b"], "needs a name")]
)
def test_an_archive_without_a_name_is_refused(paths: list[str], message: str):
    with pytest.raises(InputError, match=message):
        compress(paths)


def test_the_folder_that_one_stands_in_has_a_name(tree: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tree / "deep" / "deeper")
    assert compress(".").path.resolve() == tree / "deep" / "deeper.btz"
    compress("..", tmp_path / "up.btz")
    decompress(tmp_path / "up.btz", f"{tmp_path}/out/")
    assert (tmp_path / "out" / "deep" / "two.txt").exists()


def test_an_archive_does_not_swallow_itself(tree: Path, tmp_path: Path):
    archive = tree / "deep" / "all.btz"
    compress(tree, archive)
    compress(tree, archive, force=True)
    with archive.open("rb") as file:
        assert not any("all" in entry.name for entry in list_archive(file).entries)


def test_nothing_is_replaced_unless_that_is_asked_for(tree: Path, tmp_path: Path):
    archive = tmp_path / "tree.btz"
    archive.write_bytes(b"mine")
    with pytest.raises(InputError, match="tree.btz exists"):
        compress(tree)
    assert archive.read_bytes() == b"mine"
    compress(tree, force=True)
    (tree / "one.txt").write_bytes(b"changed")
    with pytest.raises(InputError, match="exists; choose another place"):
        decompress(archive)
    assert (tree / "one.txt").read_bytes() == b"changed"
    decompress(archive, force=True)
    assert (tree / "one.txt").read_bytes() == b"one\n"


def test_a_source_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="nowhere"):
        compress(tmp_path / "nowhere")
    with pytest.raises(DataError, match="nowhere"):
        decompress(tmp_path / "nowhere.btz")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_does_not_come_back_is_not_kept(tree: Path, tmp_path: Path, monkeypatch):
    from bit_transformer.archive import coding

    def wrong(payloads, sizes, *_arguments, **_options):
        return [bytes(size) for size in sizes]

    monkeypatch.setattr(coding, "decode_blocks", wrong)
    with pytest.raises(ArchiveError, match="report this as a fault"):
        compress(tree, verify=True, block_bytes=1024)
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_progress_reaches_the_whole(tree: Path, tmp_path: Path):
    told: list[tuple[int, int]] = []
    compress(tree, block_bytes=1024, progress=lambda *pair: told.append(pair))
    assert told[-1] == (21_027, 21_027)
    told.clear()
    decompress(tmp_path / "tree.btz", f"{tmp_path}/x/", progress=lambda *pair: told.append(pair))
    size = (tmp_path / "tree.btz").stat().st_size
    assert told[-1][1] == size
    assert 0 < told[0][0] < told[-1][0] <= size


def test_thousands_of_files_come_back(tmp_path: Path):
    root = tmp_path / "many"
    root.mkdir()
    for number in range(3000):
        (root / f"a rather long name, so that names fill blocks too {number:040}").touch()
    (root / "last").write_bytes(b"content")
    summary = compress(root)
    with summary.path.open("rb") as file:
        listing = list_archive(file)
    assert len(listing.entries) == 3002
    assert listing.num_blocks > 1
    decompress(summary.path, f"{tmp_path}/out/")
    assert len(list((tmp_path / "out" / "many").iterdir())) == 3001


def test_a_file_that_grows_while_it_is_read_is_archived_as_it_was_read(tmp_path: Path, monkeypatch):
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 10)
    find = packing.find_sources

    def then_grow(*arguments, **options):
        found = find(*arguments, **options)
        path.write_bytes(b"line\n" * 20)
        return found

    monkeypatch.setattr(packing, "find_sources", then_grow)
    compress(path, verify=True)
    decompress(tmp_path / "log.btz", f"{tmp_path}/out/")
    assert (tmp_path / "out" / "log").read_bytes() == b"line\n" * 20


@needs_posix
def test_a_socket_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(DataError, match="no file and no folder"):
            compress("s")
