"""K and C of compressed bits: of what they stand for, of the bits themselves, or of both.

The bits of a good code look like a fair coin's whatever they stand for, so measuring them says
how good the code is and nothing of the data. That is why the source is measured unless asked
otherwise; and bits that do not decode are reported, not taken for data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from torch import Tensor

from bit_transformer.bits import unpack_bits
from bit_transformer.codecs import DEFAULT_MAX_BITS, decompress_prefix
from bit_transformer.errors import CodecError, InputError
from bit_transformer.telemetry.measuring import Measurement, measure

__all__ = ["CompressedMeasurement", "Predict", "Which", "measure_compressed"]

Which = Literal["source", "stream", "both"]
"""What is measured of a frame: the decompressed bits, the compressed ones, or both."""

Predict = Callable[[Tensor, Literal["source", "stream"]], Tensor | None]
"""The logits of bits, told which of the two they are; None for none."""


@dataclass(frozen=True)
class CompressedMeasurement:
    """What was found of one frame.

    Args:
        codec: its name; None where the header could not be read.
        is_decodable: the whole frame decompressed, and nothing came after it; otherwise
            ``error`` says what is wrong and where, and ``source`` is of the longest prefix that
            did decompress.
        num_decoded_bits: how many source bits came out.
        source: of the decompressed bits; None if not asked for, or if none came out.
        stream: of the compressed bits; None if not asked for.
    """

    codec: str | None
    is_decodable: bool
    num_decoded_bits: int
    error: CodecError | None
    source: Measurement | None
    stream: Measurement | None

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        return {
            "codec": self.codec,
            "is_decodable": self.is_decodable,
            "num_decoded_bits": self.num_decoded_bits,
            "error": None if self.error is None else str(self.error),
            "source": None if self.source is None else self.source.as_dict(),
            "stream": None if self.stream is None else self.stream.as_dict(),
        }


def measure_compressed(
    compressed: Tensor,
    *,
    which: Which = "source",
    predict: Predict | None = None,
    window: int | None = None,
    stride: int | None = None,
    packed: bool = False,
    max_bits: int = DEFAULT_MAX_BITS,
) -> CompressedMeasurement:
    """K and C of the source of a frame, of its bits, or of both; a damaged one is no error.

    Args:
        compressed: one frame, (T,), ``uint8`` or ``bool``.
        which: what is measured.
        predict: called with the bits that are measured, for K of the model and S.
        window: measure each window of that many bits apart, too.
        stride: from one window to the next, a window's length if unset.
        packed: the frame is packed into bytes, as in a file; the stream is the bits of these.
        max_bits: a frame that declares more source bits than this is not decompressed.

    Raises:
        BitsError: not a bit tensor of one dimension.
        InputError: ``which`` is unknown, the frame has no bits, the predictions are not finite or
            do not fit, or the windows do not fit.
    """
    if which not in get_args(Which):
        raise InputError(f"which={which!r} must be one of {', '.join(get_args(Which))}")
    partial = decompress_prefix(compressed, packed=packed, max_bits=max_bits)
    source = stream = None
    if which != "stream" and len(partial.bits):
        logits = predict(partial.bits, "source") if predict else None
        source = measure(partial.bits, logits=logits, window=window, stride=stride)
    if which != "source":
        stream_bits = unpack_bits(compressed) if packed else compressed
        logits = predict(stream_bits, "stream") if predict else None
        stream = measure(stream_bits, logits=logits, window=window, stride=stride)
    return CompressedMeasurement(
        codec=partial.codec,
        is_decodable=partial.error is None,
        num_decoded_bits=len(partial.bits),
        error=partial.error,
        source=source,
        stream=stream,
    )
