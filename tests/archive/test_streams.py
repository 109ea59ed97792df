"""Archives as files, and what every archive must do: come back, the same, or say that it cannot."""

import io
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive import (
    ArchiveModel,
    check_archive,
    compress,
    decompress,
    list_archive,
    open_archive,
)
from bit_transformer.archive.container import MAX_SHORT_BYTES
from bit_transformer.errors import ArchiveError, BitTransformerError, InputError
from tests.archive.simple_coder import random_bytes
from tests.strategies import byte_strings

pytestmark = pytest.mark.usefixtures("simple_coder")

MIXED = random_bytes(3000) + b"again and again " * 900 + random_bytes(2000)


class Pipe(io.RawIOBase):
    """Bytes that come a few at a time and cannot be sought in."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = io.BytesIO(data)
        self.taken = io.BytesIO()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 7) if size >= 0 else 7)

    def write(self, data, /) -> int:
        return self.taken.write(data)


def pipe(data: bytes) -> BinaryIO:
    return cast(BinaryIO, Pipe(data))


@given(byte_strings(max_size=6000), st.sampled_from([1024, 2048, 1 << 20]), st.integers(1, 3))
def test_bytes_come_back(content: bytes, block_bytes: int, num_threads: int):
    archive = compress(content, block_bytes=block_bytes, num_threads=num_threads)
    assert decompress(archive, num_threads=num_threads) == content
    assert decompress(archive, num_threads=1) == content


@given(st.lists(byte_strings(max_size=3000), max_size=6))
def test_an_archive_does_not_depend_on_how_its_content_came(parts: list[bytes]):
    archives = set()
    for num_threads in (1, 2, 5):
        file = Pipe()
        with open_archive(
            cast(BinaryIO, file), "wb", num_threads=num_threads, block_bytes=1024
        ) as archive:
            for part in parts:
                assert archive.write(part) == len(part)
        archives.add(file.taken.getvalue())
    whole = compress(b"".join(parts), block_bytes=1024)
    assert archives == {whole}


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 4096, 65536, 65537, 66560])
def test_sizes_around_blocks_come_back(size: int):
    content = (MIXED * 5)[:size]
    archive = compress(content, block_bytes=1024)
    assert decompress(archive) == content
    listing = list_archive(io.BytesIO(archive))
    assert listing.num_content_bytes == size
    assert listing.num_archive_bytes == len(archive)


def test_an_archive_is_read_through_a_pipe():
    archive = compress(MIXED, block_bytes=1024)
    assert open_archive(pipe(archive)).read() == MIXED
    assert list_archive(pipe(archive)).num_content_bytes == len(MIXED)


def test_a_pipe_cannot_be_sought_in():
    file = open_archive(pipe(compress(MIXED)))
    assert not file.seekable()
    with pytest.raises(io.UnsupportedOperation):
        file.seek(10)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 3000)), max_size=8))
def test_any_place_can_be_read_in_any_order(places: list[tuple[int, int]]):
    for archive in (compress(MIXED, block_bytes=1024), compress(MIXED)):
        file = open_archive(io.BytesIO(archive))
        for start, size in places:
            assert file.seek(start) == start
            assert file.read(size) == MIXED[start : start + size]
            assert file.tell() == max(start, min(start + size, len(MIXED)))


def test_the_end_is_a_place_to_seek_from():
    file = open_archive(io.BytesIO(compress(MIXED, block_bytes=2048)))
    assert file.seek(-5, io.SEEK_END) == len(MIXED) - 5
    assert file.read() == MIXED[-5:]
    assert file.seek(0) == 0
    assert file.read() == MIXED
    with pytest.raises(InputError, match="before the first byte"):
        file.seek(-1)


def test_an_archive_need_not_begin_at_the_beginning_of_its_file():
    file = io.BytesIO(b"something" + compress(MIXED, block_bytes=1024))
    file.seek(9)
    archive = open_archive(file)
    archive.seek(6000)
    assert archive.read(50) == MIXED[6000:6050]
    archive.seek(0)
    assert archive.read() == MIXED


def test_lines_are_read_and_paths_are_opened(tmp_path):
    lines = [b"line %d\n" % number for number in range(2000)]
    path = tmp_path / "lines.btz"
    with open_archive(path, "xb", block_bytes=1024) as archive:
        archive.writelines(lines)
    with open_archive(path) as archive:
        assert archive.readlines() == lines
    with pytest.raises(BitTransformerError, match="already there"):
        open_archive(path, "xb")


def test_another_mode_is_refused():
    with pytest.raises(InputError, match="not 'r'"):
        open_archive(io.BytesIO(), "r")  # type: ignore[call-overload]


def test_an_error_while_writing_leaves_no_archive():
    file = io.BytesIO()
    with pytest.raises(RuntimeError), open_archive(file, "wb", block_bytes=1024) as archive:
        archive.write(MIXED)
        raise RuntimeError("something else")
    with pytest.raises(ArchiveError):
        decompress(file.getvalue())
    with pytest.raises(ValueError, match="closed"):
        archive.write(b"more")


def test_an_archive_that_nobody_closed_is_none():
    file = io.BytesIO()
    archive = open_archive(file, "wb", block_bytes=1024)
    archive.write(MIXED)
    del archive
    with pytest.raises(ArchiveError):
        decompress(file.getvalue())


@pytest.mark.parametrize("size", [MAX_SHORT_BYTES + 1, 300_000])
def test_what_becomes_little_needs_no_block_of_its_own(size: int):
    content = (MIXED * 30)[: size - 5000].ljust(size)
    little, much = compress(content), compress(content + random_bytes(140_000))
    forms = [list_archive(io.BytesIO(archive)) for archive in (little, much)]
    assert [(form.num_content_bytes, form.sha256 is None) for form in forms] == [
        (size, True),
        (size + 140_000, False),
    ]
    assert decompress(little) == content
    with open_archive(pipe(little)) as stream:
        assert stream.read() == content
    with open_archive(io.BytesIO(little)) as stream:
        stream.seek(size - 7000)
        assert stream.read(3000) == content[size - 7000 : size - 4000]
    cut = compress(content, block_bytes=1 << 15)
    assert len(cut) > len(little) + 200
    assert decompress(cut) == content


@pytest.mark.parametrize(
    "size", [0, 1, 100, 5000, MAX_SHORT_BYTES, MAX_SHORT_BYTES + 1, 1 << 17, (1 << 17) + 1, 200_000]
)
def test_what_does_not_become_smaller_grows_by_little(size: int, model: ArchiveModel):
    for needed in (None, model):
        archive = compress(random_bytes(size), model=needed)
        assert len(archive) <= size * 1.001 + 64
        assert list_archive(io.BytesIO(archive)).num_stored_blocks == 1


def test_more_than_was_allowed_is_refused():
    archive = compress(MIXED, block_bytes=1024)
    assert decompress(archive, max_bytes=len(MIXED)) == MIXED
    with pytest.raises(ArchiveError, match="more than max_bytes=10"):
        decompress(archive, max_bytes=10)


def test_a_model_is_needed_again(model, other_model):
    for block_bytes in (1024, 1 << 20):
        archive = compress(MIXED[:9000], model=model, block_bytes=block_bytes)
        assert decompress(archive, model=model) == MIXED[:9000]
        for wrong in (None, "none", other_model):
            with pytest.raises(ArchiveError) as caught:
                decompress(archive, model=wrong)
            assert model.hash.hex()[:8] in str(caught.value)
        assert other_model.hash.hex()[:8] in str(caught.value)
        assert "the second model" in str(caught.value)


def test_a_model_that_is_offered_in_vain_does_no_harm(model):
    assert decompress(compress(MIXED), model=model) == MIXED


def test_a_primer_makes_another_model(model):
    from dataclasses import replace

    other = replace(model, primer=b"another primer")
    assert other.hash != model.hash
    with pytest.raises(ArchiveError, match="give the right one"):
        decompress(compress(MIXED, model=model), model=other)


def test_checking_compares_the_digest_of_all_content():
    from hashlib import sha256

    archive = compress(MIXED, block_bytes=1024)
    digest = sha256(MIXED).hexdigest()
    assert list_archive(io.BytesIO(archive)).sha256 == digest
    done: list[int] = []
    assert check_archive(io.BytesIO(archive), progress=done.append).sha256 == digest
    assert done == sorted(done)
    assert done[-1] > len(archive) * 0.9


@pytest.mark.parametrize("block_bytes", [0, -1, 1000, 512, 1 << 25])
def test_blocks_of_odd_sizes_are_refused(block_bytes: int):
    with pytest.raises(InputError, match="a power of two"):
        compress(b"x", block_bytes=block_bytes)


@pytest.mark.parametrize("num_threads", [0, -1])
def test_no_threads_are_refused(num_threads: int):
    with pytest.raises(InputError, match="at least 1"):
        compress(b"x", num_threads=num_threads)


def test_another_level_is_refused():
    with pytest.raises(InputError, match="choose one of fast, default, best"):
        compress(b"x", level="fastest")
