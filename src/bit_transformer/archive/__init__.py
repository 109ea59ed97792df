"""Archives: bytes compressed by what a model and the data itself predict, decoded anywhere.

``codecs`` below compresses bits without a model into frames that models read and write; here a
trained model, made exact by integers, predicts each bit beside models that learn from the data
as it goes by, and a range coder turns the predictions into bytes. ``engine`` is the trained
model, ``mixing`` are the learning models and the coder; the modules of this folder are the files
that come of it, of which ``container`` has the layout. Start reading at
:mod:`~bit_transformer.archive.packing`.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.archive.coding import ArchiveModel
    from bit_transformer.archive.listing import Entry, Listing, check_archive, list_archive
    from bit_transformer.archive.messages import MessageCodec
    from bit_transformer.archive.packing import ARCHIVE_SUFFIX, ArchiveSummary, compress
    from bit_transformer.archive.streams import open_archive
    from bit_transformer.archive.unpacking import Unpacked, decompress, salvage

__all__ = [
    "compress",
    "ArchiveSummary",
    "ARCHIVE_SUFFIX",
    "decompress",
    "Unpacked",
    "open_archive",
    "list_archive",
    "Listing",
    "Entry",
    "check_archive",
    "salvage",
    "MessageCodec",
    "ArchiveModel",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.archive.coding": ["ArchiveModel"],
        "bit_transformer.archive.listing": ["Entry", "Listing", "check_archive", "list_archive"],
        "bit_transformer.archive.messages": ["MessageCodec"],
        "bit_transformer.archive.packing": ["ARCHIVE_SUFFIX", "ArchiveSummary", "compress"],
        "bit_transformer.archive.streams": ["open_archive"],
        "bit_transformer.archive.unpacking": ["Unpacked", "decompress", "salvage"],
    },
)
