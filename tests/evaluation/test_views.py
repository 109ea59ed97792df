import io
import math

import numpy as np
import pytest
import torch

from bit_transformer.bits import bytes_to_bits
from bit_transformer.codecs import compress_bits
from bit_transformer.data.compression import direct_row
from bit_transformer.errors import InputError
from bit_transformer.evaluation import (
    ViewScore,
    compressed_score,
    direct_score,
    evaluate,
    mean_score,
    raw_score,
    views_table,
)
from bit_transformer.evaluation.compressors import CompressorResult
from bit_transformer.model import BitTransformerLM, ModelConfig

DATA = b"".join(b"line %d of some data to be scored\n" % number for number in range(60))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = ModelConfig(
        width=16, depth=1, head_dim=8, context_patches=32, table_rows_log2=5, table_width=4
    )
    model = BitTransformerLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
    return model.eval()


def test_the_raw_score_is_the_evaluation(model):
    found = evaluate(model, DATA)
    score = raw_score(found)
    assert score.bits_per_bit == pytest.approx(found.bits_per_bit)
    assert score.bit_accuracy == pytest.approx(found.bit_accuracy)
    assert score.bits_per_source_bit == pytest.approx(found.bits_per_bit)
    assert score.compressed_fraction is None
    assert score.compression_ratio is None


def test_the_compressed_score_has_the_raw_predictions_and_the_codecs_sizes(model):
    found = evaluate(model, DATA)
    score = compressed_score(found, DATA, "rle")
    assert score.bits_per_bit == raw_score(found).bits_per_bit
    pieces = [DATA[first : first + 32] for first in range(0, len(DATA), 32)]
    num_bits = sum(len(compress_bits(bytes_to_bits(piece), "rle")) for piece in pieces)
    assert score.num_frame_bits == num_bits
    assert score.compressed_fraction == num_bits / (8 * len(DATA))
    assert score.compression_ratio == pytest.approx(8 * len(DATA) / num_bits)
    with pytest.raises(InputError, match="were evaluated, and 3 are given"):
        compressed_score(found, DATA[:3], "rle")


def test_the_direct_score_is_the_code_length_of_the_frames_that_hold_the_data(model):
    score = direct_score(model, DATA, "huffman:english", batch_size=3)
    first, loss, num_bits, num_rows = 0, 0.0, 0, 0
    while first < len(DATA):
        row = direct_row(DATA[first : first + 16 * 32], "huffman:english", 256)
        frame = torch.from_numpy(np.unpackbits(row.bits.data, count=row.bits.num_bits))
        loss += model(frame, view="direct", return_loss=True).item() * len(frame)
        num_bits += len(frame)
        num_rows += 1
        first += row.num_source_bits // 8
    assert score.num_source_bits == 8 * len(DATA)
    assert (score.num_bits, score.num_frame_bits, score.num_sequences) == (
        num_bits, num_bits, num_rows,
    )  # fmt: skip
    assert score.loss_bits == pytest.approx(loss, rel=1e-5)
    assert score.bits_per_source_bit == pytest.approx(loss / (8 * len(DATA)), rel=1e-5)
    assert score.compressed_fraction == num_bits / (8 * len(DATA))


def test_an_untrained_model_pays_a_bit_for_a_bit(model):
    flat = BitTransformerLM(model.config)
    for parameter in flat.head.parameters():
        torch.nn.init.zeros_(parameter)
    score = direct_score(flat, DATA, "rle")
    assert score.bits_per_bit == pytest.approx(1.0)
    assert score.bits_per_source_bit == pytest.approx(score.compressed_fraction)


def test_the_size_of_a_batch_changes_no_score(model):
    one, many = (direct_score(model, DATA, "rle", batch_size=size) for size in (1, 50))
    assert one.num_right == many.num_right
    assert one.loss_bits == pytest.approx(many.loss_bits, rel=1e-6)


def test_progress_is_told_in_bytes_of_the_data(model):
    told = []
    direct_score(model, DATA, "rle", limit_bytes=500, progress=lambda *now: told.append(now))
    assert told[-1] == (500, 500)


def test_a_context_that_holds_no_frame_is_refused(model):
    with pytest.raises(InputError, match="context of 1 bytes holds no frame of rle"):
        direct_score(model, bytes(range(256)), "rle", context_bytes=1)
    with pytest.raises(InputError, match="no bytes to evaluate"):
        direct_score(model, b"", "rle")


def test_a_model_of_nonsense_has_no_score(model):
    broken = BitTransformerLM(model.config)
    with torch.no_grad():
        next(broken.parameters()).fill_(math.nan)
    with pytest.raises(InputError, match="not finite"):
        direct_score(broken, DATA, "rle")


def test_several_scores_of_a_view_become_one():
    one = ViewScore("direct", 1, 100, 50.0, 60, 200, 100, "rle")
    two = ViewScore("direct", 3, 300, 250.0, 240, 200, 300, "lz")
    mean = mean_score([one, two])
    assert mean == ViewScore("direct", 4, 400, 300.0, 300, 400, 400, None)
    assert mean_score([one]) == one
    with pytest.raises(InputError, match="of views"):
        mean_score([one, ViewScore("raw", 1, 1, 1.0, 1, 1)])
    with pytest.raises(InputError, match="of views"):
        mean_score([])


def test_views_and_compressors_stand_side_by_side():
    from rich.console import Console

    scores = [
        ViewScore("raw", 1, 800, 200.0, 700, 800),
        ViewScore("direct", 1, 400, 160.0, 300, 800, 400, "rle"),
    ]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(views_table(scores, [CompressorResult("gzip -9", 2.0, 4.0, 4096)]))
    lines = console.export_text().splitlines()
    raw, direct, gzip = (
        next(line for line in lines if name in line) for name in ("raw", "direct", "gzip")
    )
    assert "0.2500" in raw
    assert "2.000" in raw
    assert "1.600" in direct
    assert "rle" in direct
    assert "2.00" in direct
    assert "0.250" in gzip
