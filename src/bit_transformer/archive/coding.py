"""Blocks to payloads and back: a level and a model, bound together for one archive.

The container knows this class only; what predicts and codes is ``mixing``'s and ``engine``'s
business. Blocks that would not become smaller are stored.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bit_transformer.archive.container import Header
from bit_transformer.archive.engine.interface import Engine
from bit_transformer.archive.mixing.interface import (
    MIXING_VERSION,
    READABLE_VERSIONS,
    Level,
    decode_blocks,
    encode_blocks,
)
from bit_transformer.archive.watching import WatchedEngine
from bit_transformer.errors import ArchiveError, InputError

__all__ = [
    "BLOCK_BYTES",
    "ArchiveModel",
    "BlockCoder",
    "coder_of",
    "count_threads",
    "level_of",
    "to_level",
]

BLOCK_BYTES = {Level.FAST: 1 << 22, Level.DEFAULT: 1 << 21, Level.BEST: 1 << 22}
"""How much is compressed as one block, unless the caller says otherwise."""

_LEVEL_NUMBERS = {Level.FAST: 1, Level.DEFAULT: 2, Level.BEST: 3}


@dataclass(frozen=True)
class ArchiveModel:
    """What a decoder must have besides the archive.

    Args:
        engine: exact predictions of a trained model; without it, the primer is all there is.
        primer: what the adaptive models have read before each block.
        name: what to call it in messages.
    """

    engine: Engine | None = None
    primer: bytes = b""
    name: str = "a model"

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of the engine's hash and of the primer's: all that decides the predictions."""
        engine_hash = bytes(32) if self.engine is None else self.engine.model_hash
        return hashlib.sha256(engine_hash + hashlib.sha256(self.primer).digest()).digest()


@dataclass(frozen=True)
class BlockCoder:
    """Turns blocks into payloads and back, at one level and with one model or none.

    Args:
        lanes: into how many pieces the coder cuts a block; None lets it choose.
        num_threads: how many blocks are worked on at once; changes no archive.
        version: of the arithmetic.
    """

    level: Level
    model: ArchiveModel | None = None
    lanes: int | None = None
    num_threads: int = field(default_factory=lambda: count_threads(None))
    version: int = MIXING_VERSION

    @property
    def model_hash(self) -> bytes:
        """The model's 32 bytes, none without a model."""
        return b"" if self.model is None else self.model.hash

    def header(self, block_bytes: int, archive_id: bytes) -> Header:
        """The header of an archive made with this coder."""
        number = _LEVEL_NUMBERS[self.level]
        return Header(number, self.version, self.model_hash, block_bytes, archive_id)

    def encode(
        self, blocks: Sequence[bytes], tell: Callable[[int], None] | None = None
    ) -> list[bytes | None]:
        """The payload of each block, None for one that does not become smaller.

        Args:
            tell: called now and then with how many of the blocks' bytes have been predicted,
                where a trained model does it.
        """
        engine, primer = self._predictors(tell)
        payloads = encode_blocks(
            blocks,
            self.level,
            engine,
            primer,
            lanes=self.lanes,
            num_threads=self.num_threads,
            version=self.version,
        )
        return [
            payload if len(payload) < len(block) else None
            for payload, block in zip(payloads, blocks, strict=True)
        ]

    def decode(
        self,
        payloads: Sequence[bytes],
        sizes: Sequence[int],
        tell: Callable[[int], None] | None = None,
    ) -> list[bytes]:
        """The blocks; of damaged payloads wrong bytes of the right number.

        Args:
            tell: as in :meth:`encode`.
        """
        engine, primer = self._predictors(tell)
        return decode_blocks(
            payloads,
            sizes,
            self.level,
            engine,
            primer,
            num_threads=self.num_threads,
            version=self.version,
        )

    def _predictors(self, tell: Callable[[int], None] | None) -> tuple[Engine | None, bytes]:
        if self.model is None:
            return None, b""
        engine = self.model.engine
        if engine is not None and tell is not None:
            engine = WatchedEngine(engine, tell)
        return engine, self.model.primer


def coder_of(header: Header, model: ArchiveModel | None, num_threads: int) -> BlockCoder:
    """The coder that undoes what an archive with this header holds.

    Raises:
        ArchiveError: the archive was made with another model, another coder or an unknown level.
    """
    level = level_of(header)
    if header.coder_version not in READABLE_VERSIONS:
        raise ArchiveError(
            f"the archive was made by version {header.coder_version} of the coder, and this "
            f"release has {' and '.join(map(str, READABLE_VERSIONS))}; unpack it with the release "
            "that made it"
        )
    if level is None:
        raise ArchiveError(
            f"the archive has the level number {header.level}, which this release does not know; "
            "install a newer release"
        )
    if not header.model_hash:
        return BlockCoder(level, num_threads=num_threads, version=header.coder_version)
    wanted = header.model_hash.hex()
    if model is None:
        raise ArchiveError(
            f"the archive was made with the model {wanted}, and no model is given; "
            "give that one with --model (model= in Python)"
        )
    if not model.hash.startswith(header.model_hash):
        raise ArchiveError(
            f"the archive was made with the model {wanted}, and {model.name} is "
            f"{model.hash[: len(header.model_hash)].hex()}; give the right one with --model "
            "(model= in Python)"
        )
    return BlockCoder(level, model, num_threads=num_threads, version=header.coder_version)


def level_of(header: Header) -> Level | None:
    """The level that an archive was made at, None for one that this release does not know."""
    return {number: level for level, number in _LEVEL_NUMBERS.items()}.get(header.level)


def count_threads(asked: int | None) -> int:
    """How many threads to use: as asked, or as many as this process may use.

    Raises:
        InputError: asked for less than one.
    """
    if asked is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if asked < 1:
        raise InputError(f"the number of threads must be at least 1, got {asked}")
    return asked


def to_level(name: str) -> Level:
    """The level of this name.

    Raises:
        InputError: there is none.
    """
    try:
        return Level(name)
    except ValueError:
        names = ", ".join(Level)
        raise InputError(f"there is no level {name!r}; choose one of {names}") from None
