"""An archive goes in, its content comes out, block by block, checked.

Reads forward only, so the archive may come through a pipe; skipping what is not asked for seeks
where the file can. Memory is bounded by the blocks that are decoded at once, one for each thread.

Invariants: no byte of content is given out that its block's checksum does not vouch for; whoever
takes all blocks has also had the order, the number and the digest of the whole checked, and that
nothing is missing or follows; memory is taken only for what is really there or what a checked
header says.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bit_transformer.archive.coding import ArchiveModel, BlockCoder, coder_of, count_threads
from bit_transformer.archive.container import (
    BLOCK_MARK,
    END_MARK,
    MAX_BLOCK_HEADER_BYTES,
    MAX_END_BYTES,
    BlockHeader,
    EndRecord,
    Header,
    ShortRecord,
    block_checksum,
    short_check,
)
from bit_transformer.archive.pieces import Piece, read_description
from bit_transformer.errors import ArchiveError

__all__ = [
    "ArchiveReader",
    "Block",
    "BlockInfo",
    "ModelFinder",
    "StoredBlock",
    "check_decoded",
    "decode_stored",
]

ModelFinder = Callable[[Header], ArchiveModel | None]
"""Gives the model that an archive with this header needs, or what the user offers instead."""

_START_BYTES = 7


@dataclass(frozen=True)
class BlockInfo:
    """A block that was passed over: what it holds, and where it stands.

    Args:
        position: of the block's first byte in the archive.
        num_bytes: of the whole block in the archive.
    """

    header: BlockHeader
    pieces: list[Piece]
    position: int
    num_bytes: int


@dataclass(frozen=True)
class StoredBlock:
    """A block as it stands in the archive, its checksum right."""

    header: BlockHeader
    pieces: list[Piece]
    payload: bytes
    content_checksum: bytes


@dataclass(frozen=True)
class Block:
    """A block's content, its checksum right; ``pieces`` are none for a bare stream."""

    pieces: list[Piece]
    content: bytes


