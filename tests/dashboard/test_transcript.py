"""The events of a generation, for each way in which a model's bits can stand for data."""

import base64

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.bits import add_parity, text_to_bits
from bit_transformer.dashboard.worker.surprises import probabilities, surprises
from bit_transformer.dashboard.worker.transcript import Transcript

NONE = np.zeros(0, dtype=np.uint8)


def bits_of(text: str) -> np.ndarray:
    return text_to_bits(text).numpy()


def fed(transcript: Transcript, bits: np.ndarray, sizes: list[int]) -> list[dict]:
    """All events when bits come in parts of these sizes, each with even odds."""
    events, place = [], 0
    for size in [*sizes, len(bits)]:
        part = bits[place : place + size]
        place += len(part)
        logits = np.zeros(len(part), dtype=np.float32)
        is_last = place == len(bits)
        events.append(transcript.take(part, logits, NONE, is_last=is_last))
        if is_last:
            break
    return [event for event in events if event is not None]


@given(st.text(max_size=20), st.lists(st.integers(0, 30), max_size=20))
def test_however_bits_come_the_text_and_the_bytes_are_the_same(text: str, sizes: list[int]):
    events = fed(Transcript("data", NONE), bits_of(text), sizes)
    assert "".join(event["text"] for event in events) == text
    data = b"".join(base64.b64decode(event["bytes"]) for event in events)
    assert data == text.encode()
    assert [cost for event in events for cost in event["byte_surprise"]] == [8.0] * len(data)


@given(st.text(min_size=1, max_size=12), st.lists(st.integers(0, 30), max_size=12))
def test_parity_bits_cost_their_byte_and_are_not_shown(text: str, sizes: list[int]):
    bits = add_parity(text_to_bits(text)).numpy()
    transcript = Transcript("parity", NONE)
    events = fed(transcript, bits, sizes)
    assert "".join(event["text"] for event in events) == text
    costs = [cost for event in events for cost in event["byte_surprise"]]
    assert costs == pytest.approx([9.0] * len(text.encode()))
    assert transcript.bits_per_byte == pytest.approx(9.0)
    shown = "".join(event["bits"] for event in events)
    assert shown == "".join(map(str, bits_of(text)))


def test_a_frame_s_cost_is_shared_by_the_data_that_it_brings():
    transcript = Transcript("data of a frame", NONE)
    logits = np.zeros(5, dtype=np.float32)
    first = transcript.take(np.ones(5, dtype=np.uint8), logits, NONE)
    assert first is not None
    assert first["bytes"] == ""
    assert first["bits"] == "11111"
    second = transcript.take(np.ones(5, dtype=np.uint8), logits, bits_of("ab"), is_last=True)
    assert second is not None
    assert second["byte_surprise"] == [5.0, 5.0]
    assert transcript.bits_per_byte == pytest.approx(5.0)


def test_a_prompt_that_ends_inside_a_byte_is_gone_on_from():
    word = bits_of("é!")
    events = fed(Transcript("data", word[:11]), word[11:], [3])
    assert "".join(event["text"] for event in events) == "é!"
    data = b"".join(base64.b64decode(event["bytes"]) for event in events)
    assert data == "é!".encode()[1:]
    costs = [cost for event in events for cost in event["byte_surprise"]]
    assert costs == [5.0, 8.0]


def test_a_character_that_is_never_completed_is_marked_at_the_end():
    events = fed(Transcript("data", NONE), bits_of("aé")[:16], [])
    assert events[-1]["text"] == "a\ufffd"


def test_a_whole_frame_is_filled_up_to_bytes_and_has_no_text():
    transcript = Transcript("frame", np.array([1, 0, 1], dtype=np.uint8))
    event = transcript.take(
        np.ones(7, dtype=np.uint8), np.zeros(7, dtype=np.float32), NONE, is_last=True
    )
    assert event is not None
    assert base64.b64decode(event["bytes"]) == bytes([0b10111111, 0b11000000])
    assert event["text"] == ""


def test_k_c_and_s_are_those_of_data_and_of_predictions():
    transcript = Transcript("data of a frame", NONE)
    rng = np.random.default_rng(1)
    event = None
    for _ in range(10):
        bits = rng.integers(0, 2, 64).astype(np.uint8)
        event = transcript.take(bits, np.zeros(64, dtype=np.float32), np.zeros(64, dtype=np.uint8))
    assert event is not None
    assert event["k"] == 1.0  # the data is all zeros, though the frame looks random
    assert event["c"] < 0.3
    assert event["s"] == pytest.approx(1.0, abs=0.1)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(-900, 900)), min_size=1))
def test_surprises_are_code_lengths(pairs: list[tuple[int, float]]):
    bits = np.array([bit for bit, _ in pairs])
    logits = np.array([logit for _, logit in pairs])
    costs = surprises(logits, bits)
    assert np.isfinite(costs).all()
    assert (costs >= 0).all()
    given_bits = np.where(bits == 1, probabilities(logits), 1 - probabilities(logits))
    assert np.allclose(2.0**-costs, given_bits, atol=1e-9)
    assert torch.equal(torch.tensor(costs), torch.tensor(surprises(logits, bits)))
