"""Uploads, allowed folders and results: what comes in, what may be read, what is kept."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.dashboard.schemas.source import Source
from bit_transformer.dashboard.storage import results as results_module
from bit_transformer.dashboard.storage import uploads as uploads_module
from bit_transformer.dashboard.storage.folders import ReadableFolders
from bit_transformer.dashboard.storage.names import shown_name
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.storage.sources import SourceResolver
from bit_transformer.dashboard.storage.uploads import UploadStore
from bit_transformer.errors import DashboardError, InputError, StorageError
from tests.dashboard.asking import run_apart


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "a.txt").write_text("hello")
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside.txt")
    (folder / "way-out").symlink_to(tmp_path)
    (folder / "good-link").symlink_to(folder / "inside" / "a.txt")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    return UploadStore(tmp_path / "uploads", max_bytes=100, max_number=3)


async def parts(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def receive(store: UploadStore, *chunks: bytes, name: str = "x.bin"):
    return run_apart(store.receive(name, parts(*chunks)))


def test_files_below_a_root_are_read_and_links_within_it_followed(root: Path):
    folders = ReadableFolders((root,))
    assert folders.read(str(root / "inside" / "a.txt"), 100) == b"hello"
    assert folders.read(str(root / "good-link"), 100) == b"hello"
    listing = folders.listing(str(root))
    assert [(entry.name, entry.kind) for entry in listing.entries] == [("inside", "folder")]
    assert listing.parent is None
    assert folders.listing(str(root / "inside")).parent == str(root)
    assert [entry.path for entry in folders.listing(None).entries] == [str(root)]


@pytest.mark.parametrize(
    "path",
    [
        "{root}/link", "{root}/way-out/outside.txt", "{root}/../outside.txt", "{root}/.hidden",
        "{root}/inside/../../outside.txt", "/etc/passwd", "inside/a.txt", "", "~", "~root",
        "{root}/inside/a.txt\0", "{root}/nothing", "{root}/" + "x/" * 3000, "/proc/self/environ",
        "{root}/inside/a.txt/b",
    ],
)  # fmt: skip
def test_nothing_else_is_read_and_all_refusals_look_alike(root: Path, path: str):
    folders = ReadableFolders((root,))
    with pytest.raises(DashboardError, match="not a readable place") as caught:
        folders.read(path.format(root=root), 100)
    assert caught.value.status == 403
    with pytest.raises(DashboardError, match="not a readable place"):
        folders.listing(path.format(root=root))


def test_without_roots_there_is_nothing_to_read(root: Path):
    assert ReadableFolders(()).listing(None).entries == []
    with pytest.raises(DashboardError, match="upload the file"):
        ReadableFolders(()).check(str(root))


def test_a_pipe_is_no_file_and_does_not_hang(root: Path):
    os.mkfifo(root / "pipe")
    with pytest.raises(DashboardError, match="no ordinary file"):
        ReadableFolders((root,)).read(str(root / "pipe"), 100)
    with pytest.raises(DashboardError, match="no folder"):
        ReadableFolders((root,)).listing(str(root / "inside" / "a.txt"))


def test_a_file_that_is_too_large_is_refused(root: Path):
    with pytest.raises(DashboardError, match="larger than the 4 bytes"):
        ReadableFolders((root,)).read(str(root / "inside" / "a.txt"), 4)


def test_an_upload_is_kept_as_it_came_under_a_name_of_its_own(store: UploadStore):
    upload = receive(store, b"abc", b"", b"def", name="../../evil\n.txt")
    assert store.path(upload.id).read_bytes() == b"abcdef"
    assert upload.name == "evil_.txt"
    assert upload.num_bytes == 6
    assert store.get(upload.id) == upload
    assert store.all() == [upload]
    assert {path.parent for path in store.folder.rglob("*")} == {store.folder}
    store.delete(upload.id)
    assert list(store.folder.iterdir()) == []
    with pytest.raises(DashboardError, match="no upload"):
        store.delete(upload.id)


def test_an_upload_that_is_too_large_or_breaks_off_leaves_nothing(store: UploadStore):
    with pytest.raises(DashboardError, match="larger than the 100 bytes"):
        receive(store, b"x" * 60, b"x" * 60)
    with pytest.raises(DashboardError, match="larger than the 100 bytes"):
        run_apart(store.receive("x", parts(b"x"), declared=101))

    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        run_apart(store.receive("x", broken()))
    assert store.all() == []
    assert not store.folder.exists() or list(store.folder.iterdir()) == []


def test_an_upload_that_stops_coming_is_given_up(
    store: UploadStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads_module, "_IDLE_LIMIT_S", 0.05)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.sleep(30)

    with pytest.raises(DashboardError, match="given up"):
        run_apart(store.receive("x", stuck()))
    assert list(store.folder.iterdir()) == []


def test_uploads_are_limited_in_number_also_while_they_come(store: UploadStore):
    async def race() -> list[object]:
        async def slow() -> AsyncIterator[bytes]:
            await asyncio.sleep(0.05)
            yield b"abc"

        every = [store.receive("x", slow()) for _ in range(5)]
        return await asyncio.gather(*every, return_exceptions=True)

    found = run_apart(race())
    assert sum(isinstance(one, DashboardError) for one in found) == 2
    assert len(store.all()) == 3
    with pytest.raises(DashboardError, match="3 uploads already"):
        receive(store, b"x")


def test_a_disk_that_fills_refuses_uploads_and_says_so(
    store: UploadStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads_module, "_SPARE_DISK_BYTES", 10**18)
    with pytest.raises(StorageError, match="nearly full"):
        receive(store, b"x")
    assert store.all() == []


@pytest.mark.parametrize("upload_id", ["..", "a" * 31, "A" * 32, "../" + "a" * 29, "", "a" * 33])
def test_ids_of_another_form_name_nothing(store: UploadStore, upload_id: str):
    for method in (store.get, store.path, store.delete):
        with pytest.raises(DashboardError, match="no upload"):
            method(upload_id)


@given(st.text())
def test_names_are_harmless(name: str):
    shown = shown_name(name)
    assert shown
    assert not set(shown) & set('/\\"\n\r\0<>:|?*;')
    assert shown.strip(".") != ""
    shown.encode()
    assert shown_name(shown) == shown


def test_results_make_room_for_newer_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results_module, "_MOST_RESULTS", 3)
    store = ResultStore(tmp_path / "results")
    made = []
    for number in range(5):
        made.append(store.add(f"{number}.bin", bytes([number])))
        os.utime(store.path(made[-1].id), (number, number))
    assert len(list(store.folder.glob("*.bin"))) == 3
    with pytest.raises(DashboardError, match="no result"):
        store.get(made[0].id)
    assert store.get(made[4].id) == made[4]
    assert store.path(made[4].id).read_bytes() == b"\4"


@pytest.fixture
def resolver(root: Path, store: UploadStore) -> SourceResolver:
    return SourceResolver(ReadableFolders((root,)), store)


def test_sources_become_what_workers_take(resolver: SourceResolver, store: UploadStore, root: Path):
    upload = receive(store, b"xyz")

    def found(kind, value: str) -> dict:
        return resolver.resolve(Source(kind=kind, value=value), max_bytes=100)

    assert found("text", "é")["hex"] == "c3a9"
    assert found("hex", "0A ff")["hex"] == "0aff"
    assert found("bits", "01 1")["bits"] == "011"
    assert found("upload", upload.id)["file"] == str(store.path(upload.id))
    assert found("path", str(root / "inside" / "a.txt"))["hex"] == b"hello".hex()


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("hex", "0", "whole number of bytes"),
        ("hex", "0g", "number 2 is 'g'"),
        ("bits", "012", "number 3 is '2'"),
        ("text", "\ud800", "half a character"),
        ("hex", "٣٣", "hexadecimal digits are"),
    ],
)
def test_digits_that_are_none_are_refused(resolver: SourceResolver, kind, value, problem: str):
    with pytest.raises(InputError, match=problem):
        resolver.resolve(Source(kind=kind, value=value), max_bytes=100)


def test_sources_that_are_too_large_are_refused(resolver: SourceResolver, store: UploadStore):
    upload = receive(store, b"x" * 50)
    for source in (Source(kind="text", value="x" * 11), Source(kind="upload", value=upload.id)):
        with pytest.raises(DashboardError, match="are more than the 10") as caught:
            resolver.resolve(source, max_bytes=10)
        assert caught.value.status == 413
