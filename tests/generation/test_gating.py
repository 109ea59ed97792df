from typing import Any

import pytest
import torch
from torch import Tensor

from bit_transformer.bits import text_to_bits
from bit_transformer.codecs import compress_bits
from bit_transformer.errors import ConfigError, InputError
from bit_transformer.generation import generate, generate_gated
from bit_transformer.generation.sampling import bit_logits
from bit_transformer.model import BitTransformerLM
from bit_transformer.telemetry import Gate, symbiosis

FAST: dict[str, Any] = {"window": 64, "stride": 32}


def gate(text: str) -> Gate:
    return Gate.parse(text, smoothing=0.0, burn_in=0)


def test_what_the_gates_let_pass_is_what_is_generated(byte_model: BitTransformerLM):
    prompt = text_to_bits("abc")
    found = generate_gated(
        byte_model, prompt, gates=[gate("s<0"), gate("k>1")], num_bytes=20, seed=4, **FAST
    )
    assert torch.equal(found.bits, generate(byte_model, prompt, num_bytes=20, seed=4))
    assert (found.verdict.action, found.num_attempts, found.is_stopped) == ("pass", 1, False)
    assert [reading.num_bits for reading in found.readings] == [32, 64, 96, 128, 160]
    assert set(found.readings[0].values) == {"k", "c", "s", "model_k"}


def test_what_strays_is_drawn_again_and_then_ends_with_the_reason(byte_model: BitTransformerLM):
    prompt = text_to_bits("abc")
    found = generate_gated(
        byte_model, prompt, gates=[gate("k<1")], num_bytes=20, seed=4, max_attempts=3, **FAST
    )
    assert found.is_stopped
    assert found.num_attempts == 3
    assert "k is 0." in str(found.verdict)
    assert "below 1" in str(found.verdict)
    # The last attempt draws with seed + 2, and ends at the first reading.
    assert torch.equal(found.bits, generate(byte_model, prompt, num_bytes=20, seed=6)[:32])


def test_a_later_attempt_may_pass(byte_model: BitTransformerLM):
    prompt = text_to_bits("abc")
    options: dict[str, Any] = {"num_bytes": 20, **FAST}
    lows = [
        min(
            reading.values["k"]
            for reading in generate_gated(
                byte_model, prompt, gates=[], seed=seed, max_attempts=1, **options
            ).readings
        )
        for seed in range(6)
    ]
    best = max(range(6), key=lows.__getitem__)
    bound = (sorted(lows)[-2] + lows[best]) / 2
    found = generate_gated(
        byte_model, prompt, gates=[gate(f"k<{bound}")], seed=0, max_attempts=6, **options
    )
    assert not found.is_stopped
    assert found.num_attempts == best + 1


def test_a_warning_stops_nothing(byte_model: BitTransformerLM):
    found = generate_gated(
        byte_model, text_to_bits("a"), gates=[gate("warn:k<1")], num_bytes=9, seed=0, **FAST
    )
    assert (found.verdict.action, found.num_attempts, len(found.bits)) == ("warn", 1, 72)


@pytest.mark.parametrize("patch_bits", [3, 8, 20])
def test_s_is_that_of_the_models_own_predictions(models: dict[int, BitTransformerLM], patch_bits):
    model = models[patch_bits]
    prompt = text_to_bits("ab")
    found = generate_gated(
        model, prompt, gates=[gate("s<0")], num_bits=60, seed=1, window=60, stride=60
    )
    whole = torch.cat([prompt, found.bits])
    expected = symbiosis(model(whole)[len(prompt) :], found.bits)
    # A step with the cache rounds otherwise than a whole pass.
    assert found.readings[0].values["s"] == pytest.approx(expected.item(), abs=1e-4)


@pytest.fixture(scope="module")
def models() -> dict[int, BitTransformerLM]:
    from tests.generation.models import build_model

    return {size: build_model(size, context_patches=32) for size in (3, 8, 20)}


def test_of_a_frame_the_data_is_watched_and_the_belief_in_its_bits(byte_model: BitTransformerLM):
    options: dict[str, Any] = {
        "num_bytes": 24,
        "codec": "huffman:english",
        "decompress": True,
        "seed": 2,
    }
    prompt = text_to_bits("the ")
    gates = [gate("k>1"), gate("s<0")]
    found = generate_gated(byte_model, prompt, gates=gates, **options, **FAST)
    assert torch.equal(found.bits, generate(byte_model, prompt, **options))
    kinds = {frozenset(reading.values) for reading in found.readings}
    assert kinds == {frozenset({"k", "c"}), frozenset({"s", "model_k"})}
    of_data = [reading.num_bits for reading in found.readings if "k" in reading.values]
    assert of_data == [32, 64, 96, 128, 160, 192]
    stream = generate_gated(byte_model, prompt, gates=gates, which="stream", **options, **FAST)
    assert {frozenset(one.values) for one in stream.readings} == {
        frozenset({"k", "c", "s", "model_k"})
    }


def test_what_does_not_decompress_is_a_reason_to_stop(byte_model: BitTransformerLM):
    prompt = torch.tensor([1, 1, 1, 1], dtype=torch.uint8)
    found = generate_gated(
        byte_model, prompt, gates=["s<0"], num_bytes=4, decompress=True, seed=0, max_attempts=2
    )
    assert found.is_stopped
    assert found.num_attempts == 2
    assert "does not decompress" in str(found.verdict)
    whole = compress_bits(text_to_bits("hello"), "huffman:english")
    found = generate_gated(byte_model, whole[:30], gates=["s<0"], num_bytes=9, decompress=True)
    assert not found.is_stopped


@pytest.mark.parametrize("head", ["bits", "softmax"])
def test_the_logits_of_bits_are_those_of_the_whole_pass(head: str):
    from tests.generation.models import build_model

    model = build_model(head=head)
    bits = text_to_bits("hello")
    cache = model.start_cache(1, max_patches=4)
    state = model.advance(bits[None, :32], cache)
    log_probs = model.piece_log_probs(state, bits[None, :0])
    logits = bit_logits(log_probs, torch.tensor([ord("o")]))
    assert torch.allclose(logits[0], model(bits)[32:], atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gates": ["x<1"]}, "x"),
        ({"gates": ["s<0"], "max_attempts": 0}, "max_attempts must be at least 1, got 0"),
        ({"gates": ["s<0"], "seed": [1]}, "has one seed"),
        ({"gates": ["s<0"], "which": "both"}, "which must be 'source' or 'stream', not 'both'"),
        ({"gates": ["s<0"], "window": 8}, "window=8"),
        ({"gates": ["s<0"], "temperature": -1}, "temperature"),
    ],
)
def test_wrong_arguments_are_refused(byte_model: BitTransformerLM, options, message):
    with pytest.raises((InputError, ConfigError), match=message):
        generate_gated(byte_model, text_to_bits("a"), num_bytes=4, **options)


@pytest.mark.parametrize("prompt", [torch.zeros(2, 8, dtype=torch.uint8), []])
def test_one_prompt_is_watched_at_a_time(byte_model: BitTransformerLM, prompt: Tensor):
    with pytest.raises(InputError, match="takes one prompt"):
        generate_gated(byte_model, prompt, gates=["s<0"], num_bytes=4)
