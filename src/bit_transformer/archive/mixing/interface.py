"""What the container sees of context mixing: a level, and blocks to payloads and back.

The container stores, beside each payload, the block's size, the level and which engine and primer
were used; with the same of these a payload decodes to its block on any machine, with any number
of threads. A payload carries no checksum: whatever bytes are given, ``decode_blocks`` returns as
many bytes as it was told to, and the container's checksum says whether they are the right ones.

Invariants: payloads depend on the block, the level, the engine's integers, the primer and the
lanes alone; blocks do not depend on one another; any change that alters payloads raises
``MIXING_VERSION``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from bit_transformer.errors import ArchiveError, InputError

if TYPE_CHECKING:
    from bit_transformer.archive.engine.interface import Engine

__all__ = [
    "Level",
    "MAX_BLOCK_BYTES",
    "MAX_LANES",
    "MAX_PRIMER_BYTES",
    "MIXING_VERSION",
    "READABLE_VERSIONS",
    "code_length_bits",
    "decode_blocks",
    "encode_blocks",
]

MIXING_VERSION = 4
"""Raised whenever the same block could give another payload; the container stores it.

No release has been made yet. Until then only what decodes otherwise raises it: payloads that were
made before are kept as golden ones.
"""

READABLE_VERSIONS = (1, 2, 3, 4)
"""Those whose payloads this release decodes."""

MAX_BLOCK_BYTES = 1 << 24
MAX_PRIMER_BYTES = 1 << 18
MAX_LANES = 64


class Level(StrEnum):
    """How much work goes into each bit.

    ``FAST`` never asks the engine; ``DEFAULT`` mixes the engine in where one is given; ``BEST``
    has more context models besides.
    """

    FAST = "fast"
    DEFAULT = "default"
    BEST = "best"


def encode_blocks(
    blocks: Sequence[bytes | bytearray | memoryview],
    level: Level,
    engine: Engine | None = None,
    primer: bytes = b"",
    *,
    lanes: int | None = None,
    num_threads: int | None = None,
    version: int = MIXING_VERSION,
) -> list[bytes]:
    """One payload for each block.

    Args:
        engine: a trained model's exact predictions, or None for context models alone.
            Not asked at ``Level.FAST``, nor for a block that is smaller without it.
        primer: bytes that the adaptive models have seen before every block.
        lanes: into how many pieces, coded side by side, a block is cut, so that the engine
            predicts for all of them at once; None chooses by size. A payload says it itself. With
            a number the engine is asked in any case.
        num_threads: None means as many as this process may use. Changes no payload.
        version: of the coder, for who can read no later one.

    Raises:
        InputError: a block, the primer or the number of lanes is too large, or the version is
            none of ``READABLE_VERSIONS``.
    """
    _check(level, [len(block) for block in blocks], primer, lanes, version, InputError)
    from bit_transformer.archive.mixing.blocks import Means, encode

    means = Means(level, None if level is Level.FAST else engine, primer, version)
    return encode(blocks, means, lanes, num_threads)


def decode_blocks(
    payloads: Sequence[bytes | bytearray | memoryview],
    sizes: Sequence[int],
    level: Level,
    engine: Engine | None = None,
    primer: bytes = b"",
    *,
    num_threads: int | None = None,
    version: int = MIXING_VERSION,
) -> list[bytes]:
    """The blocks, ``sizes[i]`` bytes each, whatever the payloads are.

    Never fails or hangs because of a payload's bytes: a damaged one gives wrong bytes of the
    right number, for the checksum above to find.

    Args:
        version: of the coder that made the payloads.

    Raises:
        ArchiveError: a size is negative or above ``MAX_BLOCK_BYTES``.
        InputError: the primer is too large, there are not as many sizes as payloads, or the
            version is none of ``READABLE_VERSIONS``.
    """
    if len(payloads) != len(sizes):
        raise InputError(
            f"there are {len(payloads)} payloads and {len(sizes)} sizes; give one size each"
        )
    _check(level, sizes, primer, None, version, ArchiveError)
    from bit_transformer.archive.mixing.blocks import Means, decode

    means = Means(level, None if level is Level.FAST else engine, primer, version)
    return decode(payloads, sizes, means, num_threads)


def code_length_bits(
    block: bytes | bytearray | memoryview,
    level: Level,
    engine: Engine | None = None,
    primer: bytes = b"",
    *,
    lanes: int | None = None,
) -> float:
    """The sum of -log2 of the probabilities that the block's bits were given.

    What the payload's length in bits would be with an ideal coder.

    Raises:
        InputError: as for :func:`encode_blocks`.
    """
    _check(level, [len(block)], primer, lanes, MIXING_VERSION, InputError)
    from bit_transformer.archive.mixing.blocks import Means, code_length

    means = Means(level, None if level is Level.FAST else engine, primer, MIXING_VERSION)
    return code_length(block, means, lanes)


def _check(
    level: Level,
    sizes: Sequence[int],
    primer: bytes,
    lanes: int | None,
    version: int,
    error: type[ArchiveError] | type[InputError],
) -> None:
    """Refuse what cannot be a block before memory is taken for it."""
    if not isinstance(level, Level):
        raise InputError(f"{level!r} is no level; give one of {', '.join(map(str, Level))}")
    if version not in READABLE_VERSIONS:
        raise InputError(
            f"{version!r} is no version of the coder that this release has; give one of "
            f"{', '.join(map(str, READABLE_VERSIONS))}"
        )
    for size in sizes:
        if not 0 <= size <= MAX_BLOCK_BYTES:
            raise error(
                f"a block of {size} bytes is outside 0 to {MAX_BLOCK_BYTES}; cut it into smaller "
                "blocks"
            )
    if len(primer) > MAX_PRIMER_BYTES:
        raise InputError(
            f"a primer of {len(primer)} bytes is longer than {MAX_PRIMER_BYTES}; shorten it"
        )
    if lanes is not None and not 1 <= lanes <= MAX_LANES:
        raise InputError(f"{lanes} lanes are outside 1 to {MAX_LANES}; give fewer, or None")