class ArchiveReader:
    """Reads one archive from a file that is open for reading bytes.

    Args:
        find_model: asked once, when the first block is decoded.
        progress: called with the bytes of the archive that are done.

    Raises:
        ArchiveError: it does not begin like an archive that this release reads.
    """

    def __init__(
        self,
        file: BinaryIO,
        find_model: ModelFinder = lambda _header: None,
        *,
        num_threads: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._file = file
        self._progress = progress
        self._num_told = 0
        self._find_model = find_model
        self._num_threads = count_threads(num_threads)
        self._coder: BlockCoder | None = None
        self._position = 0
        self._pushed = b""
        self._short: ShortRecord | None = None
        self.end: EndRecord | None = None
        self.num_stored_blocks = 0
        start = self._read(_START_BYTES)
        size = Header.num_bytes(start)
        if size:
            self.header = Header.from_bytes(start + self._read(size - len(start)))
        else:
            rest = self._read(ShortRecord.max_bytes(start))
            self._short = ShortRecord.from_bytes(start + rest)
            self.header = self._short.header

    @property
    def is_short(self) -> bool:
        """Whether the archive is one short record."""
        return self._short is not None

    @property
    def num_read(self) -> int:
        """Bytes of the archive that have been read or passed over."""
        return self._position - len(self._pushed)

    @property
    def coder(self) -> BlockCoder:
        """What decodes this archive.

        Raises:
            ArchiveError: it needs another model than there is.
        """
        if self._coder is None:
            self._coder = coder_of(self.header, self._find_model(self.header), self._num_threads)
        return self._coder

    def infos(self) -> Iterator[BlockInfo]:
        """What each block holds, without decoding any. The end record is checked at last.

        Raises:
            ArchiveError: a header, a description or the end is damaged.
        """
        if self._short is not None:
            size = self._short.num_content_bytes
            pieces = read_description(self._short.description, size)
            header = BlockHeader(0, self._short.is_stored, size, 0, len(self._short.payload))
            yield BlockInfo(header, pieces, 0, self._position)
            return
        order = _Order()
        while True:
            position = self.num_read
            block = self._next_header()
            if block is None:
                break
            description = self._read_exactly(block.num_description_bytes)
            self._skip(block.num_body_bytes - block.num_description_bytes)
            pieces = read_description(description, block.num_content_bytes)
            order.add(block, pieces)
            yield BlockInfo(block, pieces, position, self.num_read - position)
        self._check_end(order, None)

    def blocks(self) -> Iterator[Block]:
        """The content of each block, in order, everything checked.

        Raises:
            ArchiveError: something is damaged, cut, missing or too much, or the model is wrong.
        """
        if self._short is not None:
            self.num_stored_blocks = int(self._short.is_stored)
            yield self._decode_short(self._short)
            self._tell(self.num_read)
            return
        order, digest = _Order(), hashlib.sha256()
        stored: list[StoredBlock] = []
        while True:
            block = self._next_header()
            if block is not None:
                stored.append(self._read_body(block))
                order.add(block, stored[-1].pieces)
                self.num_stored_blocks += block.is_stored
            if stored and (block is None or len(stored) == self._num_threads):
                contents = decode_stored(self.coder, stored, self._teller(stored))
                for one, decoded in zip(stored, contents, strict=True):
                    right = check_decoded(one, decoded)
                    digest.update(right.content)
                    yield right
                self._tell(self.num_read)
                stored = []
            if block is None:
                break
        self._check_end(order, digest.digest())
        self._tell(self.num_read)

    def block_at(self, position: int) -> Block:
        """The content of the block that begins at this place of a file that can seek.

        Raises:
            ArchiveError: there is none, or it is damaged.
        """
        self._file.seek(position - self._position, os.SEEK_CUR)
        self._position, self._pushed = position, b""
        block = self._next_header()
        if block is None:
            raise ArchiveError(f"no block of the archive begins at byte {position}")
        stored = self._read_body(block)
        (decoded,) = decode_stored(self.coder, [stored])
        return check_decoded(stored, decoded)

    def _teller(self, stored: list[StoredBlock]) -> Callable[[int], None] | None:
        """What tells the progress within blocks that are being decoded."""
        if self._progress is None:
            return None
        begun, end = self._num_told, self.num_read
        total = sum(one.header.num_content_bytes for one in stored if not one.header.is_stored)
        return lambda done: self._tell(begun + (end - begun) * min(done, total) // max(total, 1))

    def _tell(self, num_done: int) -> None:
        self._num_told = max(num_done, self._num_told)
        if self._progress is not None:
            self._progress(self._num_told)

    def _decode_short(self, short: ShortRecord) -> Block:
        coder = self.coder
        content = short.payload
        if not short.is_stored:
            content = coder.decode([short.payload], [short.num_content_bytes])[0]
        parts = (short.description, short.payload, content)
        if short.check != short_check(short.header, coder.model_hash, *parts):
            raise ArchiveError(
                "the archive is damaged: its content does not have the checksum that it should; "
                "get the archive anew"
            )
        return Block(read_description(short.description, short.num_content_bytes), content)

    def _next_header(self) -> BlockHeader | None:
        """The next block's header; None when the end record stands there instead."""
        position = self.num_read
        start = self._read(MAX_BLOCK_HEADER_BYTES)
        self._pushed = start + self._pushed
        if start.startswith(END_MARK):
            return None
        if len(start) < len(BLOCK_MARK):
            raise ArchiveError(
                f"the archive is cut: it ends at byte {position + len(start)}, before its end "
                "record; get the rest, or salvage what is intact with: "
                "bit-transformer decompress --salvage"
            )
        block, size = BlockHeader.from_bytes(start, self.header)
        self._read(size)
        return block

    def _read_body(self, block: BlockHeader) -> StoredBlock:
        body = self._read_exactly(block.num_body_bytes)
        description = body[: block.num_description_bytes]
        payload = body[block.num_description_bytes : -8]
        if body[-8:-4] != block_checksum(description, payload):
            raise ArchiveError(
                f"block {block.number} of the archive is damaged: it does not have the checksum "
                "that it should; get the archive anew, or salvage the other blocks with: "
                "bit-transformer decompress --salvage"
            )
        pieces = read_description(description, block.num_content_bytes)
        return StoredBlock(block, pieces, payload, body[-4:])

    def _check_end(self, order: "_Order", digest: bytes | None) -> None:
        self.end = end = EndRecord.from_bytes(self._read(MAX_END_BYTES))
        order.finish()
        if end.header != self.header:
            raise ArchiveError(
                "the end of the archive belongs to another one; two archives were mixed up, "
                "get the archive anew"
            )
        found = (order.num_blocks, order.num_content_bytes)
        if found != (end.num_blocks, end.num_content_bytes):
            raise ArchiveError(
                f"the archive should have {end.num_blocks} blocks with {end.num_content_bytes} "
                f"bytes, and has {found[0]} with {found[1]}; get the archive anew"
            )
        if digest is not None and digest != end.digest:
            raise ArchiveError(
                f"the content has the SHA-256 {digest.hex()}, and should have {end.digest.hex()}; "
                "get the archive anew"
            )

    def _read(self, num_bytes: int) -> bytes:
        """The next bytes, fewer only at the end of the file."""
        parts = [self._pushed[:num_bytes]]
        self._pushed = self._pushed[num_bytes:]
        missing = num_bytes - len(parts[0])
        while missing:
            part = self._file.read(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
            self._position += len(part)
        return b"".join(parts)

    def _read_exactly(self, num_bytes: int) -> bytes:
        data = self._read(num_bytes)
        if len(data) < num_bytes:
            raise self._cut(num_bytes - len(data))
        return data

    def _skip(self, num_bytes: int) -> None:
        """Pass over bytes, and make sure that they are there."""
        if num_bytes > len(self._pushed) and self._file.seekable():
            distance = num_bytes - len(self._pushed) - 1
            self._file.seek(distance, os.SEEK_CUR)
            self._position += distance
            self._pushed = b""
            num_bytes = 1
        while num_bytes:
            part = self._read(min(num_bytes, 1 << 16))
            if not part:
                raise self._cut(num_bytes)
            num_bytes -= len(part)

    def _cut(self, num_missing: int) -> ArchiveError:
        return ArchiveError(
            f"the archive is cut in the middle of a block: at least {num_missing} bytes are "
            "missing; get the rest, or salvage what is intact with: "
            "bit-transformer decompress --salvage"
        )


class _Order:
    """Checks that blocks follow one another, and that files go on where they stopped."""

    def __init__(self) -> None:
        self.num_blocks = 0
        self.num_content_bytes = 0
        self._is_named: bool | None = None
        self._open: Piece | None = None

    def add(self, block: BlockHeader, pieces: list[Piece]) -> None:
        if block.number != self.num_blocks:
            raise ArchiveError(
                f"block {self.num_blocks} of the archive is missing, and block {block.number} "
                "stands in its place; get the archive anew, or salvage what is there with: "
                "bit-transformer decompress --salvage"
            )
        if self._is_named is None:
            self._is_named = bool(pieces)
        if self._is_named != bool(pieces):
            raise ArchiveError(
                f"block {block.number} of the archive does not say whose bytes it holds, unlike "
                "its neighbours; this archive was not made by this program, do not trust it"
            )
        for piece in pieces:
            self._follow(piece)
        self.num_blocks += 1
        self.num_content_bytes += block.num_content_bytes

    def finish(self) -> None:
        if self._open is not None:
            raise ArchiveError(f"{self._open.name!r} has no end; get the archive anew")

    def _follow(self, piece: Piece) -> None:
        before = self._open
        expected = ("", 0) if before is None else (before.name, before.offset + before.num_bytes)
        if before is None and piece.offset == 0:
            expected = (piece.name, 0)
        if (piece.name, piece.offset) != expected:
            raise ArchiveError(
                f"{piece.name!r} goes on at byte {piece.offset} where "
                + (
                    f"{expected[0]!r} should go on at byte {expected[1]}"
                    if before
                    else "nothing was begun"
                )
                + "; get the archive anew"
            )
        self._open = None if piece.is_last else piece


def decode_stored(
    coder: BlockCoder, stored: list[StoredBlock], tell: Callable[[int], None] | None = None
) -> Iterator[Block | None]:
    """The contents of these blocks, decoded side by side; None for what does not come out right.

    Args:
        tell: called now and then with how many of the bytes have been decoded.
    """
    coded = [one for one in stored if not one.header.is_stored]
    sizes = [one.header.num_content_bytes for one in coded]
    payloads = [one.payload for one in coded]
    contents = iter(coder.decode(payloads, sizes, tell) if coded else [])
    for one in stored:
        content = one.payload if one.header.is_stored else next(contents)
        is_right = block_checksum(content) == one.content_checksum
        yield Block(one.pieces, content) if is_right else None


def check_decoded(stored: StoredBlock, block: Block | None) -> Block:
    """The decoded block.

    Raises:
        ArchiveError: it did not come out right.
    """
    if block is None:
        raise ArchiveError(
            f"block {stored.header.number} of the archive decodes to something else than what "
            "was compressed, though it arrived as it was written; report this as a fault of the "
            "program, and keep the archive"
        )
    return block
