import io
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bit_transformer.bits import add_parity, bytes_to_bits
from bit_transformer.errors import InputError
from bit_transformer.evaluation import (
    CompressorResult,
    Evaluation,
    comparison_table,
    evaluate,
    plan_windows,
)
from tests.generation.models import build_model

DATA = b"In the beginning was the bit, and the bit was with the byte. " * 3


@pytest.fixture(scope="module")
def model():
    return build_model()


@pytest.fixture(scope="module")
def parity_model():
    return build_model(9, phase_bits=9)


def _score_one_by_one(model, data, context, stride):
    """The same by the plain definition: one window at a time, one bit at a time."""
    loss, right, right_bytes = [0.0] * 8, [0] * 8, 0
    for window in plan_windows(len(data), context, stride):
        bits = bytes_to_bits(data[window.first : window.last])
        with torch.no_grad():
            logits = model(bits)
        for byte in range(window.scored_from - window.first, window.last - window.first):
            hits = 0
            for position in range(8):
                bit, logit = bits[8 * byte + position].item(), logits[8 * byte + position].item()
                prob_one = 1 / (1 + math.exp(-logit))
                loss[position] -= math.log2(prob_one if bit else 1 - prob_one)
                hit = (logit > 0) == bool(bit)
                right[position] += hit
                hits += hit
            right_bytes += hits == 8
    return loss, right, right_bytes


@pytest.mark.parametrize(("context", "stride"), [(16, 16), (16, 5), (7, 3), (200, 50)])
def test_the_scores_are_those_of_the_plain_definition(model, context, stride):
    found = evaluate(model, DATA, context_bytes=context, stride_bytes=stride, batch_size=4)
    loss, right, right_bytes = _score_one_by_one(model, DATA, context, stride)
    num = len(DATA)
    # The logits are float32, whose rounding differs between batches of different shape.
    assert found.bits_per_byte == pytest.approx(sum(loss) / num, rel=1e-4)
    assert found.bits_per_bit == pytest.approx(sum(loss) / num / 8, rel=1e-4)
    assert found.byte_accuracy == right_bytes / num
    assert found.bit_accuracy == pytest.approx(sum(right) / num / 8)
    assert [one.bits_per_bit for one in found.per_position] == pytest.approx(
        [one / num for one in loss], rel=1e-4
    )
    assert [one.accuracy for one in found.per_position] == pytest.approx(
        [one / num for one in right]
    )
    assert (found.num_bytes, found.context_bytes, found.stride_bytes) == (num, context, stride)


@settings(max_examples=20)
@given(num_bytes=st.integers(1, 60), batch_size=st.integers(1, 9), stride=st.integers(1, 16))
def test_the_batch_size_changes_nothing(model, num_bytes, batch_size, stride):
    found = [
        evaluate(model, DATA[:num_bytes], stride_bytes=stride, batch_size=size)
        for size in (1, batch_size)
    ]
    assert found[0].num_bytes == num_bytes
    assert found[0].bits_per_byte == pytest.approx(found[1].bits_per_byte, rel=1e-4)


def test_defaults_are_the_training_context_and_half_of_it(model):
    found = evaluate(model, DATA)
    assert (found.context_bytes, found.stride_bytes) == (16, 8)


def test_a_coin_scores_one_bit_per_bit():
    model = build_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    found = evaluate(model, DATA)
    assert found.bits_per_bit == pytest.approx(1)
    assert found.bits_per_byte == pytest.approx(8)


def test_parity_coding_is_scored_over_nine_bits(parity_model):
    found = evaluate(parity_model, DATA, encoding="parity", context_bytes=300, stride_bytes=300)
    bits = add_parity(bytes_to_bits(DATA))
    with torch.no_grad():
        expected = parity_model(bits, return_loss=True).item()
    assert len(found.per_position) == 9
    assert found.bits_per_bit == pytest.approx(expected, rel=1e-4)
    assert found.bits_per_byte == pytest.approx(9 * expected, rel=1e-4)


@pytest.mark.parametrize("patch_bits", [1, 3, 12, 32])
def test_any_patch_size_can_be_measured(patch_bits):
    model = build_model(patch_bits, context_patches=32)
    found = evaluate(model, DATA[:50], context_bytes=50)
    with torch.no_grad():
        expected = model(bytes_to_bits(DATA[:50]), return_loss=True).item()
    assert found.bits_per_bit == pytest.approx(expected, rel=1e-4)


