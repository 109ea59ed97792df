"""Primed models on disk, so that only the first process ever has to read a primer.

Reading the primer of the model in the package takes four seconds, and what comes of it is the same
every time. It is kept in the user's cache folder, some 30 MB compressed each, the last few of them;
``BIT_TRANSFORMER_CACHE`` names another folder, or ``off``.

Invariants: what is recalled is what was kept, or nothing; only arrays whose contents cannot lead
an index astray are stored; a cache that cannot be read or written changes no result and fails
nothing.
"""

import hashlib
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from bit_transformer.archive.mixing.levels import LevelSettings
from bit_transformer.archive.mixing.model import Model
from bit_transformer.bits.files import (
    CACHE_VARIABLE,
    is_temporary,
    user_cache_folder,
    write_bytes_atomically,
)
from bit_transformer.errors import StorageError
from bit_transformer.lazy import load_zstd

__all__ = ["MIN_PRIMER_BYTES", "cache_folder", "keep", "kept_name", "recall"]

MIN_PRIMER_BYTES = 1 << 16
"""A shorter primer is read more quickly than it is worth keeping what it taught."""

_MAGIC = b"BTprimed"
_HASH_BYTES = 32
_LEVEL = 1
_MAX_KEPT = 6
_UNFINISHED_S = 3600.0
_CHUNK_BYTES = 1 << 24
_LEARNED = (
    "buckets", "maps", "indirect", "positions", "weights", "row_uses", "final_weights", "points",
)  # fmt: skip
"""All that priming changes but scratch. Kernels bound or mask whatever they read there."""


def cache_folder() -> Path | None:
    """Where primed models are kept, None for nowhere."""
    is_off = os.environ.get(CACHE_VARIABLE) == "off"
    return None if is_off else user_cache_folder() / "primed"


def kept_name(settings: LevelSettings, log_buckets: int, primer: bytes, engine_hash: bytes) -> str:
    """The name of the file for a model that saw this primer: other code has other names."""
    how = f"{settings} {log_buckets}".encode()
    parts = (_code_hash(), how, hashlib.sha256(primer).digest(), engine_hash)
    whole = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return hashlib.sha256(whole).hexdigest() + ".primed"


def recall(model: Model, name: str) -> bool:
    """Let a new model know what the kept one had learned; False if there is none that is whole.

    A model about which False is said may have been changed: make another one.
    """
    folder = cache_folder()
    if folder is None:
        return False
    try:
        content = (folder / name).read_bytes()
        os.utime(folder / name)
    except OSError:
        return False
    head = len(_MAGIC) + _HASH_BYTES
    if content[:head] != _MAGIC + _digest(name, content[head:]):
        return False
    return _unpack(content[head:], _learned(model))


def keep(model: Model, name: str) -> None:
    """Keep what a model has learned, if it can be; the models used longest ago make room."""
    folder = cache_folder()
    if folder is None:
        return
    payload = _pack(_learned(model))
    # The cache only saves time: what cannot be kept is made anew.
    with suppress(OSError, StorageError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes_atomically(folder / name, _MAGIC + _digest(name, payload) + payload)
        _make_room(folder)


def _learned(model: Model) -> list[np.ndarray]:
    """The arrays to keep, each as its bytes."""
    return [getattr(model, name).reshape(-1).view(np.uint8) for name in _LEARNED]


def _digest(name: str, payload: bytes) -> bytes:
    return hashlib.sha256(name.encode() + payload).digest()


def _pack(arrays: list[np.ndarray]) -> bytes:
    compressor = load_zstd().ZstdCompressor(_LEVEL)
    parts = [compressor.compress(array.data) for array in arrays]
    return b"".join([*parts, compressor.flush()])


def _unpack(payload: bytes, arrays: list[np.ndarray]) -> bool:
    """Fill the arrays one after another; whether the payload held exactly as much."""
    library = load_zstd()
    decompressor = library.ZstdDecompressor()
    given = payload
    try:
        for array in arrays:
            filled = 0
            while filled < array.size:
                wanted = min(_CHUNK_BYTES, array.size - filled)
                part = np.frombuffer(decompressor.decompress(given, wanted), dtype=np.uint8)
                given = b""
                if part.size == 0:
                    return False
                array[filled : filled + part.size] = part
                filled += part.size
        return decompressor.eof or (not decompressor.decompress(given, 1) and decompressor.eof)
    except (library.ZstdError, EOFError):
        return False


def _make_room(folder: Path) -> None:
    """Remove all but the last used models, and what killed processes left behind."""
    used = {path: path.stat().st_mtime for path in folder.glob("*.primed")}
    for path in sorted(used, key=lambda path: used[path])[:-_MAX_KEPT]:
        path.unlink(missing_ok=True)
    for path in folder.glob(".*"):
        if is_temporary(path) and path.stat().st_mtime < time.time() - _UNFINISHED_S:
            path.unlink(missing_ok=True)


@cache
def _code_hash() -> bytes:
    """A hash of all code that decides what a primer teaches."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()
