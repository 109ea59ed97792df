"""An exported model as one file, ``NAME.btm``, and back; ``docs/formats/engine.md`` is its page.

It holds the engine's weights, and the primer: bytes that the adaptive models of ``mixing`` read
before they begin. Unlike a checkpoint it cannot be trained further.

Invariants: a file under its final name is whole; reading never runs what it reads, and takes no
more memory than the sizes in the header, which are checked before, ask for; what is read has the
hash that was written and has passed :meth:`EngineWeights.check`.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bit_transformer.archive.engine.weights import ENGINE_VERSION, EngineShape, EngineWeights
from bit_transformer.bits.files import reading_errors, write_bytes_atomically
from bit_transformer.errors import ArchiveError, InputError
from bit_transformer.lazy import load_zstd

if TYPE_CHECKING:
    from bit_transformer.archive.engine.step import StepEngine

__all__ = ["MAX_PRIMER_BYTES", "ModelFile", "parse_model", "read_model", "write_model"]

MAGIC = b"\x89BTM\r\n\x1a\n"
VERSION = 1
MAX_PRIMER_BYTES = 1 << 18
MAX_FILE_BYTES = 1 << 28
MAX_UNPACKED_BYTES = 1 << 29
MAX_HEADER_BYTES = 1 << 20

_FIXED = struct.Struct("<8sHHI")
_HASH_BYTES = 32
_LEVEL = 19


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What an exported model holds.

    Args:
        primer: at most 256 KB.
        metadata: anything JSON can say: data, licence, recipe, results.
    """

    weights: EngineWeights
    primer: bytes = b""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def engine(self, *, num_threads: int = 1) -> "StepEngine":
        """The engine that runs these weights."""
        from bit_transformer.archive.engine.step import StepEngine

        return StepEngine(self.weights, num_threads=num_threads)


def write_model(path: str | Path, model: ModelFile) -> int:
    """Put ``model`` at ``path``, whole or not at all; how many bytes the file has.

    Raises:
        InputError: the primer is too long, or the metadata is no JSON.
        ArchiveError: the weights are not valid.
        StorageError: the place may not be written, or the disk is full.
    """
    content = pack_model(model)
    write_bytes_atomically(path, content)
    return len(content)


def pack_model(model: ModelFile) -> bytes:
    """The bytes of the file; the same weights, primer and metadata give the same with one zstd.

    Raises:
        InputError: the primer is too long, or the metadata is no JSON.
        ArchiveError: the weights are not valid.
    """
    if len(model.primer) > MAX_PRIMER_BYTES:
        raise InputError(
            f"the primer has {len(model.primer)} bytes and may have {MAX_PRIMER_BYTES}; shorten it"
        )
    model.weights.check()
    sections = {"primer": bytes(model.primer)}
    for name, array in model.weights.arrays():
        little = array.dtype.newbyteorder("<")
        sections[name] = np.ascontiguousarray(array, dtype=little).tobytes()
    stored = {name: _compress(content) for name, content in sections.items()}
    header = {
        "engine_version": ENGINE_VERSION,
        "shape": asdict(model.weights.shape),
        "primer_bytes": len(model.primer),
        "model_hash": model.weights.model_hash.hex(),
        "stored_bytes": {name: len(content) for name, content in stored.items()},
        "metadata": dict(model.metadata),
    }
    try:
        text = json.dumps(header, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"a model's metadata must be JSON: {error}") from error
    if len(text) > MAX_HEADER_BYTES:
        raise InputError(f"the metadata makes a header of {len(text)} bytes; shorten it")
    start = _FIXED.pack(MAGIC, VERSION, 0, len(text))
    content = b"".join((start, text, *stored.values()))
    return content + hashlib.sha256(content).digest()


def read_model(path: str | Path) -> ModelFile:
    """The model in a file.

    Raises:
        DataError: the file is missing or cannot be read.
        ArchiveError: it is no exported model, damaged, too new, or not valid.
    """
    path = Path(path)
    with reading_errors(path):
        num_bytes = path.stat().st_size
        if num_bytes > MAX_FILE_BYTES:
            raise ArchiveError(
                f"{path} has {num_bytes} bytes, and no exported model has more than "
                f"{MAX_FILE_BYTES}; give a .btm file"
            )
        content = path.read_bytes()
    return parse_model(content, name=str(path))