def test_arrays_and_byte_strings_of_equal_content_score_equally(model):
    array = np.frombuffer(DATA, dtype=np.uint8)
    assert evaluate(model, array) == evaluate(model, DATA) == evaluate(model, bytearray(DATA))


def test_a_limit_scores_the_beginning(model):
    assert evaluate(model, DATA, limit_bytes=30) == evaluate(model, DATA[:30])


@pytest.mark.parametrize("piece_bytes", [5, 16, 50, 1000])
def test_pieces_are_scored_as_if_each_were_alone(model, piece_bytes):
    found = evaluate(model, DATA, piece_bytes=piece_bytes, batch_size=3)
    pieces = [DATA[i : i + piece_bytes] for i in range(0, len(DATA), piece_bytes)]
    alone = sum(len(piece) * evaluate(model, piece).bits_per_byte for piece in pieces)
    assert found.bits_per_byte == pytest.approx(alone / len(DATA), rel=1e-4)
    assert (found.num_bytes, found.piece_bytes) == (len(DATA), piece_bytes)


def test_the_model_is_left_as_it_was():
    model = build_model(dropout=0.5)
    quiet = evaluate(model, DATA)
    model.train()
    before = [parameter.clone() for parameter in model.parameters()]
    assert evaluate(model, DATA) == quiet
    assert model.training
    assert all(map(torch.equal, before, model.parameters()))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_half_precision_is_stated_and_close(model):
    found = evaluate(model, DATA, precision="bf16")
    assert found.precision == "bf16"
    # bfloat16 has eight bits of mantissa; a score over many bits averages the errors.
    assert found.bits_per_byte == pytest.approx(evaluate(model, DATA).bits_per_byte, rel=0.05)


def test_progress_counts_up_to_all_bytes(model):
    told = []
    evaluate(model, DATA, batch_size=2, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (len(DATA), len(DATA))


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "no bytes"),
        ("text", {}, "got str"),
        (np.zeros(3), {}, "float64"),
        (np.zeros((2, 2), np.uint8), {}, r"\(2, 2\)"),
        (DATA, {"context_bytes": 0}, "context_bytes .* got 0"),
        (DATA, {"stride_bytes": 0}, "stride_bytes .* got 0"),
        (DATA, {"context_bytes": 8, "stride_bytes": 9}, "stride_bytes .* got 9"),
        (DATA, {"batch_size": 0}, "batch_size .* got 0"),
        (DATA, {"limit_bytes": 0}, "limit_bytes .* got 0"),
        (DATA, {"limit_bytes": -5}, "limit_bytes .* got -5"),
    ],
)
def test_wrong_arguments_are_refused(model, data, options, message):
    with pytest.raises(InputError, match=message):
        evaluate(model, data, **options)


def test_a_model_that_predicts_no_numbers_has_no_score():
    model = build_model()
    with torch.no_grad():
        next(model.head.parameters()).fill_(math.nan)
    with pytest.raises(InputError, match="not finite"):
        evaluate(model, DATA)


def _text(renderable) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(renderable)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_the_json_holds_every_figure(model):
    found = evaluate(model, DATA)
    content = json.loads(found.to_json())
    assert content["bits_per_byte"] == found.bits_per_byte
    assert content["num_bytes"] == len(DATA)
    assert len(content["per_position"]) == 8
    assert content["per_position"][3]["accuracy"] == found.per_position[3].accuracy


def test_the_table_states_figures_and_conditions(model):
    found = evaluate(model, DATA)
    text = _text(found.table())
    assert f"{found.bits_per_byte:.4f} bits per byte" in text
    assert "bit 7" in text
    assert "context 16 bytes, stride 8" in text


def test_the_comparison_sets_model_and_compressors_side_by_side(model):
    found = evaluate(model, DATA)
    text = _text(comparison_table(found, [CompressorResult("gzip -9", 2.5, 3.25, 4096)]))
    assert f"{found.bits_per_byte:.3f}" in text
    assert "2.500" in text
    assert "3.250" in text
    assert "in pieces of 4,096 bytes" in text


def test_evaluations_compare_by_value(model):
    assert isinstance(evaluate(model, DATA), Evaluation)
    assert evaluate(model, DATA) == evaluate(model, DATA)
