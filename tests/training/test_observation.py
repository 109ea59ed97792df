import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from bit_transformer.bits import bytes_to_bits
from bit_transformer.codecs import compress_bits
from bit_transformer.data import Batch, BatchViews
from bit_transformer.telemetry import measure
from bit_transformer.training.observation import Observer, logits_from_losses

TEXT = bytes_to_bits(b"a text that is long enough to be measured, and repeats: that is long " * 8)
COIN = torch.randint(0, 2, (len(TEXT),), generator=torch.Generator().manual_seed(0)).byte()


def losses_of(logits, bits):
    sign = 1 - 2 * bits.float()
    return functional.softplus(sign * logits) / torch.log(torch.tensor(2.0))


@given(
    logits=st.lists(st.floats(-12, 12, width=32), min_size=1, max_size=20), one=st.integers(0, 1)
)
def test_predictions_are_found_again_in_their_losses(logits, one):
    expected = torch.tensor(logits)
    bits = torch.full(expected.shape, one, dtype=torch.uint8)
    found = logits_from_losses(losses_of(expected, bits), bits)
    # a loss near 0 keeps few digits in float32: of exp(-12), about one in a hundred
    torch.testing.assert_close(found, expected, rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("loss", [0.0, 1e-30, 200.0, 1e30])
def test_extreme_losses_have_finite_log_odds(loss):
    assert logits_from_losses(torch.tensor([loss]), torch.tensor([1]).byte()).isfinite().all()


def test_the_values_are_those_of_the_batch_and_its_predictions():
    bits = torch.stack([TEXT, COIN])
    logits = torch.randn(bits.shape, generator=torch.Generator().manual_seed(1))
    row, verdict = Observer([]).observe(Batch(0, bits), losses_of(logits, bits))
    expected = measure(bits.flatten(), logits=logits.flatten()).values()
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert (verdict.action, row["verdict"], row["reasons"]) == ("pass", "pass", [])
    assert row["telemetry_s"] > 0


def test_without_losses_only_the_data_is_measured():
    row, _ = Observer([]).observe(Batch(0, TEXT[None]), None)
    assert 0 < row["k"] < 1
    assert not {"s", "model_k", "direct"} & set(row)


def batch_with_frame(*, only):
    frame = compress_bits(TEXT[:1000], "rle")
    row = torch.zeros(max(len(frame), len(TEXT)), dtype=torch.uint8)
    row[: len(frame)] = frame
    text = torch.zeros_like(row)
    text[: len(TEXT)] = TEXT
    views = torch.tensor([2] if only else [0, 2])
    counts = torch.full((len(views),), len(row))
    counts[-1] = len(frame)
    bits = torch.stack([row] if only else [text, row])
    return Batch(0, bits, BatchViews(views, counts, counts, counts)), frame


@pytest.mark.parametrize("which", ["source", "stream", "both"])
def test_frames_are_measured_by_their_source_unless_asked_otherwise(which):
    batch, frame = batch_with_frame(only=True)
    losses = torch.ones(batch.bits.shape)
    row, _ = Observer([], which).observe(batch, losses)
    source, stream = measure(TEXT[:1000]).values(), measure(frame).values()
    direct = row["direct"]
    assert direct["source"] == pytest.approx({} if which == "stream" else source)
    assert direct.get("stream", {}) == pytest.approx({} if which == "source" else stream)
    assert row["k"] == pytest.approx((stream if which == "stream" else source)["k"])
    assert set(direct["model"]) == {"model_k", "s"}
    assert row["s"] == pytest.approx(1.0)  # a coin was predicted, and its price was paid


def test_data_and_frames_are_told_apart():
    batch, _ = batch_with_frame(only=False)
    row, _ = Observer([]).observe(batch, torch.ones(batch.bits.shape))
    assert row["k"] == pytest.approx(measure(batch.bits[0]).k)
    assert row["direct"]["source"]["k"] == pytest.approx(measure(TEXT[:1000]).k)


def test_gates_warn_of_drift():
    observer = Observer(["warn:k>0.9"])
    zeros = Batch(0, torch.zeros(1, 2048, dtype=torch.uint8))
    actions = [observer.observe(zeros, None)[1].action for _ in range(4)]
    assert actions == ["pass", "pass", "warn", "warn"]  # the first two are burn-in
