"""What is still intact in a damaged archive: blocks found by their marks, put in their places.

Each block says by itself whose bytes it holds, and bears the archive's identity, so that a block
of an archive that stands inside this one is not taken for one of its own. What made the archive is
in the header and, once more, in the end record: one of them must be whole.
"""

from collections.abc import Iterator
from itertools import islice
from mmap import mmap

from bit_transformer.archive.coding import coder_of, count_threads
from bit_transformer.archive.container import (
    BLOCK_MARK,
    END_MARK,
    MAGIC,
    MAX_BLOCK_HEADER_BYTES,
    MAX_END_BYTES,
    BlockHeader,
    EndRecord,
    Header,
    block_checksum,
)
from bit_transformer.archive.pieces import read_description
from bit_transformer.archive.reading import Block, ModelFinder, StoredBlock, decode_stored
from bit_transformer.errors import ArchiveError

__all__ = ["Archive", "find_blocks", "find_header", "salvage_blocks"]


Archive = bytes | mmap
"""A whole archive: in memory, or a file that is mapped into it."""


def find_header(archive: Archive) -> Header:
    """How the archive was made, from its beginning or else from its end.

    Raises:
        ArchiveError: neither is intact, or the archive is a short one, which has one piece only.
    """
    problem = "it is a short one, which is read as a whole or not at all"
    try:
        size = Header.num_bytes(archive[:7])
        if size:
            return Header.from_bytes(archive[:size])
    except ArchiveError as error:
        problem = str(error)
    tail = archive[max(0, len(archive) - MAX_END_BYTES) :]
    place = tail.rfind(END_MARK)
    if place < 0:
        raise ArchiveError(
            "nothing of the archive can be salvaged, since neither its beginning nor its end says "
            f"how it was made: {problem}"
        )
    return EndRecord.from_bytes(tail[place:]).header


def find_blocks(archive: Archive, header: Header) -> Iterator[StoredBlock]:
    """Every block whose checksum is right, wherever it stands; each number once."""
    mark = BLOCK_MARK + header.archive_id
    seen: set[int] = set()
    place = archive.find(mark)
    while place >= 0:
        found = _block_at(archive, place, header)
        if found is not None and found.header.number not in seen:
            seen.add(found.header.number)
            yield found
        place = archive.find(mark, place + len(MAGIC))


def salvage_blocks(
    archive: Archive, find_model: ModelFinder, *, num_threads: int | None = None
) -> Iterator[tuple[int, Block]]:
    """The number and the content of every intact block, in the order in which they stand.

    Blocks are counted from 0, so those that are lost leave gaps.

    Raises:
        ArchiveError: nothing says how the archive was made, or it needs another model.
    """
    header = find_header(archive)
    threads = count_threads(num_threads)
    coder = coder_of(header, find_model(header), threads)
    blocks = find_blocks(archive, header)
    while batch := list(islice(blocks, threads)):
        for stored, block in zip(batch, decode_stored(coder, batch), strict=True):
            if block is not None:
                yield stored.header.number, block


def _block_at(archive: Archive, place: int, header: Header) -> StoredBlock | None:
    try:
        block, size = BlockHeader.from_bytes(
            archive[place : place + MAX_BLOCK_HEADER_BYTES], header
        )
        body = archive[place + size : place + size + block.num_body_bytes]
        description = body[: block.num_description_bytes]
        payload = body[block.num_description_bytes : -8]
        if len(body) < block.num_body_bytes or body[-8:-4] != block_checksum(description, payload):
            return None
        pieces = read_description(description, block.num_content_bytes)
    except ArchiveError:
        return None
    return StoredBlock(block, pieces, payload, body[-4:])
