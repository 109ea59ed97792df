"""Many frames at once: as a list, or as rows of one padded tensor with their lengths.

Rows of a batch compress to different lengths, so a padded tensor means nothing without them:
padding is zeros, and zeros are data too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from bit_transformer.bits.packing import check_bits
from bit_transformer.codecs.codec import Codec
from bit_transformer.codecs.compression import compress_bits, decompress_bits
from bit_transformer.codecs.frame import DEFAULT_MAX_BITS
from bit_transformer.errors import CodecError, InputError

__all__ = ["compress_batch", "decompress_batch", "pad_frames", "split_frames"]


def compress_batch(bits: Tensor | Sequence[Tensor], codec: str | Codec = "auto") -> list[Tensor]:
    """A frame for each row, as :func:`~bit_transformer.codecs.compress_bits` makes it.

    Shapes:
        bits: (B, T), or B tensors of shape (T_b,).
        returns: B tensors of shape (N_b,).

    Raises:
        BitsError: the rows are not bit tensors.
        InputError: there is no such codec.
    """
    if isinstance(bits, Tensor):
        check_bits(bits, dims=2)
    return [compress_bits(row, codec) for row in bits]


def pad_frames(frames: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The frames as rows of one tensor, zeros after the shorter ones, and their lengths.

    Shapes:
        frames: B tensors of shape (N_b,), of one dtype on one device.
        returns: (B, L) with L the longest, and (B,) ``int64``.

    Raises:
        InputError: there is no frame.
        BitsError: one is not a bit tensor of shape (N,).
    """
    if not len(frames):
        raise InputError("there are no frames to pad; give at least one")
    for row, frame in enumerate(frames):
        check_bits(frame, name=f"frame {row}", dims=1)
    lengths = torch.tensor([len(frame) for frame in frames], device=frames[0].device)
    return torch.nn.utils.rnn.pad_sequence(list(frames), batch_first=True), lengths


def split_frames(padded: Tensor, lengths: Tensor | Sequence[int]) -> list[Tensor]:
    """The rows of a padded tensor without their padding, as views.

    Shapes:
        padded: (B, L). lengths: B whole numbers from 0 to L.

    Raises:
        BitsError: ``padded`` is not a bit tensor of shape (B, L).
        InputError: another number of lengths, or one that is out of range.
    """
    check_bits(padded, name="padded", dims=2)
    counts = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    if len(counts) != len(padded):
        raise InputError(f"{len(padded)} rows need as many lengths, got {len(counts)}")
    for row, count in enumerate(counts):
        if not 0 <= count <= padded.shape[1]:
            raise InputError(
                f"lengths[{row}] = {count} is not within the row; choose 0 to {padded.shape[1]}"
            )
    return [row[:count] for row, count in zip(padded, counts, strict=True)]


def decompress_batch(
    compressed: Tensor | Sequence[Tensor],
    lengths: Tensor | Sequence[int] | None = None,
    *,
    max_bits: int = DEFAULT_MAX_BITS,
) -> list[Tensor]:
    """The source bits of each frame; they may differ in length.

    Shapes:
        compressed: B tensors of shape (N_b,), or (B, L) with ``lengths``.
        returns: B tensors of shape (T_b,).

    Args:
        max_bits: for each frame.

    Raises:
        BitsError: the rows are not bit tensors.
        InputError: lengths without padding to cut, or padding without lengths.
        CodecError: a frame does not decompress; the reason names its row.
    """
    if isinstance(compressed, Tensor) != (lengths is not None):
        raise InputError("lengths belong to a padded tensor of frames, and to nothing else")
    if isinstance(compressed, Tensor) and lengths is not None:
        compressed = split_frames(compressed, lengths)
    return [_decompress_row(row, frame, max_bits) for row, frame in enumerate(compressed)]


def _decompress_row(row: int, frame: Tensor, max_bits: int) -> Tensor:
    try:
        return decompress_bits(frame, max_bits=max_bits)
    except CodecError as error:
        raise CodecError(
            f"row {row}: {error.reason}",
            codec=error.codec,
            bit_position=error.bit_position,
            fix=error.fix,
        ) from error
