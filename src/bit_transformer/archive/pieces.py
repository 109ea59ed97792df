"""What a block says about its content: which bytes belong to which file, and what the file is like.

Each block describes its own content completely, names included, so that a block that survives its
neighbours can still be put into the right place of the right file. The description stands before
the compressed content and is compressed on its own, so listing an archive needs no model.
Content without a description is a bare stream of bytes.

Invariants: the sizes of a block's pieces add up to the block; a name is a relative path that
leads nowhere else.
"""

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from bit_transformer.archive.fields import (
    FieldReader,
    number_field,
    signed_field,
    string_field,
)
from bit_transformer.errors import ArchiveError

__all__ = [
    "MAX_DESCRIPTION_BYTES",
    "Kind",
    "Piece",
    "check_name",
    "read_description",
    "write_description",
]

MAX_DESCRIPTION_BYTES = 1 << 20
"""The longest description of one block, before it is compressed."""

MAX_NAME_BYTES = 1 << 14
_MODE_MASK = 0o777
_NANOSECONDS = 1_000_000_000

_IS_LAST, _HAS_OFFSET, _HAS_MODE, _HAS_TIME, _HAS_NANOSECONDS = 4, 8, 16, 32, 64
_PLAIN, _DEFLATED = 0, 1


class Kind(IntEnum):
    """What a stored name stands for."""

    FILE = 0
    FOLDER = 1
    LINK = 2


@dataclass(frozen=True)
class Piece:
    """Consecutive bytes of one file; or a folder or a symbolic link, which have none.

    Args:
        name: path relative to where the archive is unpacked, parts joined by ``/``.
        num_bytes: bytes of content in this block.
        offset: the first one's place in the file.
        is_last: whether the file ends here.
        mode: permissions, nine bits, where they are known.
        mtime_ns: time of the last change, in nanoseconds since 1970, where it is known.
        target: where a link leads.
    """

    name: str
    num_bytes: int = 0
    offset: int = 0
    is_last: bool = True
    kind: Kind = Kind.FILE
    mode: int | None = None
    mtime_ns: int | None = None
    target: str = ""


def write_description(pieces: Sequence[Piece]) -> bytes:
    """The description of a block, deflated where that is shorter; empty for no pieces."""
    if not pieces:
        return b""
    plain = b"".join(map(_write_piece, pieces))
    if len(plain) > MAX_DESCRIPTION_BYTES:
        raise ArchiveError(f"the description of a block has {len(plain)} bytes, which is too many")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = deflater.compress(plain) + deflater.flush()
    if len(deflated) < len(plain):
        return bytes([_DEFLATED]) + deflated
    return bytes([_PLAIN]) + plain


def read_description(description: bytes, num_content_bytes: int) -> list[Piece]:
    """The pieces of a block whose content has ``num_content_bytes`` bytes.

    Raises:
        ArchiveError: it is no description, or not one of such a content.
    """
    if not description:
        return []
    reader = FieldReader(_inflated(description), "the description of a block")
    pieces = []
    while reader.num_left:
        pieces.append(_read_piece(reader))
    total = sum(piece.num_bytes for piece in pieces)
    if total != num_content_bytes:
        raise reader.error(f"it speaks of {total} bytes, and the block has {num_content_bytes}")
    for piece in pieces[:-1]:
        if not piece.is_last:
            raise reader.error(f"{piece.name!r} goes on and yet something follows")
    return pieces


def check_name(name: str) -> None:
    """Make sure that a stored name stays below the folder that the archive is unpacked into.

    Raises:
        ArchiveError: it is empty or absolute, or has parts that are empty, ``.`` or ``..``, or
            characters that no name may hold.
    """
    parts = name.split("/")
    is_bad = "\0" in name or any(part in ("", ".", "..") for part in parts)
    if os.name == "nt":
        is_bad = is_bad or any(c in name for c in '\\:*?"<>|')
    if is_bad:
        raise ArchiveError(
            f"the archive holds a file by the name {name!r}, which may lead outside of the folder "
            "that it is unpacked into; it is refused: do not trust this archive"
        )


def _write_piece(piece: Piece) -> bytes:
    flags = int(piece.kind)
    fields = [string_field(os.fsencode(piece.name))]
    if piece.mode is not None:
        flags |= _HAS_MODE
        fields.append(number_field(piece.mode & _MODE_MASK))
    if piece.mtime_ns is not None:
        seconds, nanoseconds = divmod(piece.mtime_ns, _NANOSECONDS)
        flags |= _HAS_TIME | (_HAS_NANOSECONDS if nanoseconds else 0)
        fields.append(signed_field(seconds))
        fields.append(number_field(nanoseconds) if nanoseconds else b"")
    if piece.kind == Kind.FILE:
        flags |= (_IS_LAST if piece.is_last else 0) | (_HAS_OFFSET if piece.offset else 0)
        fields.append(number_field(piece.offset) if piece.offset else b"")
        fields.append(number_field(piece.num_bytes))
    elif piece.kind == Kind.LINK:
        fields.append(string_field(os.fsencode(piece.target)))
    return bytes([flags]) + b"".join(fields)


def _read_piece(reader: FieldReader) -> Piece:
    flags = reader.byte()
    kind = flags & 3
    if flags & 128 or kind not in list(Kind):
        raise reader.error(f"a file is marked {flags}, which means nothing")
    name = _name(reader)
    check_name(name)
    mode = reader.number(_MODE_MASK) if flags & _HAS_MODE else None
    mtime_ns = None
    if flags & _HAS_TIME:
        mtime_ns = reader.signed() * _NANOSECONDS
        mtime_ns += reader.number(_NANOSECONDS - 1) if flags & _HAS_NANOSECONDS else 0
    if kind != Kind.FILE:
        target = _name(reader) if kind == Kind.LINK else ""
        return Piece(name, kind=Kind(kind), mode=mode, mtime_ns=mtime_ns, target=target)
    return Piece(
        name,
        offset=reader.number() if flags & _HAS_OFFSET else 0,
        num_bytes=reader.number(),
        is_last=bool(flags & _IS_LAST),
        mode=mode,
        mtime_ns=mtime_ns,
    )


def _name(reader: FieldReader) -> str:
    return os.fsdecode(reader.string(MAX_NAME_BYTES))


def _inflated(description: bytes) -> bytes:
    form, rest = description[0], description[1:]
    reader = FieldReader(rest, "the description of a block")
    if form == _PLAIN:
        return reader.take(reader.num_left)
    if form != _DEFLATED:
        raise reader.error(f"it is written in the form {form}, which is unknown")
    inflater = zlib.decompressobj(-15)
    try:
        plain = inflater.decompress(rest, MAX_DESCRIPTION_BYTES)
    except zlib.error as error:
        raise reader.error(f"it does not inflate ({error})") from error
    if not inflater.eof or inflater.unused_data:
        raise reader.error("its deflated form is cut, too long, or has something behind it")
    return plain
