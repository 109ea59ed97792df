"""What must hold of every input, whatever bytes it has; used by tests and by benchmarks.

A target is a way to read archives. It gives what it read, or raises ArchiveError; anything else is
a fault, and so is anything read that differs from what was written.
"""

import base64
import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bit_transformer.archive import MessageCodec, compress, decompress, list_archive
from bit_transformer.archive.coding import BlockCoder
from bit_transformer.archive.container import BlockHeader, Header, block_checksum
from bit_transformer.archive.damage import salvage_blocks
from bit_transformer.archive.mixing.interface import Level
from bit_transformer.archive.pieces import Piece
from bit_transformer.archive.restoring import restore_blocks
from bit_transformer.archive.writing import ArchiveWriter
from bit_transformer.errors import ArchiveError, StorageError
from tests.archive.simple_coder import random_bytes

__all__ = ["TARGETS", "Target", "mutate", "try_input"]

CONTENT = b"".join(
    b"line %d: %s\n" % (number, b"the same words again " * (number % 4)) for number in range(400)
) + random_bytes(3000)
BLOCK_BYTES = 2048
DENSE = b"".join(random_bytes(9000)[at : at + 30] + b"\0\1" for at in range(0, 9000, 30))
DENSE_TEXT = base64.encodebytes(random_bytes(7000))
"""Records and text that hardly shrink, so that a damaged archive of them is a long payload."""


@dataclass(frozen=True)
class Target:
    """One way to read.

    Args:
        seeds: what is changed, made when the target is first used.
        read: gives None for what is right and a sentence for what is not.
        repairs: makes checksums right again, so that what lies behind them is reached.
        needs_coder: whether it is the real coder that it tests, which is slow.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], str | None]
    repairs: Callable[[bytes], bytes] | None = None
    needs_coder: bool = False


def try_input(target: Target, data: bytes) -> str | None:
    """A fault that this input shows, or None."""
    try:
        return target.read(data)
    except ArchiveError as error:
        return None if str(error) else "an error without a message"


def mutate(data: bytes, others: list[bytes], random: Random) -> bytes:
    """The input with a few changes."""
    array = bytearray(data or b"\0")
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        place = random.randrange(len(array))
        size = random.randrange(1, 40)
        match random.randrange(8):
            case 0 | 1:
                array[place] ^= 1 << random.randrange(8)
            case 2:
                array[place] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))
            case 3:
                del array[place : place + size]
            case 4:
                array[place:place] = random.randbytes(size)
            case 5:
                source = random.randrange(len(array))
                array[place : place + size] = array[source : source + size]
            case 6:
                other = random.choice(others)
                array[place:] = other[random.randrange(len(other) + 1) :]
            case _:
                del array[random.randrange(1, len(array) + 1) :]
        array = array or bytearray(b"\0")
    return bytes(array)


def _files_archive() -> bytes:
    file = io.BytesIO()
    writer = ArchiveWriter(file, BlockCoder(Level.FAST, num_threads=1), block_bytes=BLOCK_BYTES)
    for number, start in enumerate(range(0, len(CONTENT), 3000)):
        writer.begin(Piece(f"folder/{number}", mode=0o644, mtime_ns=10**18 + number))
        writer.write(CONTENT[start : start + 3000])
    writer.close()
    return file.getvalue()


def _long_seeds() -> list[bytes]:
    return [
        _files_archive(),
        compress(CONTENT, level="fast", model="none", block_bytes=BLOCK_BYTES),
    ]


def _wide_seeds() -> list[bytes]:
    return [compress(CONTENT[:9000] * 10, level="fast", model="none")]


def _read_wide(data: bytes) -> str | None:
    return None if decompress(data, model="none") == CONTENT[:9000] * 10 else "other content"


def _coded_seeds() -> list[bytes]:
    part = CONTENT[:4000]
    return [compress(part, level=level, model="none", block_bytes=1024) for level in Level]


def _short_seeds() -> list[bytes]:
    return [compress(CONTENT[:3000], level=level, model="none") for level in Level]


def _dense_seeds() -> list[bytes]:
    return [compress(one, level="fast", model="none") for one in (DENSE, DENSE_TEXT)]


def _read_dense(data: bytes) -> str | None:
    content = decompress(data, model="none", max_bytes=1 << 20)
    return None if content in (DENSE, DENSE_TEXT) else "other content"


def _read_whole(data: bytes) -> str | None:
    return None if decompress(data, model="none") == CONTENT else "other content"


def _read_part(data: bytes) -> str | None:
    content = decompress(data, model="none", max_bytes=1 << 20)
    return None if content in (CONTENT[:3000], CONTENT[:4000]) else "other content"


def _list(data: bytes) -> str | None:
    listing = list_archive(io.BytesIO(data))
    is_right = listing.num_content_bytes == len(CONTENT) and len(listing.entries) in (1, 7)
    return None if is_right else "another list"


def _list_anything(data: bytes) -> str | None:
    for entry in list_archive(io.BytesIO(data)).entries:
        if entry.name.startswith("/") or ".." in entry.name.split("/"):
            return f"the name {entry.name!r}"
    return None


def _salvage(data: bytes) -> str | None:
    for number, block in salvage_blocks(data, lambda _header: None, num_threads=1):
        if block.content != CONTENT[number * BLOCK_BYTES :][: len(block.content)]:
            return f"block {number} salvaged wrongly"
    return None


def _restore(data: bytes) -> str | None:
    """Salvaging into a folder, of whatever the blocks say."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder, "inside")
        blocks = list(salvage_blocks(data, lambda _header: None, num_threads=1))
        with suppress(StorageError):  # a name may be a file and a folder at once
            restore_blocks(blocks, BLOCK_BYTES, inside, "bytes", force=True)
        outside = [path.name for path in Path(folder).iterdir() if path.name != "inside"]
        return f"wrote {outside}" if outside else None


