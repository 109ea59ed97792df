"""Files become a memory-mapped corpus; a corpus becomes batches of bits.

Unlike ``bits``, which knows what a bit string is, this room knows where the bytes come from:
which files, which split, which window at which step. It knows no model and no run.

    sources      which files a list of paths stands for
    coding       how bytes stand in the bits that a model reads
    splitting    which bytes of which file belong to train, valid and test
    build        files -> a corpus folder, streaming; and the cache of built corpora
    corpus       a corpus folder, opened: three memory-mapped splits
    permutation  a pseudo-random order of n things, without a table of n entries
    sampler      which windows make up a step
    views        how each sequence reaches the model: raw, compressed or direct
    compression  one sequence through a codec; without PyTorch
    worker       a process that does this for the loader
    pool         the loader's side of it
    batches      windows -> one step's bits
    loader       batches, read ahead in a thread

Invariants: no byte of a file, and no two equal files, stand on both sides of a split; a window
never leaves its split; which bytes a step sees depends only on the seed, the step, and the sizes
of split, window and batch – not on the number of processes or on what was read before. The same
holds for the view of each sequence, ramps aside, and no view changes which window it is made of.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.data.batches import Batch, BatchViews
    from bit_transformer.data.build import BuildProgress, build_corpus, prepare_corpus
    from bit_transformer.data.config import DataConfig
    from bit_transformer.data.corpus import Corpus, Split, open_corpus
    from bit_transformer.data.loader import Loader
    from bit_transformer.data.sampler import WindowSampler
    from bit_transformer.data.sources import standard_library_files
    from bit_transformer.data.views import VIEW_NAMES, ViewMixture

__all__ = [
    "Batch",
    "BatchViews",
    "BuildProgress",
    "Corpus",
    "DataConfig",
    "Loader",
    "Split",
    "VIEW_NAMES",
    "ViewMixture",
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
        "bit_transformer.data.views": ["VIEW_NAMES", "ViewMixture"],
        "bit_transformer.data.batches": ["Batch", "BatchViews"],
        "bit_transformer.data.loader": ["Loader"],
    },
)
