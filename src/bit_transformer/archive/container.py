"""The records of an archive as bytes: header, block, end, and the short form of small archives.

Only layout lives here: nothing is compressed, opened or decoded. docs/formats/archive.md is the
specification. An archive is a header, blocks that stand for themselves, and an end record which
repeats the header; or, where little came out and all content was there at once, one short record.

Invariants: every byte of an archive is covered by a checksum; a reader knows how much memory a
block takes before it takes it; records that belong to another archive are told apart, even when
that archive stands inside this one.
"""

import hashlib
import zlib
from dataclasses import dataclass

from bit_transformer.archive.fields import FieldReader, number_field, string_field
from bit_transformer.archive.pieces import MAX_DESCRIPTION_BYTES
from bit_transformer.errors import ArchiveError

__all__ = [
    "BLOCK_MARK",
    "END_MARK",
    "MAGIC",
    "MAX_BLOCK_BYTES",
    "MAX_SHORT_BYTES",
    "BlockHeader",
    "EndRecord",
    "Header",
    "ShortRecord",
    "block_checksum",
    "short_check",
]

MAGIC = b"\xb7BTZ"
BLOCK_MARK = b"\xb7BLK"
END_MARK = b"\xb7END"
VERSION = 1
WIDE_VERSION = 2
"""Of short archives with more content than version 1 lets them have; all else has version 1."""

MAX_BLOCK_BYTES = 1 << 24
"""The largest block."""

MAX_SHORT_BYTES = 1 << 16
"""The most content that a short archive of version 1 holds; one of version 2 holds a block."""

MAX_HEADER_BYTES = 64
MAX_END_BYTES = 192
MAX_BLOCK_HEADER_BYTES = 64

ID_BYTES = 4
HASH_BYTES = 32
SHORT_HASH_BYTES = 4
SHORT_CHECK_BYTES = 8
CHECKSUM_BYTES = 4

_LEVEL_MASK, _HAS_MODEL, _IS_SHORT, _IS_STORED, _HAS_DESCRIPTION = 7, 8, 16, 32, 64


@dataclass(frozen=True)
class Header:
    """How an archive was made.

    Args:
        level: the number of the level.
        coder_version: the arithmetic that turned blocks into payloads.
        model_hash: which model took part: all 32 bytes, in short archives the first four of
            them, and none where there was no model.
        block_bytes: no block has more, a power of two.
        archive_id: what tells this archive's blocks from others.
    """

    level: int
    coder_version: int
    model_hash: bytes = b""
    block_bytes: int = MAX_BLOCK_BYTES
    archive_id: bytes = bytes(ID_BYTES)

    def to_bytes(self) -> bytes:
        """The header with its checksum."""
        flags = self.level | (_HAS_MODEL if self.model_hash else 0)
        body = MAGIC + bytes([VERSION, flags, self.coder_version]) + self.model_hash
        body += bytes([self.block_bytes.bit_length() - 1]) + self.archive_id
        return body + block_checksum(body)

    @staticmethod
    def num_bytes(start: bytes) -> int:
        """How long the header is that begins with these seven bytes; 0 for the short form.

        Raises:
            ArchiveError: they are no beginning of an archive that this release reads.
        """
        flags = _check_start(start)
        if flags & _IS_SHORT:
            return 0
        if start[len(MAGIC)] != VERSION or flags & (_IS_STORED | _HAS_DESCRIPTION):
            raise _damaged_header()
        hash_bytes = HASH_BYTES if flags & _HAS_MODEL else 0
        return len(MAGIC) + 3 + hash_bytes + 1 + ID_BYTES + CHECKSUM_BYTES

    @classmethod
    def from_bytes(cls, record: bytes) -> "Header":
        """The header of these bytes.

        Raises:
            ArchiveError: they are not one, or a checksum does not fit.
        """
        if len(record) != cls.num_bytes(record[:7]) or not _is_checked(record):
            raise _damaged_header()
        reader = FieldReader(record[5:-CHECKSUM_BYTES], "the archive's header")
        flags, coder_version = reader.byte(), reader.byte()
        model_hash = reader.take(HASH_BYTES if flags & _HAS_MODEL else 0)
        size_log2 = reader.byte()
        if size_log2 >= MAX_BLOCK_BYTES.bit_length():
            raise reader.error(f"it speaks of blocks of 2^{size_log2} bytes")
        return cls(
            flags & _LEVEL_MASK, coder_version, model_hash, 1 << size_log2, reader.take(ID_BYTES)
        )


