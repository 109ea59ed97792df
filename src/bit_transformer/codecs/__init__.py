"""Lossless codes that know no model, and the frames in which their output stands.

``compress_bits`` turns a bit tensor into a frame, itself a bit tensor, which names its codec and
the length of its source; ``decompress_bits`` needs nothing else. ``bits`` below packs bits and
never changes their number; ``archive`` above compresses with a model's predictions.
Start reading at :mod:`~bit_transformer.codecs.compression`. What workers without PyTorch need is
in :mod:`~bit_transformer.codecs.frame`.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.codecs.batches import (
        compress_batch,
        decompress_batch,
        pad_frames,
        split_frames,
    )
    from bit_transformer.codecs.codec import Codec, Decoded
    from bit_transformer.codecs.compression import (
        FrameInfo,
        Partial,
        compress_bits,
        decompress_bits,
        decompress_prefix,
        frame_header,
        frame_info,
    )
    from bit_transformer.codecs.frame import (
        AUTO_CODECS,
        DEFAULT_MAX_BITS,
        compress_array,
        decompress_array,
    )
    from bit_transformer.codecs.registry import codec_names, get_codec, register_codec
    from bit_transformer.codecs.streaming import FrameDecoder
    from bit_transformer.codecs.zstd import train_dictionary

__all__ = [
    "compress_bits",
    "decompress_bits",
    "decompress_prefix",
    "Partial",
    "frame_info",
    "FrameInfo",
    "frame_header",
    "FrameDecoder",
    "compress_batch",
    "decompress_batch",
    "pad_frames",
    "split_frames",
    "compress_array",
    "decompress_array",
    "AUTO_CODECS",
    "DEFAULT_MAX_BITS",
    "Codec",
    "Decoded",
    "codec_names",
    "get_codec",
    "register_codec",
    "train_dictionary",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.codecs.compression": [
            "compress_bits",
            "decompress_bits",
            "decompress_prefix",
            "Partial",
            "frame_info",
            "FrameInfo",
            "frame_header",
        ],
        "bit_transformer.codecs.streaming": ["FrameDecoder"],
        "bit_transformer.codecs.batches": [
            "compress_batch",
            "decompress_batch",
            "pad_frames",
            "split_frames",
        ],
        "bit_transformer.codecs.frame": [
            "AUTO_CODECS",
            "DEFAULT_MAX_BITS",
            "compress_array",
            "decompress_array",
        ],
        "bit_transformer.codecs.codec": ["Codec", "Decoded"],
        "bit_transformer.codecs.registry": ["codec_names", "get_codec", "register_codec"],
        "bit_transformer.codecs.zstd": ["train_dictionary"],
    },
)
