"""Files become a memory-mapped corpus; a corpus becomes batches of bits.

Unlike ``bits``, which knows what a bit string is, this room knows where the bytes come from:
which files, which split, which window at which step. It knows no model and no run.

    sources      which files a list of paths stands for
    splitting    which bytes of which file belong to train, valid and test
    build        files -> a corpus folder, streaming; and the cache of built corpora
    corpus       a corpus folder, opened: three memory-mapped splits
    permutation  a pseudo-random order of n things, without a table of n entries
    sampler      which windows make up a step
    loader       windows -> batches of bits, read ahead in a thread

Invariants: no byte of a file, and no two equal files, stand on both sides of a split; a window
never leaves its split; which bytes a step sees depends only on the seed, the step, and the sizes
of split, window and batch – not on the number of processes or on what was read before.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.data.build import BuildProgress, build_corpus, prepare_corpus
    from bit_transformer.data.config import DataConfig
    from bit_transformer.data.corpus import Corpus, Split, open_corpus
    from bit_transformer.data.loader import Batch, Loader
    from bit_transformer.data.sampler import WindowSampler
    from bit_transformer.data.sources import standard_library_files

__all__ = [
    "Batch",
    "BuildProgress",
    "Corpus",
    "DataConfig",
    "Loader",
    "Split",
    "WindowSampler",
    "build_corpus",
    "open_corpus",
    "prepare_corpus",
    "standard_library_files",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.data.config": ["DataConfig"],
        "bit_transformer.data.sources": ["standard_library_files"],
        "bit_transformer.data.build": ["BuildProgress", "build_corpus", "prepare_corpus"],
        "bit_transformer.data.corpus": ["Corpus", "Split", "open_corpus"],
        "bit_transformer.data.sampler": ["WindowSampler"],
        "bit_transformer.data.loader": ["Batch", "Loader"],
    },
)
