"""Sources that the tests of several codecs share."""

import numpy as np

__all__ = ["ALL_CODECS", "OWN_COMPLETE", "PROSE", "array_of", "awkward_sources"]

ALL_CODECS = ("stored", "rle", "huffman", "huffman:english", "huffman:bytes")
OWN_COMPLETE = ("stored", "rle", "huffman:english", "lz")

PROSE = (
    b"It is a truth universally acknowledged, that a single man in possession of a good fortune, "
    b"must be in want of a wife. However little known the feelings or views of such a man may be "
    b"on his first entering a neighbourhood, this truth is so well fixed in the minds of the "
    b"surrounding families, that he is considered the rightful property of some one or other of "
    b"their daughters."
)


def array_of(data: bytes) -> np.ndarray:
    """The bits of bytes, shape (8 N,), ``uint8``."""
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8))


def awkward_sources() -> list[np.ndarray]:
    """Empty, tiny, odd, constant, alternating, random, sparse, skewed, prose, long runs."""
    rng = np.random.default_rng(5)
    sizes = [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000, 1003]
    sources = [np.full(size, bit) for size in sizes for bit in (0, 1)]
    sources += [np.arange(size) % 2 for size in sizes]
    sources += [rng.random(size) < share for size in sizes for share in (0.02, 0.5, 0.9)]
    sources += [np.zeros(size) for size in (65535, 65536, 131070, 131071, 200_003)]
    sources += [array_of(PROSE), array_of(PROSE)[3:-2], array_of(bytes(range(256)))]
    skewed = bytes(np.repeat(np.arange(30), 2 ** np.minimum(np.arange(30), 13)).astype(np.uint8))
    return [np.asarray(source, dtype=np.uint8) for source in [*sources, array_of(skewed)]]
