import io
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.bits import bytes_to_bits, iter_bits, read_bits, write_bits
from bit_transformer.errors import BitsError, DataError, InputError
from tests.strategies import byte_strings


def test_bits_come_back_from_a_file(tmp_path: Path):
    bits = bytes_to_bits(bytes(range(256)))
    write_bits(tmp_path / "new" / "bits", bits)
    assert torch.equal(read_bits(tmp_path / "new" / "bits"), bits)


def test_bits_that_do_not_fill_bytes_are_written_only_when_padded(tmp_path: Path):
    bits = torch.ones(3, dtype=torch.uint8)
    with pytest.raises(BitsError, match="pad=True"):
        write_bits(tmp_path / "bits", bits)
    assert not list(tmp_path.iterdir())
    write_bits(tmp_path / "bits", bits, pad=True)
    assert (tmp_path / "bits").read_bytes() == b"\xe0"


def test_a_refused_write_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "bits"
    path.write_bytes(b"old")
    with pytest.raises(BitsError):
        write_bits(path, torch.full((8,), 3, dtype=torch.uint8))
    assert path.read_bytes() == b"old"


@given(byte_strings(), st.integers(1, 40))
def test_the_parts_of_a_stream_join_to_the_whole(data: bytes, chunk_bytes: int):
    parts = list(iter_bits(io.BytesIO(data), chunk_bytes))
    assert all(0 < len(part) <= 8 * chunk_bytes for part in parts)
    joined = torch.cat([torch.zeros(0, dtype=torch.uint8), *parts])
    assert torch.equal(joined, bytes_to_bits(data))


def test_a_stream_that_gives_less_than_asked_is_read_to_its_end():
    class Trickle(io.RawIOBase):
        parts = [b"a", b"bc", b"d"]

        def read(self, size: int = -1, /) -> bytes:
            return self.parts.pop(0) if self.parts else b""

    joined = torch.cat(list(iter_bits(Trickle(), 100)))  # pyright: ignore[reportArgumentType]
    assert torch.equal(joined, bytes_to_bits(b"abcd"))


def test_a_file_is_iterated_like_a_stream(tmp_path: Path):
    path = tmp_path / "data"
    path.write_bytes(b"0123456789")
    assert [len(part) for part in iter_bits(path, 4)] == [32, 32, 16]


def test_streams_of_text_and_empty_chunks_are_refused():
    with pytest.raises(InputError, match="binary mode"):
        list(iter_bits(io.StringIO("text")))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="chunk_bytes=0"):
        list(iter_bits(io.BytesIO(b"x"), 0))


def test_missing_files_and_folders_are_refused_by_name(tmp_path: Path):
    with pytest.raises(DataError, match="no-such-file: there is no such file"):
        read_bits(tmp_path / "no-such-file")
    with pytest.raises(DataError, match="it is a folder"):
        read_bits(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        list(iter_bits(tmp_path / "no-such-file"))
