"""Adaptive context mixing: how likely is the next bit, given this file and what a model says.

Every bit's probability is mixed, in integers, out of many context models that learn the file
while it is coded and, where there is one, the trained engine's prediction; a range coder turns
probabilities into bytes. ``engine`` beside this package computes a trained model's prediction;
the archive's container above knows formats, checksums and files, and nothing of probabilities.
Start reading at :mod:`~bit_transformer.archive.mixing.interface`.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.archive.mixing.interface import (
        MAX_BLOCK_BYTES,
        MAX_LANES,
        MAX_PRIMER_BYTES,
        MIXING_VERSION,
        READABLE_VERSIONS,
        Level,
        code_length_bits,
        decode_blocks,
        encode_blocks,
    )

__all__ = [
    "Level",
    "encode_blocks",
    "decode_blocks",
    "code_length_bits",
    "MAX_BLOCK_BYTES",
    "MAX_LANES",
    "MAX_PRIMER_BYTES",
    "MIXING_VERSION",
    "READABLE_VERSIONS",
]

__getattr__, __dir__ = lazy_names(__name__, {"bit_transformer.archive.mixing.interface": __all__})
