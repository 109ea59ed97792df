"""Text is told from records, periods are found, and UTF-16 comes back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.mixing.records import (
    MAX_RECORD,
    measure_shape,
    narrowed,
    widened,
)


def as_array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8)


def test_text_in_any_alphabet_is_text() -> None:
    for text in ("plain words\n", "größer – ещё 语言\n", "a,b\t1.5\r\n"):
        assert measure_shape(as_array(text.encode() * 100)).is_text


def test_the_period_of_records_is_found() -> None:
    rng = np.random.default_rng(1)
    for period in (4, 12, 37, 512):
        rows = np.tile(rng.integers(0, 256, period, dtype=np.uint8), (12_000 // period, 1))
        rows[:, : period // 3] = rng.integers(0, 256, (len(rows), period // 3))
        shape = measure_shape(rows.reshape(-1))
        assert not shape.is_text
        assert shape.record_bytes == period


def test_noise_has_no_period() -> None:
    noise = np.random.default_rng(2).integers(0, 256, 50_000, dtype=np.uint8)
    assert measure_shape(noise).record_bytes == 0


@given(st.binary(max_size=2000).map(as_array))
def test_any_bytes_have_a_shape(data: np.ndarray) -> None:
    shape = measure_shape(data)
    assert shape.record_bytes == 0 or 2 <= shape.record_bytes <= MAX_RECORD


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_utf_16_comes_back(text: str) -> None:
    wide = text.encode("utf-16-le")
    narrow = narrowed(wide)
    assert narrow is None or widened(narrow, len(wide)) == wide
    if text.isascii() and text:
        assert narrow == text.encode()


def test_only_utf_16_is_narrowed() -> None:
    assert narrowed(b"") is None
    assert narrowed(b"abc") is None
    assert narrowed(b"\x00\xd8a\x00") is None
    assert narrowed("语言文字".encode("utf-16-le")) is None  # it would grow
    assert narrowed(bytes(range(256))) is None


@given(st.binary(max_size=60), st.integers(0, 200))
def test_anything_widens_to_the_size_asked_for(data: bytes, num_bytes: int) -> None:
    assert len(widened(data, num_bytes)) == num_bytes
