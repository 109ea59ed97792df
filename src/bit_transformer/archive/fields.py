"""The small fields that records are made of: numbers of any size, strings with their length.

Records are read from bytes that somebody may have damaged or made up: every read is checked
against the end, every number has one spelling only, and nothing is allocated for what a number
promises.
"""

from bit_transformer.errors import ArchiveError

__all__ = ["MAX_NUMBER", "FieldReader", "number_field", "signed_field", "string_field"]

MAX_NUMBER = (1 << 63) - 1
"""The largest number that a field holds."""

_MAX_NUMBER_BYTES = 9


def number_field(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first; all bytes but the last have bit 7 set.

    Example:
        >>> number_field(5).hex(), number_field(300).hex()
        ('05', 'ac02')
    """
    if not 0 <= value <= MAX_NUMBER:
        raise ArchiveError(f"a number field holds 0 to 2^63 - 1, got {value}")
    field = bytearray()
    while value > 127:
        field.append(value & 127 | 128)
        value >>= 7
    field.append(value)
    return bytes(field)


def signed_field(value: int) -> bytes:
    """A signed number; 0, -1, 1, -2 and so on become 0, 1, 2, 3 and so on."""
    return number_field(2 * value if value >= 0 else -2 * value - 1)


def string_field(value: bytes) -> bytes:
    """The number of bytes, and the bytes."""
    return number_field(len(value)) + value


class FieldReader:
    """Takes fields from the front of a record.

    Args:
        data: the record.
        what: what the record is, for errors.
    """

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self._data = memoryview(data)
        self._what = what
        self.position = 0

    @property
    def num_left(self) -> int:
        """Bytes that have not been taken."""
        return len(self._data) - self.position

    def take(self, num_bytes: int) -> bytes:
        """The next bytes.

        Raises:
            ArchiveError: the record has fewer.
        """
        if num_bytes > self.num_left:
            raise self.error(f"it ends {num_bytes - self.num_left} bytes too early")
        start = self.position
        self.position += num_bytes
        return bytes(self._data[start : self.position])

    def byte(self) -> int:
        """The next byte as a number."""
        return self.take(1)[0]

    def number(self, limit: int = MAX_NUMBER) -> int:
        """The next number.

        Raises:
            ArchiveError: it is cut, above the limit, or spelled with more bytes than it needs.
        """
        value = 0
        for place in range(_MAX_NUMBER_BYTES):
            byte = self.byte()
            value |= (byte & 127) << 7 * place
            if byte < 128:
                if byte == 0 and place:
                    raise self.error("a number has a zero too many")
                if value > limit:
                    raise self.error(f"it says {value} where at most {limit} is allowed")
                return value
        raise self.error("a number has more than nine bytes")

    def signed(self) -> int:
        """The next signed number."""
        value = self.number()
        return -(value + 1) // 2 if value & 1 else value // 2

    def string(self, limit: int) -> bytes:
        """The next string, of at most ``limit`` bytes."""
        return self.take(self.number(limit))

    def end(self) -> None:
        """Make sure that nothing is left.

        Raises:
            ArchiveError: something is.
        """
        if self.num_left:
            raise self.error(f"{self.num_left} bytes follow its end")

    def error(self, reason: str) -> ArchiveError:
        """An error about this record."""
        return ArchiveError(
            f"{self._what} is damaged: {reason}; "
            "get the archive anew, or salvage what is intact with: "
            "bit-transformer decompress --salvage"
        )
