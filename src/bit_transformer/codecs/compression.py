"""Compression of bit tensors: the same bits in fewer, and back.

The face of this room: :func:`compress_bits` and :func:`decompress_bits` take and return tensors
of the caller's dtype on the caller's device. The work is done on the CPU by the codecs, through
:mod:`~bit_transformer.codecs.frame`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bit_transformer.bits.packing import check_bits, pack_bits
from bit_transformer.codecs.codec import Codec, Packed
from bit_transformer.codecs.frame import (
    DEFAULT_MAX_BITS,
    choose_codec,
    frame_codec,
    open_header,
    read_frame,
    write_frame,
)
from bit_transformer.codecs.header import write_header
from bit_transformer.errors import BitsError, CodecError, InputError

__all__ = [
    "FrameInfo",
    "Partial",
    "compress_bits",
    "decompress_bits",
    "decompress_prefix",
    "frame_header",
    "frame_info",
]


@dataclass(frozen=True)
class Partial:
    """What came out of a frame that may be damaged.

    Shapes:
        bits: (T',), the longest valid prefix of the source, in the dtype of the frame.

    Args:
        is_complete: all source bits came out.
        num_source_bits: how many the frame declares, or None when its header cannot be read.
        codec: the codec's name, or None when the header cannot be read.
        num_read: bits of the frame that these source bits needed.
        error: what is wrong, or None. A complete source with an error has bits left over.
    """

    bits: Tensor
    is_complete: bool
    num_source_bits: int | None
    codec: str | None
    num_read: int
    error: CodecError | None


@dataclass(frozen=True)
class FrameInfo:
    """What a frame's header and length say, without decoding it."""

    codec: str
    num_source_bits: int
    header_bits: int
    num_payload_bits: int

    @property
    def compressed_fraction(self) -> float:
        """Bits of the frame, header counted, for each bit of the source; less is better."""
        num_bits = self.header_bits + self.num_payload_bits
        return num_bits / self.num_source_bits if self.num_source_bits else math.inf

    @property
    def compression_ratio(self) -> float:
        """Bits of the source for each bit of the frame, header counted; more is better."""
        return self.num_source_bits / (self.header_bits + self.num_payload_bits)


def compress_bits(
    bits: Tensor,
    codec: str | Codec = "auto",
    *,
    packed: bool = False,
    level: int | None = None,
    table: str | None = None,
    dictionary: bytes | None = None,
) -> Tensor:
    """One frame that holds these bits, as a bit tensor of the same dtype on the same device.

    Shapes:
        bits: (T,), ``uint8`` or ``bool``; T may be 0.
        returns: (N,), the frame's bits; with ``packed``, (ceil(N / 8),) ``uint8`` bytes.

    Args:
        codec: its name, with a setting after a colon if need be (``"zstd:19"``,
            ``"huffman:english"``); or ``"auto"``, which takes the smallest of a few.
        packed: give bytes, with zeros after the frame's last bit.
        level: effort, for the codecs that have levels.
        table: a shared table that both sides know, for ``"huffman"``.
        dictionary: for ``"zstd"``; decompression needs the same one.

    Raises:
        BitsError: not a bit tensor of shape (T,).
        InputError: there is no such codec, or it has no such setting.
        MissingDependencyError: the codec's package is not installed.

    Example:
        >>> bits = torch.zeros(1000, dtype=torch.uint8)
        >>> len(compress_bits(bits, "rle"))
        35
    """
    chosen = choose_codec(codec, level=level, table=table, dictionary=dictionary)
    frame = write_frame(pack_tensor(bits), chosen)
    if packed:
        return torch.from_numpy(frame.data).to(bits.device)
    return unpack_tensor(frame, bits)


def decompress_bits(
    compressed: Tensor,
    *,
    packed: bool = False,
    max_bits: int = DEFAULT_MAX_BITS,
    dictionary: bytes | None = None,
) -> Tensor:
    """The bits that a frame holds, in the dtype and on the device of the frame.

    Shapes:
        compressed: (N,), ``uint8`` or ``bool``; with ``packed``, ``uint8`` bytes.
        returns: (T,).

    Args:
        packed: the frame came from ``compress_bits(..., packed=True)``.
        max_bits: the most source bits for which memory is taken, about 9/8 bytes each.
        dictionary: what the frame was compressed with, if it was.

    Raises:
        BitsError: not a bit tensor of shape (N,).
        CodecError: the frame is cut, damaged, followed by more bits, of an unknown codec or
            version, or declares more than ``max_bits``.
        MissingDependencyError: the codec's package is not installed.

    Example:
        >>> bits = torch.tensor([1, 0, 1], dtype=torch.bool)
        >>> decompress_bits(compress_bits(bits))
        tensor([ True, False,  True])
    """
    frame = _packed_frame(compressed, packed)
    content = read_frame(frame, max_bits=max_bits, is_padded=packed, dictionary=dictionary)
    if content.error is not None:
        raise content.error
    return unpack_tensor(content.source, compressed)


def decompress_prefix(
    compressed: Tensor,
    *,
    packed: bool = False,
    max_bits: int = DEFAULT_MAX_BITS,
    dictionary: bytes | None = None,
) -> Partial:
    """The longest valid prefix of what a frame holds, and what is wrong with the rest.

    Arguments as for :func:`decompress_bits`. A frame whose header is unreadable, names an
    unknown codec or declares more than ``max_bits`` gives no bits.

    Raises:
        BitsError: not a bit tensor of shape (N,).
        MissingDependencyError: the codec's package is not installed.
    """
    content = read_frame(
        _packed_frame(compressed, packed),
        max_bits=max_bits,
        is_padded=packed,
        wants_prefix=True,
        dictionary=dictionary,
    )
    return Partial(
        bits=unpack_tensor(content.source, compressed),
        is_complete=content.source.num_bits == content.num_source_bits,
        num_source_bits=content.num_source_bits,
        codec=content.codec,
        num_read=content.num_read,
        error=content.error,
    )


def frame_info(
    compressed: Tensor, *, packed: bool = False, max_bits: int = DEFAULT_MAX_BITS
) -> FrameInfo:
    """What a frame's header says, without decoding the payload.

    Of packed frames the payload is counted with the zeros that fill the last byte.

    Raises:
        BitsError: not a bit tensor of shape (N,).
        CodecError: the header is cut or malformed, or names an unknown codec or a length above
            ``max_bits``.
    """
    frame = _packed_frame(compressed, packed)
    header = open_header(frame, max_bits=max_bits)
    return FrameInfo(
        codec=frame_codec(header).name,
        num_source_bits=header.num_source_bits,
        header_bits=header.num_bits,
        num_payload_bits=frame.num_bits - header.num_bits,
    )


def frame_header(codec: str | Codec, num_source_bits: int) -> Tensor:
    """The bits with which every frame of this codec and length begins, shape (H,), ``uint8``.

    They are the header and, where the codec begins all payloads alike, that beginning: what a
    generation is given, so that whatever follows is decompressed by this codec.

    Raises:
        InputError: there is no such codec, or the length is negative.
    """
    codec = choose_codec(codec)
    if not isinstance(codec, Codec):
        raise InputError("codec='auto' has no header of its own; name a codec")
    if not 0 <= num_source_bits < 1 << 62:
        raise InputError(f"num_source_bits={num_source_bits} must be from 0 to 2**62 - 1")
    parts = [write_header(codec.number, num_source_bits)]
    if num_source_bits:
        parts.append(codec.payload_prefix())
    return torch.from_numpy(np.concatenate(parts))


def pack_tensor(bits: Tensor) -> Packed:
    """A bit tensor of shape (T,) on any device as packed bits.

    Raises:
        BitsError: not a bit tensor of shape (T,).
    """
    if not isinstance(bits, Tensor) or bits.ndim != 1:
        check_bits(bits, dims=1)
    return Packed(pack_bits(bits).cpu().numpy(), len(bits))


def unpack_tensor(packed: Packed, like: Tensor) -> Tensor:
    """Packed bits as a bit tensor with the dtype and device of ``like``."""
    bits = torch.from_numpy(np.unpackbits(packed.data, count=packed.num_bits))
    return (bits.view(torch.bool) if like.dtype == torch.bool else bits).to(like.device)


def _packed_frame(compressed: Tensor, packed: bool) -> Packed:
    if not packed:
        return pack_tensor(compressed)
    if not isinstance(compressed, Tensor) or (compressed.dtype, compressed.ndim) != (
        torch.uint8,
        1,
    ):
        raise BitsError(
            "a packed frame is a uint8 tensor of shape (N,), as from "
            "compress_bits(..., packed=True); for its bits, leave packed out"
        )
    return Packed(compressed.cpu().numpy(), 8 * len(compressed))
