"""Archives that were damaged, cut, mixed up or made up: refused, for a reason, without harm."""

import io
import os
import zlib
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.archive import check_archive, compress, decompress, list_archive
from bit_transformer.archive.coding import BlockCoder
from bit_transformer.archive.container import (
    MAGIC,
    BlockHeader,
    EndRecord,
    Header,
    ShortRecord,
    block_checksum,
)
from bit_transformer.archive.mixing.interface import Level
from bit_transformer.archive.pieces import Kind, Piece, write_description
from bit_transformer.archive.writing import ArchiveWriter
from bit_transformer.errors import ArchiveError
from tests.archive.simple_coder import random_bytes

pytestmark = pytest.mark.usefixtures("simple_coder")

CONTENT = b"It was the best of times. " * 100 + random_bytes(1500) + b"the worst of times " * 80
BLOCKS = 1024


@pytest.fixture
def archive() -> bytes:
    """Several blocks, one of them stored."""
    return compress(CONTENT, block_bytes=BLOCKS)


@pytest.fixture
def short() -> bytes:
    """A short archive."""
    return compress(CONTENT)


def records(archive: bytes) -> list[bytes]:
    """Header, blocks and end."""
    size = Header.num_bytes(archive[:7])
    header = Header.from_bytes(archive[:size])
    parts, place = [archive[:size]], size
    while archive[place : place + 4] != b"\xb7END":
        block, num_bytes = BlockHeader.from_bytes(archive[place : place + 64], header)
        parts.append(archive[place : place + num_bytes + block.num_body_bytes])
        place += len(parts[-1])
    return [*parts, archive[place:]]


def archive_of(*pieces: tuple[Piece, bytes]) -> bytes:
    """An archive of whatever somebody wants to be in it."""
    file = io.BytesIO()
    writer = ArchiveWriter(file, BlockCoder(Level.FAST, num_threads=1))
    for piece, content in pieces:
        writer.begin(piece)
        writer.write(content)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize("form", ["archive", "short"])
def test_no_flipped_bit_gives_other_content(form: str, request: pytest.FixtureRequest):
    whole: bytes = request.getfixturevalue(form)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(ArchiveError):
            decompress(damaged)


@pytest.mark.parametrize("form", ["archive", "short"])
def test_no_cut_goes_unnoticed(form: str, request: pytest.FixtureRequest):
    whole: bytes = request.getfixturevalue(form)
    for size in [*range(120), *range(120, len(whole), 37), len(whole) - 1]:
        with pytest.raises(ArchiveError):
            decompress(whole[:size])
        with pytest.raises(ArchiveError):
            decompress(whole[size:] if size else b"")


@pytest.mark.parametrize("form", ["archive", "short"])
@pytest.mark.parametrize("tail", [b"\0", b"\n", b"another archive " * 20, "itself"])
def test_nothing_may_follow_an_archive(form, tail, request: pytest.FixtureRequest):
    whole: bytes = request.getfixturevalue(form)
    with pytest.raises(ArchiveError):
        decompress(whole + (whole if tail == "itself" else tail))


@settings(max_examples=300)
@given(st.data())
def test_changes_of_any_kind_give_the_content_or_an_archive_error(data: st.DataObject):
    whole = bytearray(compress(CONTENT, block_bytes=data.draw(st.sampled_from([1024, 1 << 20]))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                whole[place] = data.draw(st.integers(0, 255))
            case 1:
                del whole[place : place + data.draw(st.integers(1, 50))]
            case 2:
                whole[place:place] = data.draw(st.binary(max_size=30))
            case _:
                other = data.draw(st.integers(0, len(whole) - 1))
                whole[place : place + 16] = whole[other : other + 16]
        whole = whole or bytearray(b"\0")
    with suppress(ArchiveError):
        assert decompress(bytes(whole)) == CONTENT


@given(
    st.binary(max_size=200), st.sampled_from([b"", MAGIC, MAGIC + b"\x01", MAGIC + b"\x01\x11\x01"])
)
def test_bytes_that_are_no_archive_are_refused(data: bytes, start: bytes):
    for read in (decompress, lambda x: list_archive(io.BytesIO(x))):
        try:
            read(start + data)
        except ArchiveError:
            continue
        assert start, "random bytes were taken for an archive"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "begins with nothing"),
        (b"PK\x03\x04 a zip", "begins with 504b0304, and archives with b742545a"),
        (MAGIC, "header is damaged or cut"),
        (MAGIC + bytes([9, 1, 1]), "version 9 of the format, and this release reads 1"),
        (MAGIC + bytes([1, 128, 1]), "header is damaged"),
        (MAGIC + bytes([1, 33, 1]), "header is damaged"),
    ],
)
def test_other_files_are_refused_by_what_they_are(data: bytes, message: str):
    with pytest.raises(ArchiveError, match=message):
        decompress(data)


