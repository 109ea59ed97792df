"""Which codecs there are, by name and by the number that frames carry.

The library's own codecs are listed here and loaded on first use, so that asking for names
imports nothing and a codec whose package is missing troubles nobody else. Others join with
:func:`register_codec`, in every process that reads or writes their frames.
"""

from importlib import import_module
from typing import NamedTuple

from bit_transformer.codecs.codec import Codec
from bit_transformer.errors import InputError

__all__ = [
    "FIRST_FREE_NUMBER",
    "LAST_NUMBER",
    "codec_by_number",
    "codec_names",
    "get_codec",
    "register_codec",
]

FIRST_FREE_NUMBER = 12
"""The smallest number that codecs from outside may have."""

LAST_NUMBER = 267
"""The largest number that a frame can carry."""


class _BuiltIn(NamedTuple):
    number: int
    module: str
    class_name: str


_BUILT_IN = {
    "stored": _BuiltIn(0, "bit_transformer.codecs.stored", "StoredCodec"),
    "huffman": _BuiltIn(1, "bit_transformer.codecs.huffman", "HuffmanCodec"),
    "rle": _BuiltIn(2, "bit_transformer.codecs.rle", "RleCodec"),
    "lz": _BuiltIn(3, "bit_transformer.codecs.lz", "LzCodec"),
    "zstd": _BuiltIn(4, "bit_transformer.codecs.zstd", "ZstdCodec"),
    "deflate": _BuiltIn(5, "bit_transformer.codecs.libraries", "DeflateCodec"),
    "lz4": _BuiltIn(6, "bit_transformer.codecs.libraries", "Lz4Codec"),
    "brotli": _BuiltIn(7, "bit_transformer.codecs.libraries", "BrotliCodec"),
    "lzma": _BuiltIn(8, "bit_transformer.codecs.libraries", "LzmaCodec"),
}

_loaded: dict[str, Codec] = {}


def codec_names() -> list[str]:
    """The names of all codecs: the library's, then those registered, each in order."""
    return [*_BUILT_IN, *(name for name in _loaded if name not in _BUILT_IN)]


def get_codec(name: str | Codec) -> Codec:
    """The codec of that name, set up as the name says; a codec comes back as it is.

    Args:
        name: ``"rle"``; or with one setting after a colon, a level (``"zstd:19"``) or a shared
            table (``"huffman:english"``).

    Raises:
        InputError: there is no such codec, or it has no such setting.
        MissingDependencyError: its package is not installed.
    """
    if isinstance(name, Codec):
        return name
    if not isinstance(name, str):
        raise InputError(f"a codec is asked for by its name, got {type(name).__name__}")
    base, colon, setting = name.partition(":")
    codec = _load(base)
    if not colon:
        return codec
    if setting.removeprefix("-").isdecimal():
        return codec.configured(level=int(setting))
    return codec.configured(table=setting)


def codec_by_number(number: int) -> Codec | None:
    """The codec that frames call by this number, or None.

    Raises:
        MissingDependencyError: its package is not installed.
    """
    for name, built_in in _BUILT_IN.items():
        if built_in.number == number:
            return _load(name)
    return next((codec for codec in _loaded.values() if codec.number == number), None)


def register_codec(codec: Codec) -> None:
    """Make a codec known by its name and its number, in this process.

    Raises:
        InputError: not a codec; its name is taken or malformed; its number is taken or not one
            of those for codecs from outside.
    """
    if not isinstance(codec, Codec):
        raise InputError(f"expected an instance of Codec, got {codec!r}; call the class first")
    name, number = codec.name, codec.number
    if name == "auto" or not name.replace("-", "").isalnum() or name != name.lower():
        raise InputError(
            f"{name!r} cannot name a codec; use lower-case letters, digits and hyphens, not 'auto'"
        )
    if name in codec_names():
        raise InputError(f"there is a codec {name!r} already; choose another name")
    if not FIRST_FREE_NUMBER <= number <= LAST_NUMBER:
        raise InputError(
            f"the codec {name!r} has the number {number}; "
            f"choose one from {FIRST_FREE_NUMBER} to {LAST_NUMBER}"
        )
    other = codec_by_number(number)
    if other is not None:
        raise InputError(
            f"the codec {other.name!r} has the number {number} already; give {name!r} another"
        )
    _loaded[name] = codec


def _load(name: str) -> Codec:
    if name not in _loaded:
        if name not in _BUILT_IN:
            raise InputError(
                f"there is no codec {name!r}; choose from {', '.join(codec_names())}, "
                "or add it with register_codec"
            )
        _, module, class_name = _BUILT_IN[name]
        _loaded[name] = getattr(import_module(module), class_name)()
    return _loaded[name]