@dataclass(frozen=True)
class BlockHeader:
    """What stands before the description and the payload of a block.

    Args:
        number: counted from 0.
        is_stored: whether the payload is the content itself.
        num_content_bytes: bytes that come out.
        num_description_bytes: bytes of the description.
        num_payload_bytes: bytes of the payload.
    """

    number: int
    is_stored: bool
    num_content_bytes: int
    num_description_bytes: int
    num_payload_bytes: int

    @property
    def num_body_bytes(self) -> int:
        """Bytes of the record after this header: description, payload and two checksums."""
        return self.num_description_bytes + self.num_payload_bytes + 2 * CHECKSUM_BYTES

    def to_bytes(self, archive_id: bytes) -> bytes:
        """The block's header with its checksum."""
        body = BLOCK_MARK + archive_id + number_field(self.number) + bytes([self.is_stored])
        body += number_field(self.num_content_bytes) + number_field(self.num_description_bytes)
        body += number_field(self.num_payload_bytes)
        return body + block_checksum(body)

    @classmethod
    def from_bytes(cls, start: bytes, header: Header) -> tuple["BlockHeader", int]:
        """The block's header that these bytes begin with, and how many bytes it has.

        Raises:
            ArchiveError: they begin with something else, a checksum does not fit, or the block
                would be larger than the archive's header allows.
        """
        reader = FieldReader(start, "a block's header")
        if reader.take(len(BLOCK_MARK)) != BLOCK_MARK or reader.take(ID_BYTES) != header.archive_id:
            raise reader.error("it does not begin with this archive's mark")
        number, is_stored = reader.number(), reader.byte()
        content = reader.number(header.block_bytes)
        description = reader.number(MAX_DESCRIPTION_BYTES + 1)
        payload = reader.number(content)
        if is_stored > 1 or (is_stored and payload != content):
            raise reader.error("its sizes do not fit together")
        body = start[: reader.position]
        if reader.take(CHECKSUM_BYTES) != block_checksum(body):
            raise reader.error("its checksum is another one")
        block = cls(number, bool(is_stored), content, description, payload)
        return block, reader.position


@dataclass(frozen=True)
class EndRecord:
    """What stands after the last block.

    Args:
        num_blocks: how many blocks there are.
        num_content_bytes: bytes of all blocks' contents.
        digest: SHA-256 of all contents, one after the other.
        header: the archive's header once more.
    """

    num_blocks: int
    num_content_bytes: int
    digest: bytes
    header: Header

    def to_bytes(self) -> bytes:
        """The end record with its checksum."""
        body = END_MARK + self.header.archive_id + number_field(self.num_blocks)
        body += number_field(self.num_content_bytes) + self.digest
        body += string_field(self.header.to_bytes())
        return body + block_checksum(body)

    @classmethod
    def from_bytes(cls, record: bytes) -> "EndRecord":
        """The end record of these bytes.

        Raises:
            ArchiveError: they are not one, something follows it, or its checksum does not fit.
        """
        reader = FieldReader(record, "the archive's end")
        if reader.take(len(END_MARK)) != END_MARK:
            raise reader.error("it does not begin with its mark")
        archive_id = reader.take(ID_BYTES)
        num_blocks, num_bytes = reader.number(), reader.number()
        digest, header = reader.take(HASH_BYTES), reader.string(MAX_HEADER_BYTES)
        body = record[: reader.position]
        if reader.take(CHECKSUM_BYTES) != block_checksum(body):
            raise reader.error("its checksum is another one")
        reader.end()
        end = cls(num_blocks, num_bytes, digest, Header.from_bytes(header))
        if end.header.archive_id != archive_id:
            raise reader.error("it holds another archive's header")
        return end


