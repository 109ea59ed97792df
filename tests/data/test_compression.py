import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.codecs.codec import Codec, Decoded
from bit_transformer.codecs.frame import read_frame
from bit_transformer.data.compression import (
    Job,
    check_codecs,
    compressed_row,
    direct_row,
    do_job,
)
from bit_transformer.data.views import COMPRESSED, DIRECT
from bit_transformer.errors import ConfigError, TrainingError
from tests.strategies import byte_strings

TEXT = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(400))
NOISE = np.random.default_rng(0).integers(0, 256, 8000, np.uint8).tobytes()
CODECS = ("stored", "rle", "huffman", "huffman:english", "lz", "deflate", "zstd", "auto")


class Forgetful(Codec):
    """A codec that loses the last bit."""

    name = "forgetful"
    number = 200

    def encode(self, bits: np.ndarray) -> np.ndarray:
        return bits

    def decode(self, payload: np.ndarray, num_bits: int) -> Decoded:
        changed = payload.copy()
        changed[-1:] ^= 1
        return Decoded(changed, len(changed))


@given(source=byte_strings(min_size=1), codec=st.sampled_from(CODECS))
def test_what_went_through_a_codec_is_what_it_was(source, codec):
    row = compressed_row(source, codec)
    assert row.bits.data.tobytes() == source
    assert row.bits.num_bits == row.num_source_bits == 8 * len(source)
    assert row.num_frame_bits > 0


@given(
    source=byte_strings(min_size=1, max_size=600),
    codec=st.sampled_from(CODECS),
    row_bits=st.integers(100, 1200),
)
def test_a_direct_row_is_one_whole_frame_of_the_beginning_of_the_source(source, codec, row_bits):
    row = direct_row(source, codec, row_bits)
    assert row.bits.num_bits == row.num_frame_bits <= row_bits
    content = read_frame(row.bits)
    assert content.error is None
    assert content.source.num_bits == row.num_source_bits
    assert source.startswith(content.source.data.tobytes())


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [TEXT, NOISE], ids=["text", "noise"])
def test_direct_rows_are_nearly_full(codec, data):
    row = direct_row(data, codec, 2048)
    assert 0.85 * 2048 <= row.num_frame_bits <= 2048


def test_a_source_that_ends_early_leaves_the_row_unfilled():
    row = direct_row(b"x" * 50, "rle", 2048)
    assert row.num_source_bits == 400
    assert row.num_frame_bits < 2048


@pytest.mark.parametrize("codec", ["stored", "rle", "huffman:english"])
def test_a_frame_too_long_for_a_tiny_row_is_cut_and_what_it_covers_is_counted(codec):
    whole = direct_row(NOISE[:1], codec, 1000)
    row_bits = whole.num_frame_bits - 2
    row = direct_row(NOISE, codec, row_bits)
    assert row.bits.num_bits == row.num_frame_bits == row_bits
    assert 0 <= row.num_source_bits < 8


def test_a_job_is_done_by_its_view():
    assert do_job(Job(COMPRESSED, "rle", TEXT[:64], 512)).bits.data.tobytes() == TEXT[:64]
    assert do_job(Job(DIRECT, "stored", TEXT, 512)).num_frame_bits <= 512


@pytest.mark.parametrize("view", [COMPRESSED, DIRECT])
def test_a_codec_that_loses_something_is_named(view, monkeypatch):
    from bit_transformer.codecs import registry

    monkeypatch.setitem(registry._loaded, "forgetful", Forgetful())
    with pytest.raises(TrainingError, match="'forgetful' does not give back.*Leave it out"):
        do_job(Job(view, "forgetful", TEXT, 512))


def test_codecs_are_looked_up_before_they_are_needed():
    check_codecs(["auto", "stored", "rle", "huffman:english"])
    with pytest.raises(ConfigError, match="codecs: there is no codec 'rel'"):
        check_codecs(["rel"])
    with pytest.raises(ConfigError, match="has no level"):
        check_codecs(["rle:3"])


def test_workers_need_no_pytorch():
    code = "import bit_transformer.data.worker, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
