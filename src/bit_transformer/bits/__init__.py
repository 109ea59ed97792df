"""What a bit string is: the order of its bits, packing, text, files, parity.

Bits are ``torch.uint8`` (or ``bool``) tensors of zeros and ones, shape (T,) or (B, T), the most
significant bit of each byte first. This room knows no model and no corpus; ``data`` turns many
files into one corpus with it, and ``model`` reads its tensors.
Start reading at :mod:`~bit_transformer.bits.packing`. ``files`` works without PyTorch.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.bits.files import (
        atomic_folder,
        atomic_path,
        is_temporary,
        reading_errors,
        write_bytes_atomically,
        writing_errors,
    )
    from bit_transformer.bits.packing import (
        bits_to_bytes,
        bytes_to_bits,
        check_bits,
        pack_bits,
        unpack_bits,
    )
    from bit_transformer.bits.parity import (
        GROUP_BITS,
        ParityReport,
        add_parity,
        check_parity,
        strip_parity,
    )
    from bit_transformer.bits.streams import iter_bits, read_bits, write_bits
    from bit_transformer.bits.text import Utf8Stream, bits_to_text, text_to_bits

__all__ = [
    "bytes_to_bits",
    "bits_to_bytes",
    "pack_bits",
    "unpack_bits",
    "check_bits",
    "text_to_bits",
    "bits_to_text",
    "Utf8Stream",
    "read_bits",
    "write_bits",
    "iter_bits",
    "GROUP_BITS",
    "ParityReport",
    "add_parity",
    "check_parity",
    "strip_parity",
    "atomic_path",
    "atomic_folder",
    "write_bytes_atomically",
    "is_temporary",
    "reading_errors",
    "writing_errors",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.bits.packing": [
            "bytes_to_bits",
            "bits_to_bytes",
            "pack_bits",
            "unpack_bits",
            "check_bits",
        ],
        "bit_transformer.bits.text": ["text_to_bits", "bits_to_text", "Utf8Stream"],
        "bit_transformer.bits.streams": ["read_bits", "write_bits", "iter_bits"],
        "bit_transformer.bits.parity": [
            "GROUP_BITS",
            "ParityReport",
            "add_parity",
            "check_parity",
            "strip_parity",
        ],
        "bit_transformer.bits.files": [
            "atomic_path",
            "atomic_folder",
            "write_bytes_atomically",
            "is_temporary",
            "reading_errors",
            "writing_errors",
        ],
    },
)
