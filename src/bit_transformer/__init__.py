"""BitTransformerLM: a transformer language model whose alphabet is the bit.

The names below are the public surface; each loads its room on first use, so that importing the
package costs nothing. What a room is for stands at the head of its ``__init__``.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.archive import MessageCodec, compress, decompress, open_archive
    from bit_transformer.bits import (
        add_parity,
        bits_to_bytes,
        bits_to_text,
        bytes_to_bits,
        check_parity,
        pack_bits,
        read_bits,
        strip_parity,
        text_to_bits,
        unpack_bits,
        write_bits,
    )
    from bit_transformer.checkpoint import load_model, save_checkpoint
    from bit_transformer.codecs import compress_bits, decompress_bits
    from bit_transformer.data import DataConfig, build_corpus, open_corpus
    from bit_transformer.errors import BitTransformerError
    from bit_transformer.evaluation import Evaluation, evaluate
    from bit_transformer.generation import (
        Sampling,
        Stop,
        generate,
        generate_gated,
        generate_text,
        model_output_decompress,
        stream,
        stream_text,
    )
    from bit_transformer.model import BitTransformerLM, ModelConfig
    from bit_transformer.recipes import RECIPES, build_config
    from bit_transformer.runs import open_run
    from bit_transformer.training import TrainConfig, TrainResult, resume, train

__all__ = [
    "text_to_bits",
    "bits_to_text",
    "bytes_to_bits",
    "bits_to_bytes",
    "pack_bits",
    "unpack_bits",
    "read_bits",
    "write_bits",
    "add_parity",
    "check_parity",
    "strip_parity",
    "compress_bits",
    "decompress_bits",
    "ModelConfig",
    "BitTransformerLM",
    "save_checkpoint",
    "load_model",
    "DataConfig",
    "build_corpus",
    "open_corpus",
    "TrainConfig",
    "RECIPES",
    "build_config",
    "train",
    "resume",
    "TrainResult",
    "open_run",
    "evaluate",
    "Evaluation",
    "generate",
    "stream",
    "generate_text",
    "stream_text",
    "generate_gated",
    "model_output_decompress",
    "Sampling",
    "Stop",
    "compress",
    "decompress",
    "open_archive",
    "MessageCodec",
    "BitTransformerError",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.bits": [
            "text_to_bits",
            "bits_to_text",
            "bytes_to_bits",
            "bits_to_bytes",
            "pack_bits",
            "unpack_bits",
            "read_bits",
            "write_bits",
            "add_parity",
            "check_parity",
            "strip_parity",
        ],
        "bit_transformer.codecs": ["compress_bits", "decompress_bits"],
        "bit_transformer.model": ["ModelConfig", "BitTransformerLM"],
        "bit_transformer.checkpoint": ["save_checkpoint", "load_model"],
        "bit_transformer.data": ["DataConfig", "build_corpus", "open_corpus"],
        "bit_transformer.training": ["TrainConfig", "TrainResult", "train", "resume"],
        "bit_transformer.recipes": ["RECIPES", "build_config"],
        "bit_transformer.runs": ["open_run"],
        "bit_transformer.evaluation": ["evaluate", "Evaluation"],
        "bit_transformer.generation": [
            "generate",
            "stream",
            "generate_text",
            "stream_text",
            "generate_gated",
            "model_output_decompress",
            "Sampling",
            "Stop",
        ],
        "bit_transformer.archive": ["compress", "decompress", "open_archive", "MessageCodec"],
        "bit_transformer.errors": ["BitTransformerError"],
    },
)
