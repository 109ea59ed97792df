"""Deflate in the place of context mixing: quick, simple, and as forgiving as a coder must be."""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from hashlib import shake_128


class Engine:
    """Takes an engine's place where only its hash matters."""

    def __init__(self, name: str) -> None:
        self.model_hash = name.encode().ljust(32, b"-")


def encode(blocks: Sequence[bytes], level, engine=None, primer=b"", **_options) -> list[bytes]:
    seed = zlib.crc32(primer + (b"" if engine is None else engine.model_hash))
    return [seed.to_bytes(4, "big") + zlib.compress(block, 1) for block in blocks]


def decode(
    payloads: Sequence[bytes], sizes: Sequence[int], level, engine=None, primer=b"", **_options
) -> list[bytes]:
    seed = zlib.crc32(primer + (b"" if engine is None else engine.model_hash)).to_bytes(4, "big")
    return [decode_one(payload, size, seed) for payload, size in zip(payloads, sizes, strict=True)]


def decode_one(payload: bytes, size: int, seed: bytes) -> bytes:
    content = b""
    if payload[:4] == seed:
        with suppress(zlib.error):
            content = zlib.decompressobj().decompress(payload[4:], size)
    return content[:size].ljust(size, b"?")


def random_bytes(size: int) -> bytes:
    """Bytes that do not become smaller, the same at every call."""
    return shake_128(b"any seed").digest(size)