@dataclass(frozen=True)
class ShortRecord:
    """A whole archive of little content.

    Args:
        header: how it was made; sizes and identity do not matter.
        is_stored: whether the payload is the content itself.
        num_content_bytes: bytes that come out.
        description: whose bytes they are.
        payload: the compressed content.
        check: see :func:`short_check`.
    """

    header: Header
    is_stored: bool
    num_content_bytes: int
    description: bytes
    payload: bytes
    check: bytes

    def to_bytes(self) -> bytes:
        """The whole archive."""
        flags = self.header.level | _IS_SHORT | (_IS_STORED if self.is_stored else 0)
        flags |= _HAS_MODEL if self.header.model_hash else 0
        flags |= _HAS_DESCRIPTION if self.description else 0
        version = _short_version(self.num_content_bytes)
        start = MAGIC + bytes([version, flags, self.header.coder_version])
        start += self.header.model_hash[:SHORT_HASH_BYTES]
        if self.description:
            start += string_field(self.description)
        return start + number_field(self.num_content_bytes) + self.payload + self.check

    @staticmethod
    def max_bytes(start: bytes) -> int:
        """The most bytes that a short archive has that begins with these."""
        is_wide = start[len(MAGIC)] == WIDE_VERSION
        return (MAX_BLOCK_BYTES if is_wide else MAX_SHORT_BYTES) + MAX_SHORT_BYTES + 64

    @classmethod
    def from_bytes(cls, archive: bytes) -> "ShortRecord":
        """The short archive of these bytes; its check is not checked, as that takes the content.

        Raises:
            ArchiveError: they are not one.
        """
        flags = _check_start(archive[:7])
        reader = FieldReader(archive[6:], "the archive")
        coder_version = reader.byte()
        model_hash = reader.take(SHORT_HASH_BYTES if flags & _HAS_MODEL else 0)
        description = reader.string(MAX_SHORT_BYTES) if flags & _HAS_DESCRIPTION else b""
        if flags & _HAS_DESCRIPTION and not description:
            raise reader.error("it has a description and has none")
        num_content_bytes = reader.number(MAX_BLOCK_BYTES)
        if archive[len(MAGIC)] != _short_version(num_content_bytes):
            raise reader.error(f"its version is not that of {num_content_bytes} bytes of content")
        num_payload_bytes = reader.num_left - SHORT_CHECK_BYTES
        is_stored = bool(flags & _IS_STORED)
        is_fitting = num_payload_bytes == num_content_bytes
        if not (is_fitting if is_stored else 0 <= num_payload_bytes <= num_content_bytes):
            raise reader.error(
                f"{max(0, num_payload_bytes)} bytes are there to make {num_content_bytes} of"
            )
        payload = reader.take(num_payload_bytes)
        most = MAX_SHORT_BYTES if num_content_bytes <= MAX_SHORT_BYTES else MAX_BLOCK_BYTES
        header = Header(flags & _LEVEL_MASK, coder_version, model_hash, most)
        check = reader.take(SHORT_CHECK_BYTES)
        return cls(header, is_stored, num_content_bytes, description, payload, check)


def block_checksum(*parts: bytes) -> bytes:
    """CRC-32 of the parts one after the other, four bytes, the highest first."""
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return checksum.to_bytes(CHECKSUM_BYTES, "big")


def short_check(
    header: Header, model_hash: bytes, description: bytes, payload: bytes, content: bytes
) -> bytes:
    """What a short archive ends with: eight bytes of a SHA-256.

    It covers how the archive was made, all of the model's hash, and every byte of the archive and
    of the content.
    """
    how = bytes([_short_version(len(content)), header.level, header.coder_version])
    strings = (model_hash, description, payload, content)
    whole = how + b"".join(map(string_field, strings))
    return hashlib.sha256(whole).digest()[:SHORT_CHECK_BYTES]


def _short_version(num_content_bytes: int) -> int:
    """The version of a short archive that holds so much."""
    return VERSION if num_content_bytes <= MAX_SHORT_BYTES else WIDE_VERSION


def _check_start(start: bytes) -> int:
    """The flags of an archive that begins with these seven bytes."""
    if start[: len(MAGIC)] != MAGIC[: len(start)] or not start:
        raise ArchiveError(
            f"this is no archive: it begins with {start[:4].hex() or 'nothing'}, and archives "
            f"with {MAGIC.hex()}; check that it is the file you meant"
        )
    if len(start) < len(MAGIC) + 3:
        raise _damaged_header()
    if start[4] not in (VERSION, WIDE_VERSION):
        raise ArchiveError(
            f"the archive has version {start[4]} of the format, and this release reads {VERSION} "
            f"and {WIDE_VERSION}; install a newer release"
        )
    if start[5] & 128:
        raise _damaged_header()
    return start[5]


def _is_checked(record: bytes) -> bool:
    return record[-CHECKSUM_BYTES:] == block_checksum(record[:-CHECKSUM_BYTES])


def _damaged_header() -> ArchiveError:
    return ArchiveError(
        "the archive's header is damaged or cut; get the archive anew, or salvage what is intact "
        "with: bit-transformer decompress --salvage"
    )
