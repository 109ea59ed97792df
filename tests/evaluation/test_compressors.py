import bz2
import gzip
import lzma

import pytest

from bit_transformer.errors import InputError
from bit_transformer.evaluation import measure_compressors
from bit_transformer.lazy import load_zstd

TEXT = b"".join(b"line %d of the log: nothing happened\n" % number for number in range(400))


def _results(data, **options):
    return {result.name: result for result in measure_compressors(data, **options)}


def test_the_sizes_are_those_of_the_strongest_settings():
    found = _results(TEXT)
    expected = {
        "gzip -9": len(gzip.compress(TEXT, 9)),
        "bzip2 -9": len(bz2.compress(TEXT, 9)),
        "xz -9e": len(lzma.compress(TEXT, preset=9 | lzma.PRESET_EXTREME)),
    }
    for name, size in expected.items():
        assert found[name].bits_per_byte_whole == 8 * size / len(TEXT)


@pytest.mark.parametrize("size", [1, 2, 3, 4095, 4096, 4097])
def test_the_smaller_dictionary_of_xz_does_not_change_the_size(size):
    data = TEXT[:size]
    whole = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
    assert _results(data)["xz -9e"].bits_per_byte_whole == 8 * len(whole) / size


def test_pieces_are_compressed_alone():
    found = _results(TEXT, piece_bytes=1000)["gzip -9"]
    sizes = [len(gzip.compress(TEXT[i : i + 1000], 9)) for i in range(0, len(TEXT), 1000)]
    assert found.bits_per_byte_pieces == 8 * sum(sizes) / len(TEXT)
    assert found.bits_per_byte_pieces > found.bits_per_byte_whole


def test_zstd_is_the_library_at_its_highest_level():
    found = _results(TEXT)["zstd -22"]
    assert found.bits_per_byte_whole == 8 * len(load_zstd().compress(TEXT, level=22)) / len(TEXT)


def test_progress_names_each_compressor():
    told = []
    measure_compressors(b"x", progress=told.append)
    assert told[:3] == ["gzip -9", "bzip2 -9", "xz -9e"]


def test_nothing_and_impossible_pieces_are_refused():
    with pytest.raises(InputError, match="no bytes"):
        measure_compressors(b"")
    with pytest.raises(InputError, match="got 0"):
        measure_compressors(b"x", piece_bytes=0)
