import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.archive.fields import (
    MAX_NUMBER,
    FieldReader,
    number_field,
    signed_field,
    string_field,
)
from bit_transformer.errors import ArchiveError


@given(st.lists(st.one_of(st.integers(0, MAX_NUMBER), st.binary(max_size=20))))
def test_fields_come_back_in_their_order(values: list[int | bytes]):
    record = b"".join(
        number_field(value) if isinstance(value, int) else string_field(value) for value in values
    )
    reader = FieldReader(record, "it")
    for value in values:
        assert value == (reader.number() if isinstance(value, int) else reader.string(20))
    reader.end()


@given(st.integers(-(1 << 62), (1 << 62) - 1))
def test_signed_numbers_come_back(value: int):
    assert FieldReader(signed_field(value), "it").signed() == value


@given(st.binary(max_size=12))
def test_a_number_that_is_read_would_be_written_the_same(data: bytes):
    reader = FieldReader(data, "it")
    try:
        value = reader.number()
    except ArchiveError:
        return
    assert number_field(value) == data[: reader.position]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "it ends 1 bytes too early"),
        (b"\x80", "it ends 1 bytes too early"),
        (b"\x80\x00", "a zero too many"),
        (b"\xff" * 10, "more than nine bytes"),
        (b"\x65", "says 101 where at most 100"),
    ],
)
def test_a_number_is_refused_for_a_stated_reason(record: bytes, reason: str):
    with pytest.raises(ArchiveError, match=reason):
        FieldReader(record, "the record").number(100)


def test_what_follows_a_record_is_refused():
    with pytest.raises(ArchiveError, match="the record is damaged: 2 bytes follow its end"):
        FieldReader(b"ab", "the record").end()


@pytest.mark.parametrize("value", [-1, MAX_NUMBER + 1])
def test_numbers_without_a_field_are_refused(value: int):
    with pytest.raises(ArchiveError, match=str(value)):
        number_field(value)


def test_a_string_longer_than_the_record_takes_no_memory():
    with pytest.raises(ArchiveError, match="too early"):
        FieldReader(number_field(1 << 40), "it").string(1 << 50)
