"""Source bits out of a frame that arrives in parts, as a model writes it."""

import numpy as np
import torch
from torch import Tensor

from bit_transformer.bits.packing import check_bits
from bit_transformer.codecs.codec import Codec, PayloadDecoder
from bit_transformer.codecs.frame import (
    DEFAULT_MAX_BITS,
    check_length,
    frame_codec,
    header_cut,
    payload_error,
)
from bit_transformer.codecs.header import read_header
from bit_transformer.errors import CodecError

__all__ = ["FrameDecoder"]


class FrameDecoder:
    """Decodes one frame bit by bit or in parts of any size, in time linear in the whole.

    The complete codes (``stored``, ``rle``, ``huffman`` with a shared table) give source bits
    as soon as they are certain; other codecs may keep all of them until :meth:`finish`. All
    parts joined are what ``decompress_prefix`` gives for the whole frame. Nothing is raised for
    what the bits say: see ``error``.

    Args:
        max_bits: a frame that declares more source bits is an error.
        dictionary: what the frame was compressed with, if it was.

    Example:
        >>> from bit_transformer.codecs import compress_bits
        >>> frame = compress_bits(torch.tensor([1, 0, 1], dtype=torch.uint8), "stored")
        >>> decoder = FrameDecoder()
        >>> [decoder.feed(bit).tolist() for bit in frame.split(1)][-3:], decoder.is_done
        ([[1], [0], [1]], True)
    """

    def __init__(
        self, *, max_bits: int = DEFAULT_MAX_BITS, dictionary: bytes | None = None
    ) -> None:
        self._max_bits = max_bits
        self._dictionary = dictionary
        self._head = np.zeros(0, dtype=np.uint8)
        self._codec: Codec | None = None
        self._payload: PayloadDecoder | None = None
        self.header_bits: int | None = None
        self.num_source_bits: int | None = None
        self.num_fed = 0
        self.error: CodecError | None = None

    @property
    def codec(self) -> str | None:
        """The codec's name, once the header is known."""
        return None if self._codec is None else self._codec.name

    @property
    def is_done(self) -> bool:
        """Whether all source bits have come out; bits that are fed then are not looked at."""
        return self._payload is not None and self._payload.is_done

    @property
    def num_decoded(self) -> int:
        """Source bits that have come out so far."""
        return 0 if self._payload is None else self._payload.num_decoded

    @property
    def num_extra_bits(self) -> int:
        """Bits that were fed after those that the frame needed; known when it is done."""
        if not self.is_done or self._payload is None or self.header_bits is None:
            return 0
        return self.num_fed - self.header_bits - self._payload.num_read

    def feed(self, bits: Tensor) -> Tensor:
        """The source bits that these bits of the frame complete, shape (K,); often none.

        Raises:
            BitsError: not a bit tensor of shape (N,).
        """
        part = check_bits(bits, dims=1).cpu().numpy()
        self.num_fed += len(part)
        if self.error is not None or self.is_done:
            part = part[:0]
        elif self._payload is None:
            part = self._feed_header(part)
        if self._payload is None or not len(part):
            return self._as_tensor(part[:0], bits)
        decoded = self._payload.feed(part)
        self._take_problem()
        return self._as_tensor(decoded, bits)

    def finish(self) -> Tensor:
        """The source bits that are left when the frame has ended, shape (K,), ``uint8``.

        Sets ``error`` when the source is not complete.
        """
        rest = np.zeros(0, dtype=np.uint8)
        if self.error is None and self._payload is None:
            self._feed_header(rest, is_last=True)
        if self.error is None and self._payload is not None and not self._payload.is_done:
            rest = self._payload.finish()
            self._take_problem()
        return torch.from_numpy(np.ascontiguousarray(rest))

    def _feed_header(self, part: np.ndarray, *, is_last: bool = False) -> np.ndarray:
        """The bits of the part that come after the header, when that is complete."""
        self._head = np.concatenate([self._head, part])
        try:
            header = read_header(self._head)
            if header is None:
                self.error = header_cut(self.num_fed) if is_last else None
                return part[:0]
            check_length(header, self._max_bits)
            self._codec = frame_codec(header, self._dictionary)
        except CodecError as error:
            self.error = error
            return part[:0]
        self.header_bits, self.num_source_bits = header.num_bits, header.num_source_bits
        self._payload = self._codec.start_decoding(header.num_source_bits)
        return self._head[header.num_bits :]

    def _take_problem(self) -> None:
        payload, codec, header_bits = self._payload, self._codec, self.header_bits
        if payload is None or codec is None or header_bits is None or payload.problem is None:
            return
        position = payload.problem_position
        if position is not None:
            position += header_bits
        self.error = payload_error(codec, payload.problem, position)

    @staticmethod
    def _as_tensor(bits: np.ndarray, like: Tensor) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(bits))
        return (tensor.view(torch.bool) if like.dtype == torch.bool else tensor).to(like.device)
