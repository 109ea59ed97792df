"""Archives are as long as their probabilities say: what all headers and checksums take is small."""

import base64

import pytest

from bit_transformer.archive import ArchiveModel, compress
from bit_transformer.archive.mixing import Level, code_length_bits
from tests.archive.simple_coder import random_bytes

PRIMER = base64.encodebytes(random_bytes(2000))


@pytest.mark.parametrize("primer", [b"", PRIMER])
@pytest.mark.parametrize("num_random_bytes", [27_000, 54_000], ids=["short form", "long form"])
def test_an_archive_is_within_half_a_percent_of_its_code_length(
    primer: bytes, num_random_bytes: int
):
    lines = base64.encodebytes(random_bytes(num_random_bytes))
    model = ArchiveModel(primer=primer) if primer else None
    archive = compress(lines, level="fast", model=model)
    bits = code_length_bits(lines, Level.FAST, primer=primer)
    assert bits < 8 * len(archive) <= 1.005 * bits
