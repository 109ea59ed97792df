"""Frames as the model's input: decompressed, checked, and put together as a batch.

The model itself never sees a codec: what is here runs before the embedding. Codecs are loaded on
first use, so that a model of plain bits does without them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from bit_transformer.errors import InputError

__all__ = ["Compressed", "read_frames"]

Compressed = Tensor | Sequence[Tensor]
"""One frame (N,), a list of frames, or frames as rows (B, N) with zeros after shorter ones."""


def read_frames(
    compressed: Compressed, lengths: Tensor | None, max_bits: int | None
) -> tuple[Tensor, Tensor | None]:
    """The bits that the frames hold, and how many each holds where they differ.

    Shapes: for one frame (T,) and no lengths; for several (B, T), zeros behind the shorter ones,
    and (B,) int64, or None where all hold T bits.

    Raises:
        BitsError: the frames are not bit tensors.
        InputError: lengths without padded frames, or padded frames without lengths.
        CodecError: a frame does not decompress.
    """
    from bit_transformer.codecs import DEFAULT_MAX_BITS, decompress_batch, decompress_bits

    limit = DEFAULT_MAX_BITS if max_bits is None else max_bits
    if isinstance(compressed, Tensor):
        if compressed.ndim < 2 and lengths is None:
            return decompress_bits(compressed, max_bits=limit), None
        if (compressed.ndim == 2) != (lengths is not None):
            raise InputError(
                f"compressed has the shape {tuple(compressed.shape)} and lengths is "
                f"{'missing' if lengths is None else 'given'}; lengths belong to frames that are "
                "the rows of one tensor (B, N), as from pad_frames, and to nothing else"
            )
    return _as_batch(decompress_batch(compressed, lengths, max_bits=limit))


def _as_batch(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    if len({len(row) for row in rows}) > 1:
        from bit_transformer.codecs import pad_frames

        return pad_frames(rows)
    return torch.stack(list(rows)) if rows else torch.empty(0, 0, dtype=torch.uint8), None
