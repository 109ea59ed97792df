"""Trainings whose sequences go through codecs: what changes, and above all what does not."""

import pytest
import torch

from bit_transformer.checkpoint import load_model
from bit_transformer.codecs import registry
from bit_transformer.errors import ConfigError, TrainingError
from bit_transformer.runs import read_metrics
from bit_transformer.training import Budget, resume, train
from tests.data.test_compression import Forgetful
from tests.training.conftest import TINY
from tests.training.test_loop import StopAfter, rows_of, weights_in, without_times

# Eight steps of AdamW without hashed tables and with one vector a node, on x86, before there were
# views. Other processors round otherwise.
GOLDEN = [
    1.0, 0.9827637076377869, 0.9637572765350342, 0.9350155591964722,
    0.9159877300262451, 0.88413405418396, 0.8785178065299988, 0.8633774518966675,
]  # fmt: skip
PLAIN = TINY.model_copy(update={"context_hash_bits": (), "dropout": 0.0, "node_vectors": 1})
MIXED = {"compress_prob": 0.4, "direct_prob": 0.4, "codecs": ["huffman:english", "rle"]}


def losses(run):
    return [row["bits_per_bit"] for row in rows_of(run, "train")]


def test_with_both_probabilities_at_zero_a_run_is_what_it_was_before_there_were_views(make_config):
    run = train(make_config(model=PLAIN, optimizer={"kind": "adamw"})).run
    assert losses(run) == pytest.approx(GOLDEN, rel=1e-5)
    assert not any("views" in row for row in rows_of(run))


@pytest.mark.parametrize("changes", [{"compress_prob": 1.0}, {"telemetry_every": 3}])
def test_transparent_compression_and_telemetry_change_no_loss_and_no_weight(
    make_config, tmp_path, changes
):
    plain = train(make_config(run_dir=tmp_path / "plain"))
    other = train(make_config(run_dir=tmp_path / "other", **changes))
    assert losses(other.run) == losses(plain.run)
    for name, weight in weights_in(plain.checkpoint).items():
        assert torch.equal(weights_in(other.checkpoint)[name], weight), name


def test_the_softmax_control_keeps_its_losses_too(make_config, tmp_path):
    model = TINY.model_copy(update={"head": "softmax"})
    plain = train(make_config(model=model, run_dir=tmp_path / "plain"))
    other = train(make_config(model=model, run_dir=tmp_path / "other", compress_prob=1.0))
    assert losses(other.run) == losses(plain.run)
    figures = rows_of(other.run, "train")[0]["views"]["compressed"]
    assert set(figures) == {
        "share_of_sequences", "share_of_bits", "compressed_fraction", "compression_ratio",
    }  # fmt: skip


def test_every_view_has_its_figures_in_training_and_held_out(make_config):
    run = train(make_config(**MIXED, budget=Budget(steps=4), log_every=4)).run
    (row,) = rows_of(run, "train")
    views = row["views"]
    assert set(views) == {"raw", "compressed", "direct"}
    for share in ("share_of_sequences", "share_of_bits"):
        assert sum(figures[share] for figures in views.values()) == pytest.approx(1)
    direct = views["direct"]
    assert direct["bits_per_source_bit"] == pytest.approx(
        direct["bits_per_bit"] * direct["compressed_fraction"]
    )
    assert views["compressed"]["compression_ratio"] == pytest.approx(
        1 / views["compressed"]["compressed_fraction"]
    )
    valid = rows_of(run, "valid")[-1]
    assert set(valid["views"]) == {"raw", "compressed", "direct"}
    assert valid["views"]["compressed"]["bits_per_bit"] == valid["bits_per_bit"]
    assert valid["bits_per_byte"] == 8 * valid["bits_per_bit"]


def test_a_row_of_several_steps_weighs_every_bit_alike(make_config, tmp_path):
    every = train(make_config(**MIXED, budget=Budget(steps=4), run_dir=tmp_path / "a")).run
    thinned = train(
        make_config(**MIXED, budget=Budget(steps=4), run_dir=tmp_path / "b", log_every=4)
    ).run
    (whole,) = rows_of(thinned, "train")
    shares = [
        row["views"].get("direct", {}).get("share_of_sequences", 0)
        for row in rows_of(every, "train")
    ]
    assert whole["views"]["direct"]["share_of_sequences"] == pytest.approx(sum(shares) / 4)


