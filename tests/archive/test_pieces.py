import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.pieces import (
    MAX_DESCRIPTION_BYTES,
    Kind,
    Piece,
    check_name,
    read_description,
    write_description,
)
from bit_transformer.errors import ArchiveError
from tests.strategies import texts

parts = texts(max_size=12).filter(
    lambda part: part not in ("", ".", "..") and not set(part) & set('/\0\\:*?"<>|')
)
names = st.lists(parts, min_size=1, max_size=4).map("/".join)
modes = st.none() | st.integers(0, 0o777)
times = st.none() | st.integers(-(10**18), 4 * 10**18)
files = st.builds(
    Piece, names, st.integers(0, 1 << 24), st.integers(0, 1 << 50), mode=modes, mtime_ns=times
)
folders = st.builds(Piece, names, kind=st.just(Kind.FOLDER), mode=modes, mtime_ns=times)
links = st.builds(Piece, names, kind=st.just(Kind.LINK), target=names)


@given(st.lists(files | folders | links, max_size=8), st.booleans())
def test_descriptions_come_back(pieces: list[Piece], goes_on: bool):
    if pieces and pieces[-1].kind == Kind.FILE:
        pieces[-1] = replace(pieces[-1], is_last=not goes_on)
    total = sum(piece.num_bytes for piece in pieces)
    assert read_description(write_description(pieces), total) == pieces


@given(st.binary(max_size=60))
def test_whatever_is_read_as_a_description_is_one_or_an_archive_error(data: bytes):
    try:
        pieces = read_description(data, 0)
    except ArchiveError:
        return
    for piece in pieces:
        check_name(piece.name)


def test_many_names_are_deflated():
    pieces = [Piece(f"folder/file {number}.txt", mode=0o644) for number in range(500)]
    assert len(write_description(pieces)) < sum(len(piece.name) for piece in pieces) / 4


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a/./b", "a\0b"]
)
def test_names_that_lead_elsewhere_are_refused(name: str):
    with pytest.raises(ArchiveError, match="do not trust this archive"):
        check_name(name)
    record = write_description([Piece(name)])
    with pytest.raises(ArchiveError, match="do not trust this archive"):
        read_description(record, 0)


@pytest.mark.parametrize("name", ["a\\b", "C:x", "a*"])
def test_names_that_mean_something_on_windows_are_refused_there(name, monkeypatch):
    check_name(name)
    monkeypatch.setattr("bit_transformer.archive.pieces.os.name", "nt")
    with pytest.raises(ArchiveError, match="do not trust this archive"):
        check_name(name)


def test_a_description_of_other_sizes_is_refused():
    with pytest.raises(ArchiveError, match="speaks of 3 bytes, and the block has 4"):
        read_description(write_description([Piece("a", 3)]), 4)


def test_only_the_last_piece_may_go_on_in_the_next_block():
    pieces = [Piece("a", 1, is_last=False), Piece("b", 1)]
    with pytest.raises(ArchiveError, match="'a' goes on"):
        read_description(write_description(pieces), 2)


def test_a_description_that_inflates_without_end_is_refused():
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflater.compress(bytes(64 * MAX_DESCRIPTION_BYTES)) + deflater.flush()
    with pytest.raises(ArchiveError, match="deflated form"):
        read_description(b"\x01" + bomb, 0)


@pytest.mark.parametrize(
    "record", [b"\x02abc", b"\x01\xff\xff", b"\x00\x03\x01a", b"\x00\x80\x01a"]
)
def test_other_forms_and_kinds_are_refused(record: bytes):
    with pytest.raises(ArchiveError, match="damaged"):
        read_description(record, 0)