@pytest.mark.parametrize("form", [1024, 1 << 20])
def test_a_coder_of_another_version_is_refused(form: int, monkeypatch):
    header = BlockCoder.header

    def later_header(coder: BlockCoder, *about: Any) -> Header:
        return replace(header(coder, *about), coder_version=77)

    monkeypatch.setattr(BlockCoder, "header", later_header)
    made = compress(CONTENT, block_bytes=form)
    monkeypatch.undo()
    with pytest.raises(ArchiveError, match="version 77 of the coder"):
        decompress(made)


def test_a_level_that_is_not_known_is_refused(archive: bytes):
    header = Header.from_bytes(records(archive)[0])
    other = replace(header, level=6).to_bytes()
    end = EndRecord.from_bytes(records(archive)[-1])
    parts = [
        other,
        *records(archive)[1:-1],
        replace(end, header=Header.from_bytes(other)).to_bytes(),
    ]
    made = b"".join(parts)
    with pytest.raises(ArchiveError, match="level number 6"):
        decompress(made)
    assert list_archive(io.BytesIO(made)).level == "6"


def test_blocks_that_are_missing_doubled_or_swapped_are_noticed(archive: bytes):
    header, *blocks, end = records(archive)
    assert len(blocks) > 3
    for wrong in (
        blocks[1:],
        blocks[:-1],
        [blocks[0], blocks[0], *blocks[1:]],
        [blocks[1], blocks[0], *blocks[2:]],
    ):
        made = header + b"".join(wrong) + end
        with pytest.raises(ArchiveError, match=r"missing|should have"):
            decompress(made)
        with pytest.raises(ArchiveError, match=r"missing|should have"):
            list_archive(io.BytesIO(made))


def test_blocks_of_another_archive_are_noticed(archive: bytes):
    other = records(compress(CONTENT[::-1], block_bytes=BLOCKS))
    mine = records(archive)
    with pytest.raises(ArchiveError, match="this archive's mark"):
        decompress(b"".join([mine[0], other[1], *mine[2:]]))
    with pytest.raises(ArchiveError, match="the end of the archive belongs to another one"):
        decompress(b"".join([*mine[:-1], other[-1]]))


def test_a_wrong_digest_is_noticed_when_every_block_is_right(archive: bytes):
    end = EndRecord.from_bytes(records(archive)[-1])
    made = b"".join([*records(archive)[:-1], replace(end, digest=bytes(32)).to_bytes()])
    with pytest.raises(ArchiveError, match=r"SHA-256 .*, and should have 00000000"):
        decompress(made)


def test_a_payload_that_decodes_to_something_else_is_noticed(archive: bytes):
    """As on a machine that computes other predictions: everything arrived, nothing is right."""
    header, first, *rest = records(archive)
    made = first[:-4] + bytes(4)
    with pytest.raises(ArchiveError, match="decodes to something else"):
        decompress(b"".join([header, made, *rest]))


def test_sizes_that_do_not_fit_take_no_memory():
    header = Header(1, 1, b"", 1 << 24, b"abcd")
    huge = BlockHeader(0, False, 1 << 24, 0, 1 << 24).to_bytes(b"abcd")
    with pytest.raises(ArchiveError, match=r"cut in the middle of a block: at least \d+ bytes"):
        decompress(header.to_bytes() + huge)
    for block in (
        BlockHeader(0, False, (1 << 24) + 1, 0, 0),
        BlockHeader(0, False, 5, 0, 6),
        BlockHeader(0, True, 5, 0, 4),
        BlockHeader(0, False, 5, 1 << 30, 0),
        BlockHeader(0, False, 1 << 62, 0, 1 << 62),
    ):
        with pytest.raises(ArchiveError, match="a block's header is damaged"):
            decompress(header.to_bytes() + block.to_bytes(b"abcd"))


def test_a_short_archive_of_more_than_it_may_hold_is_refused():
    header = Header(1, 1, b"", 1 << 16)
    record = ShortRecord(header, False, 1 << 40, b"", b"x", bytes(8)).to_bytes()
    with pytest.raises(ArchiveError, match="says 1099511627776 where at most 16777216"):
        decompress(record)


@pytest.mark.parametrize(("size", "version"), [(1 << 16, 2), ((1 << 16) + 1, 1)])
def test_a_short_archive_with_another_version_than_its_size_has_is_refused(size: int, version: int):
    record = bytearray(compress(bytes(size)))
    record[4] = version
    with pytest.raises(ArchiveError, match=f"not that of {size} bytes"):
        decompress(bytes(record))


def test_a_long_archive_of_the_version_of_short_ones_is_refused(archive: bytes):
    with pytest.raises(ArchiveError, match="header is damaged"):
        decompress(archive[:4] + b"\2" + archive[5:])