def test_a_stopped_run_with_views_goes_on_as_if_it_never_stopped(make_config, tmp_path):
    changes = {**MIXED, "direct_ramp": 0.5, "log_every": 3, "sample_every": 1.0, "sample_bytes": 4}
    whole = train(make_config(**changes, run_dir=tmp_path / "whole"))
    stopped = train(make_config(**changes, run_dir=tmp_path / "cut"), reporter=StopAfter(3))
    assert stopped.stopped_by == "SIGTERM"
    resumed = resume(stopped.run.path)
    assert without_times(rows_of(resumed.run)) == without_times(rows_of(whole.run))
    for name, weight in weights_in(whole.checkpoint).items():
        assert torch.equal(weights_in(resumed.checkpoint)[name], weight), name


def test_micro_batches_and_workers_change_nothing_but_rounding(make_config, tmp_path):
    model = TINY.model_copy(update={"dropout": 0.0})
    changes = {**MIXED, "model": model, "budget": Budget(steps=3)}
    whole = train(make_config(**changes, run_dir=tmp_path / "whole"))
    parts = train(
        make_config(**changes, run_dir=tmp_path / "parts", micro_batch_bytes=16, loader_workers=2)
    )
    assert losses(parts.run) == pytest.approx(losses(whole.run), rel=1e-4)


def test_a_model_of_frames_alone_is_judged_by_frames_and_writes_them(make_config):
    result = train(
        make_config(
            compress_prob=0.0, direct_prob=1.0, sample_every=1.0, sample_bytes=3,
            sample_prompt="line", budget=Budget(steps=4), optimizer={"lr": 0.01},
        )
    )  # fmt: skip
    valid = rows_of(result.run, "valid")[-1]
    per_source_bit = valid["views"]["direct"]["bits_per_source_bit"]
    assert valid["bits_per_byte"] == 8 * per_source_bit == result.bits_per_byte
    last = rows_of(result.run, "train")[-1]
    assert last["bits_per_byte"] == pytest.approx(
        8 * last["views"]["direct"]["bits_per_source_bit"]
    )
    samples, _ = read_metrics(result.run.samples_path)
    assert [(row["view"], row["codec"]) for row in samples] == [("direct", "huffman:english")]
    assert 1 <= len(samples[0]["text"]) <= 3
    # The view has a start state of its own, which only direct sequences move.
    start = load_model(result.checkpoint).start.weight
    assert not torch.equal(start[2], start[1])


def test_telemetry_has_rows_of_its_own_and_a_stop_gate_stops(make_config):
    changes = {"telemetry_every": 2, "gates": ["stop:k>0.0"], "budget": Budget(steps=20)}
    result = train(make_config(**changes))
    rows = rows_of(result.run, "telemetry")
    assert [row["step"] for row in rows] == [2, 4, 6]  # two readings of burn-in
    assert result.stopped_by is not None
    assert result.stopped_by.startswith("a gate (k is ")
    assert rows[-1]["verdict"] == "stop"
    assert set(rows[0]) >= {"k", "c", "s", "model_k", "telemetry_s"}


def test_a_codec_that_loses_something_ends_the_run_by_name(make_config, monkeypatch):
    monkeypatch.setitem(registry._loaded, "forgetful", Forgetful())
    with pytest.raises(TrainingError, match="'forgetful' does not give back"):
        train(make_config(compress_prob=1.0, codecs=["forgetful"]))


def test_an_unknown_codec_is_refused_before_anything_is_read(make_config):
    with pytest.raises(ConfigError, match="there is no codec 'huffmann'"):
        train(make_config(compress_prob=1.0, codecs=["huffmann"]))


def test_codecs_that_are_never_used_are_not_looked_at(make_config):
    assert train(make_config(codecs=["huffmann"], budget=Budget(steps=1))).step == 1
