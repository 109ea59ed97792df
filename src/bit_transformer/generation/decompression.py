"""The data in what a model wrote as frames, whole or as far as it goes."""

from collections.abc import Sequence
from typing import Literal, overload

from torch import Tensor

from bit_transformer.codecs import (
    DEFAULT_MAX_BITS,
    Partial,
    decompress_batch,
    decompress_bits,
    decompress_prefix,
    split_frames,
)
from bit_transformer.errors import InputError

__all__ = ["model_output_decompress"]


@overload
def model_output_decompress(
    output_bits: Sequence[Tensor],
    *,
    strict: Literal[True] = True,
    lengths: Tensor | Sequence[int] | None = None,
    max_bits: int = DEFAULT_MAX_BITS,
) -> list[Tensor]: ...


@overload
def model_output_decompress(
    output_bits: Tensor,
    *,
    strict: Literal[True] = True,
    lengths: Tensor | Sequence[int] | None = None,
    max_bits: int = DEFAULT_MAX_BITS,
) -> Tensor: ...


@overload
def model_output_decompress(
    output_bits: Sequence[Tensor],
    *,
    strict: Literal[False],
    lengths: Tensor | Sequence[int] | None = None,
    max_bits: int = DEFAULT_MAX_BITS,
) -> list[Partial]: ...


@overload
def model_output_decompress(
    output_bits: Tensor,
    *,
    strict: Literal[False],
    lengths: Tensor | Sequence[int] | None = None,
    max_bits: int = DEFAULT_MAX_BITS,
) -> Partial: ...


def model_output_decompress(
    output_bits: Tensor | Sequence[Tensor],
    *,
    strict: bool = True,
    lengths: Tensor | Sequence[int] | None = None,
    max_bits: int = DEFAULT_MAX_BITS,
) -> Tensor | list[Tensor] | Partial | list[Partial]:
    """The data in the frames that a model wrote: one frame, or several.

    Args:
        output_bits: one frame (N,); several as a list, or as rows (B, N). What a prompt gave of a
            frame belongs to it: put the prompt's bits in front of the model's.
        strict: whether a frame that is damaged, cut, or followed by more bits is an error.
            Otherwise each result is a :class:`~bit_transformer.codecs.Partial`: the longest valid
            prefix, whether that is all, and the error.
        lengths: how long each row's frame is, for rows with padding behind them.
        max_bits: the most bits of data that a frame may hold.

    Shapes: (T,) for one frame, a list of such tensors for several; so are the ``bits`` of the
    partial results.

    Raises:
        BitsError: what the model wrote is no bit tensor.
        InputError: lengths without rows, or such as do not fit them.
        CodecError: with ``strict``, the first frame that does not decompress: its row, its codec,
            the bit position, the reason, and what to do.

    Example:
        >>> from bit_transformer import compress_bits, text_to_bits
        >>> frame = compress_bits(text_to_bits("hello"), "huffman:english")
        >>> part = model_output_decompress(frame[:-3], strict=False)
        >>> part.is_complete, len(part.bits), part.num_source_bits
        (False, 32, 40)
    """
    is_rows = isinstance(output_bits, Tensor) and output_bits.ndim == 2
    if lengths is not None and not is_rows:
        raise InputError("lengths belong to frames that are the rows of one tensor (B, N)")
    if isinstance(output_bits, Tensor) and not is_rows:
        if strict:
            return decompress_bits(output_bits, max_bits=max_bits)
        return decompress_prefix(output_bits, max_bits=max_bits)
    frames = list(output_bits)
    if isinstance(output_bits, Tensor) and lengths is not None:
        frames = split_frames(output_bits, lengths)
    if strict:
        return decompress_batch(frames, max_bits=max_bits)
    return [decompress_prefix(frame, max_bits=max_bits) for frame in frames]
