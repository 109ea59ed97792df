"""Content goes in, an archive comes out: cut into blocks, compressed several at a time.

Memory is bounded by the blocks that are worked on at once: one for each thread, beside the one
that is being filled. Nothing is sought for in the file, so it may be a pipe.

Invariants: the same content, level, model and block size give the same archive, whatever the
threads and however the content was cut into writes; content that is all there before the first
block is full becomes a short archive, if it is little or becomes little.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from bit_transformer.archive.coding import BLOCK_BYTES, BlockCoder
from bit_transformer.archive.container import (
    ID_BYTES,
    MAX_BLOCK_BYTES,
    MAX_SHORT_BYTES,
    BlockHeader,
    EndRecord,
    Header,
    ShortRecord,
    block_checksum,
    short_check,
)
from bit_transformer.archive.pieces import Piece, write_description
from bit_transformer.errors import InputError

__all__ = ["ArchiveWriter"]

_MIN_BLOCK_BYTES = 1 << 10
_DESCRIPTION_BUDGET = 1 << 18
"""A block is closed before the names in it take more than this."""

_MAX_SHORT_BODY_BYTES = 1 << 17
"""Above it the headers of the long form are below 0.2 %, and what they help to salvage is more."""

_PIECE_BYTES = 64
"""What a piece is taken to need beside its name."""

Block = tuple[list[Piece], bytes]


class ArchiveWriter:
    """Writes one archive to a file that is open for writing bytes.

    Either :meth:`begin` each file before its bytes, or write bytes only.

    Args:
        progress: called with the bytes that have been compressed so far.
        block_bytes: the size of blocks, a power of two; None takes the level's own.
    """

    def __init__(
        self,
        file: BinaryIO,
        coder: BlockCoder,
        *,
        block_bytes: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._file = file
        self._coder = coder
        if block_bytes is None:
            block_bytes = BLOCK_BYTES[coder.level]
        self._block_bytes = _check_block_bytes(block_bytes)
        self._progress = progress
        self._buffer = bytearray()
        self._pieces: list[Piece] = []
        self._names_bytes = 0
        self._open: Piece | None = None
        self._waiting: list[Block] = []
        self._header: Header | None = None
        self._hash = hashlib.sha256()
        self.num_blocks = 0
        self.num_content_bytes = 0
        self.num_archive_bytes = 0

    def begin(self, piece: Piece) -> None:
        """Begin a file, folder or link; what is written from now on belongs to it."""
        self.finish()
        needed = len(piece.name) + len(piece.target) + _PIECE_BYTES
        is_full = len(self._buffer) == self._block_bytes
        if is_full or self._names_bytes + needed > _DESCRIPTION_BUDGET:
            self._close_block()
        self._names_bytes += needed
        self._open = replace(piece, num_bytes=0, offset=0, is_last=True)

    def finish(self) -> None:
        """End the file that was begun last."""
        if self._open is not None:
            self._pieces.append(self._open)
            self._open = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Add content."""
        rest = memoryview(data).cast("B")
        while len(rest):
            if len(self._buffer) == self._block_bytes:
                self._close_block()
            part = rest[: self._block_bytes - len(self._buffer)]
            self._buffer += part
            self._hash.update(part)
            if self._open is not None:
                self._open = replace(self._open, num_bytes=self._open.num_bytes + len(part))
            rest = rest[len(part) :]

    @property
    def digest(self) -> bytes:
        """The SHA-256 of all content so far."""
        return self._hash.digest()

    def close(self) -> None:
        """Write what is left, and the end. The file stays open."""
        self.finish()
        if self._header is None and not self._waiting and self._write_short():
            return
        self._close_block()
        self._flush_blocks()
        assert self._header is not None
        end = EndRecord(self.num_blocks, self.num_content_bytes, self.digest, self._header)
        self._put(end.to_bytes())

    def _close_block(self) -> None:
        """Set the buffer aside as a block; a file that goes on is described again in the next."""
        if self._open is not None:
            done = self._open
            self._pieces.append(replace(done, is_last=False))
            self._open = replace(done, offset=done.offset + done.num_bytes, num_bytes=0)
        if self._buffer or self._pieces:
            self._waiting.append((self._pieces, bytes(self._buffer)))
        self._pieces, self._buffer = [], bytearray()
        self._names_bytes = 0 if self._open is None else len(self._open.name) + _PIECE_BYTES
        if len(self._waiting) >= self._coder.num_threads:
            self._flush_blocks()

    def _flush_blocks(self) -> None:
        blocks, self._waiting = self._waiting, []
        if not blocks:
            return
        contents = [content for _, content in blocks if content]
        payloads = iter(self._coder.encode(contents, self._teller(sum(map(len, contents)))))
        for pieces, content in blocks:
            self._write_block(
                write_description(pieces), content, next(payloads) if content else None
            )

    def _write_block(self, description: bytes, content: bytes, payload: bytes | None) -> None:
        if self._header is None:
            identity = hashlib.sha256(b"".join((description, content))).digest()[:ID_BYTES]
            self._header = self._coder.header(self._block_bytes, identity)
            self._put(self._header.to_bytes())
        body = content if payload is None else payload
        block = BlockHeader(
            self.num_blocks, payload is None, len(content), len(description), len(body)
        )
        self._put(block.to_bytes(self._header.archive_id))
        self._put(description)
        self._put(body)
        self._put(block_checksum(description, body) + block_checksum(content))
        self.num_blocks += 1
        self._count(len(content))

    def _write_short(self) -> bool:
        """Write everything as a short archive, if it may be one, and else as a block."""
        description = write_description(self._pieces)
        content = bytes(self._buffer)
        if len(description) > MAX_SHORT_BYTES:
            return False
        payload = self._coder.encode([content], self._teller(len(content)))[0] if content else None
        body = content if payload is None else payload
        if len(content) > MAX_SHORT_BYTES and len(body) > _MAX_SHORT_BODY_BYTES:
            self._write_block(description, content, payload)
            self._pieces, self._buffer = [], bytearray()
            return False
        header = self._coder.header(MAX_BLOCK_BYTES, bytes(ID_BYTES))
        check = short_check(header, self._coder.model_hash, description, body, content)
        record = ShortRecord(header, payload is None, len(content), description, body, check)
        self._put(record.to_bytes())
        self._count(len(content))
        return True

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self.num_archive_bytes += len(data)

    def _teller(self, num_bytes: int) -> Callable[[int], None] | None:
        """What tells the progress within so many bytes that are being compressed."""
        progress, done = self._progress, self.num_content_bytes
        if progress is None:
            return None
        return lambda num_predicted: progress(done + min(num_predicted, num_bytes))

    def _count(self, num_bytes: int) -> None:
        self.num_content_bytes += num_bytes
        if self._progress is not None:
            self._progress(self.num_content_bytes)


def _check_block_bytes(block_bytes: int) -> int:
    is_power = block_bytes > 0 and block_bytes & (block_bytes - 1) == 0
    if not is_power or not _MIN_BLOCK_BYTES <= block_bytes <= MAX_BLOCK_BYTES:
        raise InputError(
            f"a block has a power of two of bytes, {_MIN_BLOCK_BYTES} to {MAX_BLOCK_BYTES}, "
            f"got {block_bytes}"
        )
    return block_bytes
