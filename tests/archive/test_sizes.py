"""Archives are as long as their probabilities say: what all headers and checksums take is small."""

import base64

import pytest

from bit_transformer.archive import ArchiveModel, compress
from bit_transformer.archive.mixing import Level, code_length_bits
from tests.archive.simple_coder import random_bytes

PRIMER = base64.encodebytes(random_bytes(2000))


@pytest.mark.parametrize("primer", [b"", PRIMER])
@pytest.mark.parametrize(
    ("num_random_bytes", "block_bytes"),
    [(27_000, None), (54_000, None), (54_000, 1 << 16)],
    ids=["short form", "short form of version 2", "long form"],
)
def test_an_archive_is_within_half_a_percent_of_its_code_length(
    primer: bytes, num_random_bytes: int, block_bytes: int | None
):
    lines = base64.encodebytes(random_bytes(num_random_bytes))
    model = ArchiveModel(primer=primer) if primer else None
    archive = compress(lines, level="fast", model=model, block_bytes=block_bytes)
    size = block_bytes or len(lines)
    blocks = [lines[at : at + size] for at in range(0, len(lines), size)]
    bits = sum(code_length_bits(block, Level.FAST, primer=primer) for block in blocks)
    assert bits < 8 * len(archive) <= 1.005 * bits