def test_a_name_twice_is_refused(tmp_path: Path):
    path = tmp_path / "a.btz"
    path.write_bytes(archive_of((Piece("x"), b"one"), (Piece("x"), b"two")))
    with pytest.raises(ArchiveError, match="'x' twice"):
        decompress(path, f"{tmp_path}/out/")
    assert [p.name for p in tmp_path.iterdir()] == ["a.btz"]


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
@pytest.mark.parametrize("target", ["/", "..", "../victim"])
def test_nothing_is_written_through_a_link_that_comes_along(tmp_path: Path, target: str):
    victim = tmp_path / "victim"
    victim.mkdir()
    path = tmp_path / "a.btz"
    path.write_bytes(
        archive_of((Piece("way", kind=Kind.LINK, target=target), b""), (Piece("way/file"), b"evil"))
    )
    for force in (False, True):
        with pytest.raises(ArchiveError, match="'way' both as a folder and as something else"):
            decompress(path, f"{tmp_path}/out/", force=force)
        assert list(victim.iterdir()) == []
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.btz", "victim"]


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
def test_nothing_is_written_through_a_link_that_is_there(tmp_path: Path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "way").symlink_to(tmp_path / "victim")
    path = tmp_path / "a.btz"
    evil = [(Piece("way/file"), b"evil"), (Piece("way/sub", kind=Kind.FOLDER), b"")]
    for pair in [*evil, (Piece("way", kind=Kind.FOLDER), b"")]:
        path.write_bytes(archive_of(pair))
        with pytest.raises(ArchiveError, match="is a link"):
            decompress(path, f"{tmp_path}/out/", force=True)
    assert list((tmp_path / "victim").iterdir()) == []
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["way"]


@pytest.mark.skipif(os.name == "nt", reason="links as POSIX has them")
def test_a_link_in_the_way_is_replaced_and_not_followed(tmp_path: Path):
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").symlink_to(tmp_path / "precious")
    path = tmp_path / "a.btz"
    path.write_bytes(archive_of((Piece("file"), b"new")))
    decompress(path, tmp_path / "out", force=True)
    assert (tmp_path / "precious").read_bytes() == b"mine"
    assert (tmp_path / "out" / "file").read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="modes as POSIX has them")
def test_no_file_becomes_executable_as_somebody_else(tmp_path: Path):
    path = tmp_path / "a.btz"
    path.write_bytes(archive_of((Piece("tool", mode=0o7777), b"#!")))
    decompress(path)
    assert (tmp_path / "tool").stat().st_mode & 0o7777 == 0o777


def test_a_damaged_archive_leaves_nothing_behind(tmp_path: Path):
    pieces = [(Piece(f"folder/{n}"), random_bytes(3000)) for n in range(10)]
    file = io.BytesIO()
    writer = ArchiveWriter(file, BlockCoder(Level.FAST, num_threads=2), block_bytes=1024)
    for piece, content in pieces:
        writer.begin(piece)
        writer.write(content)
    writer.close()
    damaged = bytearray(file.getvalue())
    damaged[-200] ^= 1
    path = tmp_path / "a.btz"
    path.write_bytes(damaged)
    with pytest.raises(ArchiveError, match=r"block \d+ of the archive is damaged"):
        decompress(path, f"{tmp_path}/out/")
    assert [p.name for p in tmp_path.iterdir()] == ["a.btz"]


def test_pieces_that_do_not_follow_one_another_are_refused():
    """As nobody's writer makes them: a file that goes on elsewhere, or in no block."""
    coder = BlockCoder(Level.FAST, num_threads=1)
    header = coder.header(1024, b"abcd")

    def made(*blocks: list[Piece]) -> bytes:
        parts = [header.to_bytes()]
        for number, pieces in enumerate(blocks):
            content = bytes(sum(piece.num_bytes for piece in pieces))
            described = write_description(pieces)
            size = len(content)
            parts.append(BlockHeader(number, True, size, len(described), size).to_bytes(b"abcd"))
            parts.append(described + content)
            parts.append(block_checksum(described, content) + block_checksum(content))
        total = sum(piece.num_bytes for pieces in blocks for piece in pieces)
        digest = sha256(bytes(total)).digest()
        return b"".join(parts) + EndRecord(len(blocks), total, digest, header).to_bytes()

    open_piece = Piece("a", 10, is_last=False)
    assert decompress(made([open_piece], [Piece("a", 5, 10)])) == bytes(15)
    for wrong, message in [
        (made([open_piece], [Piece("a", 5, 11)]), "should go on at byte 10"),
        (made([open_piece], [Piece("b", 5, 10)]), "'a' should go on"),
        (made([Piece("a", 5, 3)]), "nothing was begun"),
        (made([open_piece]), "'a' has no end"),
        (made([open_piece], []), "does not say whose bytes"),
    ]:
        for read in (decompress, lambda data: list_archive(io.BytesIO(data))):
            with pytest.raises(ArchiveError, match=message):
                read(wrong)


def test_every_error_says_what_to_do(archive: bytes):
    damaged = bytearray(archive)
    damaged[len(archive) // 2] ^= 4
    with pytest.raises(ArchiveError, match="get the archive anew"):
        check_archive(io.BytesIO(bytes(damaged)))


def test_the_checksum_is_the_usual_one():
    assert block_checksum(b"1234", b"56789") == zlib.crc32(b"123456789").to_bytes(4, "big")
