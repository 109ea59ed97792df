"""Numbers out of bits, one after the other, for headers and for looking at payloads.

Plain where the codecs' own loops are compiled; it knows no format.
"""

from collections.abc import Sequence

__all__ = ["BitReader", "EndOfBitsError"]


class EndOfBitsError(Exception):
    """The bits end within a number; whoever reads catches it."""


class BitReader:
    """Where one is in a sequence of zeros and ones.

    Args:
        bits: the zeros and ones.
        position: the bit that comes first.
    """

    def __init__(self, bits: Sequence[int], position: int = 0) -> None:
        self._bits = bits
        self.position = position

    @property
    def is_at_end(self) -> bool:
        """Whether no bit is left."""
        return self.position >= len(self._bits)

    def read(self, count: int) -> int:
        """The number in the next ``count`` bits, the first the most significant.

        Raises:
            EndOfBitsError: there are fewer; none is read.
        """
        end = self.position + count
        if end > len(self._bits):
            raise EndOfBitsError
        value = 0
        for bit in self._bits[self.position : end]:
            value = 2 * value + bit
        self.position = end
        return value

    def zeros(self, most: int) -> int:
        """How many zeros come, and skip them and the one behind; of ``most``, no one follows."""
        count = 0
        while count < most and not self.read(1):
            count += 1
        return count