def parse_model(content: bytes | bytearray | memoryview, *, name: str = "the model") -> ModelFile:
    """The model whose file these bytes are; ``name`` is what messages call it.

    Raises:
        ArchiveError: they are no exported model, damaged, too new, or not valid.
    """
    content = memoryview(content)
    header, sections = _open(content, name)
    shape = _shape(header.get("shape"), name)
    primer_bytes = header.get("primer_bytes")
    if type(primer_bytes) is not int or not 0 <= primer_bytes <= MAX_PRIMER_BYTES:
        raise _damaged(name, f"its primer_bytes is {primer_bytes!r}")
    layout = shape.arrays()
    sizes = {key: _size(dtype, lengths) for key, (dtype, lengths) in layout.items()}
    if sum(sizes.values()) > MAX_UNPACKED_BYTES:
        raise _damaged(name, f"it would take {sum(sizes.values())} bytes of memory")
    stored = _stored(header.get("stored_bytes"), ["primer", *layout], len(sections), name)
    unpacked: dict[str, bytes] = {}
    for key, num_bytes in {"primer": primer_bytes, **sizes}.items():
        part, sections = sections[: stored[key]], sections[stored[key] :]
        unpacked[key] = _decompress(part, num_bytes, f"{name}: its part {key!r}")
    arrays = {
        key: np.frombuffer(unpacked[key], np.dtype(dtype).newbyteorder("<"))
        .astype(dtype)
        .reshape(lengths)
        for key, (dtype, lengths) in layout.items()
    }
    weights = EngineWeights(shape=shape, **arrays)
    weights.check()
    if header.get("model_hash") != weights.model_hash.hex():
        raise _damaged(name, "its weights are not those that its model_hash stands for")
    metadata = header.get("metadata")
    if not isinstance(metadata, dict):
        raise _damaged(name, "its metadata is no JSON object")
    return ModelFile(weights, unpacked["primer"], metadata)


def _open(content: memoryview, name: str) -> tuple[dict[str, Any], memoryview]:
    """The header and the sections behind it, once magic, version and checksum are right."""
    if bytes(content[: len(MAGIC)]) != MAGIC:
        raise ArchiveError(
            f"{name} is no exported model: it does not begin as one; make one from a run with "
            "bit_transformer.archive.engine.export_model"
        )
    if len(content) < _FIXED.size + _HASH_BYTES:
        raise _damaged(name, f"it ends after {len(content)} bytes")
    _, version, reserved, header_bytes = _FIXED.unpack_from(content)
    if version > VERSION:
        raise ArchiveError(
            f"{name} has format version {version}, and this library reads up to {VERSION}; install "
            "a newer bit-transformer to read it"
        )
    body, digest = content[:-_HASH_BYTES], content[-_HASH_BYTES:]
    if hashlib.sha256(body).digest() != bytes(digest):
        raise _damaged(name, "its SHA-256 is not the one at its end")
    end = _FIXED.size + header_bytes
    if version < 1 or reserved or header_bytes > MAX_HEADER_BYTES or end > len(body):
        raise _damaged(name, "its first bytes say what cannot be")
    try:
        header = json.loads(bytes(body[_FIXED.size : end]))
    except (ValueError, RecursionError) as error:
        raise _damaged(name, f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise _damaged(name, "its header is no JSON object")
    if header.get("engine_version") != ENGINE_VERSION:
        raise ArchiveError(
            f"{name} is for version {header.get('engine_version')!r} of the engine's arithmetic, "
            f"and this library has version {ENGINE_VERSION}; install the bit-transformer that "
            "exported it, or export the model again"
        )
    return header, body[end:]


def _shape(sizes: Any, name: str) -> EngineShape:
    known = {field.name for field in fields(EngineShape)}
    if not isinstance(sizes, dict) or set(sizes) != known:
        raise _damaged(name, "its sizes are not those of an engine")
    bits = sizes["context_hash_bits"]
    numbers = [sizes[key] for key in known - {"context_hash_bits", "logit_cap"}]
    numbers += bits if isinstance(bits, list) else [None]
    if not all(type(number) is int for number in numbers):
        raise _damaged(name, "its sizes are not whole numbers")
    if type(sizes["logit_cap"]) not in (int, float):
        raise _damaged(name, "its logit_cap is no number")
    cap = float(min(max(sizes["logit_cap"], -1), 1e6))
    shape = EngineShape(**sizes | {"context_hash_bits": tuple(bits), "logit_cap": cap})
    shape.check()
    return shape


def _stored(sizes: Any, names: list[str], num_bytes: int, name: str) -> dict[str, int]:
    is_plain = isinstance(sizes, dict) and list(sizes) == names
    if not is_plain or not all(type(size) is int and size >= 0 for size in sizes.values()):
        raise _damaged(name, "its stored_bytes do not name its parts")
    if sum(sizes.values()) != num_bytes:
        raise _damaged(name, f"its parts have {num_bytes} bytes, not {sum(sizes.values())}")
    return sizes


def _size(dtype: type, lengths: tuple[int, ...]) -> int:
    size = np.dtype(dtype).itemsize
    for length in lengths:
        size *= length
    return size


def _compress(content: bytes) -> bytes:
    return load_zstd().compress(content, _LEVEL) if content else b""


def _decompress(content: memoryview, num_bytes: int, name: str) -> bytes:
    if num_bytes == 0:
        if len(content):
            raise _damaged(name, "it should be empty")
        return b""
    library = load_zstd()
    decompressor = library.ZstdDecompressor()
    try:
        # One byte more than there should be, so that a part that goes on is noticed.
        unpacked = decompressor.decompress(content, num_bytes + 1)
    except library.ZstdError as error:
        raise _damaged(name, f"it does not decompress ({error})") from error
    if len(unpacked) != num_bytes or not decompressor.eof or decompressor.unused_data:
        raise _damaged(name, f"it does not hold the {num_bytes} bytes that it should")
    return unpacked


def _damaged(name: str, reason: str) -> ArchiveError:
    return ArchiveError(f"{name} is damaged: {reason}; copy it again, or export the model again")
