import json

import pytest
import torch

from bit_transformer.errors import BitsError, InputError
from bit_transformer.telemetry import (
    Monitor,
    lz_complexity,
    measure,
    measuring,
    model_negentropy,
    negentropy,
    symbiosis,
)
from bit_transformer.telemetry.windows import window_starts
from tests.telemetry.test_entropy import random_bits


def predictions(num_bits: int) -> torch.Tensor:
    return torch.randn(num_bits, generator=torch.Generator().manual_seed(5))


def test_a_measurement_holds_what_the_functions_say():
    bits, logits = random_bits(3000, share_of_ones=0.3), predictions(3000)
    found = measure(bits, logits=logits, window=1000, stride=500)
    assert found.values() == {
        "k": float(negentropy(bits)),
        "c": float(lz_complexity(bits)),
        "model_k": float(model_negentropy(logits)),
        "s": float(symbiosis(logits, bits)),
    }
    assert found.traces["s"].starts == (0, 500, 1000, 1500, 2000)
    assert torch.equal(found.traces["k"].values, negentropy(bits, window=1000, stride=500))
    assert set(measure(bits).values()) == {"k", "c"}
    assert measure(bits).traces == {}


def test_json_can_say_all_of_it():
    found = measure(random_bits(300), logits=predictions(300), window=100)
    content = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert content["windows"]["starts"] == [0, 100, 200]
    assert len(content["windows"]["model_k"]) == 3
    assert content["num_bits"] == 300


def test_a_trace_knows_where_it_is_lowest_and_highest():
    bits = random_bits(4096)
    bits[1024:2048] = 0
    trace = measure(bits, window=1024).traces["c"]
    assert trace.lowest[1] == 1024
    assert trace.highest[1] != 1024
    assert trace.lowest[0] < trace.mean < trace.highest[0]
    assert trace.window_bits == 1024


def test_strings_too_long_to_parse_have_no_c_of_the_whole(monkeypatch):
    monkeypatch.setattr(measuring, "MAX_PARSED_BITS", 100)
    found = measure(random_bits(200), window=50)
    assert found.c is None
    assert "c" not in found.as_dict()
    assert len(found.traces["c"].values) == 4


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [((10, 4), [0, 4, 6]), ((8, 4), [0, 4]), ((3, 8), [0]), ((9, 4, 2), [0, 2, 4, 5]),
     ((1, 1), [0])],
)  # fmt: skip
def test_windows_cover_every_bit(arguments, starts):
    assert window_starts(*arguments) == starts


def test_windows_are_laid_out_in_parts_without_changing_values(monkeypatch):
    from bit_transformer.telemetry import windows

    bits = random_bits(2, 500)
    whole = lz_complexity(bits, window=64, stride=8)
    monkeypatch.setattr(windows, "_CHUNK_BITS", 200)
    assert torch.equal(lz_complexity(bits, window=64, stride=8), whole)


def test_one_string_at_a_time_and_nothing_else():
    with pytest.raises(BitsError, match=r"shape \(T,\)"):
        measure(random_bits(2, 10))
    with pytest.raises(InputError, match="no bits"):
        measure(torch.zeros(0, dtype=torch.uint8))
    with pytest.raises(InputError, match="do not fit bits"):
        measure(random_bits(10), logits=torch.zeros(9))


@pytest.mark.parametrize("sizes", [[2000], [1] * 700, [300, 0, 7, 1024, 669]])
def test_readings_do_not_depend_on_how_the_bits_arrive(sizes):
    total = sum(sizes)
    bits, logits = random_bits(total), predictions(total)
    monitor = Monitor(window=512, stride=200)
    readings = []
    start = 0
    for size in sizes:
        part = slice(start, start + size)
        readings += monitor.feed(bits[part], logits[part])
        start += size
    assert monitor.num_bits == total
    assert [reading.num_bits for reading in readings] == list(range(200, total + 1, 200))
    for reading in readings:
        latest = slice(max(0, reading.num_bits - 512), reading.num_bits)
        assert reading.values == measure(bits[latest], logits=logits[latest]).values()


def test_a_monitor_takes_bits_alone_but_not_some_with_predictions_and_some_without():
    monitor = Monitor(window=64, stride=64)
    assert set(monitor.feed(random_bits(64))[0].values) == {"k", "c"}
    with pytest.raises(InputError, match="for all bits of a string or for none"):
        monitor.feed(random_bits(1), torch.zeros(1))
    with pytest.raises(InputError, match="do not fit"):
        Monitor(window=10, stride=11)