def _repair(data: bytes) -> bytes:
    """The archive with the checksums that its records should have, as far as they can be found."""
    try:
        size = Header.num_bytes(data[:7])
    except ArchiveError:
        return data
    if not size or len(data) < size:
        return data
    start = data[: size - 4] + block_checksum(data[: size - 4])
    return start + _repaired_blocks(data, size, start[-8:-4])


def _repaired_blocks(data: bytes, place: int, archive_id: bytes) -> bytes:
    loose = Header(1, 1, archive_id=archive_id)
    parts = []
    while data[place : place + 4] == b"\xb7BLK":
        block, size = _loose_header(data[place : place + 64], loose)
        if block is None:
            break
        header = data[place : place + size - 4]
        body = data[place + size : place + size + block.num_body_bytes]
        parts += [header, block_checksum(header), body[:-8], block_checksum(body[:-8]), body[-4:]]
        place += size + block.num_body_bytes
    rest = data[place:]
    if rest.startswith(b"\xb7END"):
        rest = rest[:-4] + block_checksum(rest[:-4])
    return b"".join(parts) + rest


def _loose_header(start: bytes, header: Header) -> tuple[BlockHeader | None, int]:
    """A block's header whose checksum may be wrong."""
    for size in range(17, len(start) - 3):
        body = start[:size]
        try:
            block, used = BlockHeader.from_bytes(body + block_checksum(body) + start, header)
        except ArchiveError:
            continue
        if used == size + 4:
            return block, used
    return None, 0


def _read_message(data: bytes) -> str | None:
    for codec in _codecs():
        try:
            content = codec.decompress(data)
        except ArchiveError:
            continue
        if content not in _MESSAGES:
            return f"the message {content[:50]!r}"
    return None


_MESSAGES = [CONTENT[:40], CONTENT[40:400], CONTENT[-200:], CONTENT[400:1400], b""]


def _codecs() -> list[MessageCodec]:
    return [
        MessageCodec(level=level, model="none", check_bytes=8, max_bytes=4096, num_threads=1)
        for level in ("fast", "default")
    ]


def _message_seeds() -> list[bytes]:
    return [one for codec in _codecs() for one in codec.compress_all(_MESSAGES)]


TARGETS = {
    "container": Target(_long_seeds, _read_whole),
    "list": Target(_long_seeds, _list),
    "salvage": Target(_long_seeds, _salvage),
    "repaired": Target(_long_seeds, _list_anything, _repair),
    "restore": Target(_long_seeds, _restore, _repair),
    "wide": Target(_wide_seeds, _read_wide),
    "short": Target(_short_seeds, _read_part, needs_coder=True),
    "dense": Target(_dense_seeds, _read_dense, needs_coder=True),
    "payloads": Target(_coded_seeds, _read_part, _repair, needs_coder=True),
    "messages": Target(_message_seeds, _read_message, needs_coder=True),
}
"""Every way to read, by name. Those without the real coder run with the simple one."""
