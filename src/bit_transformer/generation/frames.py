"""Frames that a model writes: how they begin, what data they hold, and what they must agree with.

A model of the ``direct`` view writes the bits of a codec's frame. Where the codec is named, the
frame's header is given to the model instead of being drawn, so the codec and the length of the
data are certain; and the codes that are allowed here are complete, so that whatever the model
draws is a valid payload. The prompt is data; its code is given to the model behind the header.

One code needs care: a run of equal bits in which a prompt ends may go on, so the length of that
run is not written yet. The model draws it, among the lengths that reach the prompt's end.
"""

import warnings
from typing import NamedTuple

import numpy as np
import torch

from bit_transformer.codecs import DEFAULT_MAX_BITS, Codec, FrameDecoder, frame_header, get_codec
from bit_transformer.errors import CodecError, InputError

__all__ = ["FrameReader", "Opening", "PromptConstraint", "complete_codec", "open_frame"]

_MAX_OPEN_RUN = 256
"""A prompt that ends in more equal bits ends their run; so no constraint has to try more."""

_VERY_LONG_RUN = 1 << 16

_MOST_TABLE_BITS = 1024
"""What a codec may spend on tables and the like."""


class FrameReader:
    """The data of a frame, as the model writes it bit by bit.

    Args:
        opening: the bits of the frame that are there before the model begins.
        num_hidden: how many bits of data come before the output; if unset, as many as the opening
            holds.
        num_source_bits: the length of the data, where it is certain.
        is_strict: whether a frame that does not decompress is an error, and not a warning.
    """

    def __init__(
        self,
        opening: np.ndarray,
        *,
        num_hidden: int | None = None,
        num_source_bits: int = 0,
        is_strict: bool = True,
    ) -> None:
        self._decoder = FrameDecoder(max_bits=max(DEFAULT_MAX_BITS, num_source_bits))
        self._is_strict = is_strict
        num_given = len(self._decoder.feed(torch.from_numpy(opening)))
        self.num_hidden = num_given if num_hidden is None else num_hidden
        self._num_to_hide = self.num_hidden - num_given

    @property
    def is_ended(self) -> bool:
        """Whether the frame is complete, cannot be read on, or is longer than it can be."""
        decoder = self._decoder
        return decoder.is_done or decoder.error is not None or self._is_overlong()

    def read(self, bits: np.ndarray) -> tuple[np.ndarray, int]:
        """The data that these bits of the frame complete, and how many of them belong to it."""
        data = self._decoder.feed(torch.from_numpy(bits)).numpy()
        return self._visible(data), len(bits) - self._decoder.num_extra_bits

    def finish(self) -> np.ndarray:
        """The data that is left when the model stops."""
        return self._visible(self._decoder.finish().numpy())

    def check(self) -> None:
        """Tell what is wrong with the frame, if anything.

        Raises:
            CodecError: something is, and this reader is strict. Otherwise, a warning.
        """
        error = self._decoder.error
        if error is None:
            return
        if self._is_strict:
            raise CodecError(
                f"the model wrote a frame that does not decompress: {error.reason}",
                codec=error.codec,
                bit_position=error.bit_position,
                fix="name a complete codec, so that whatever is written decompresses; or take the "
                "valid part with strict=False",
            ) from error
        warnings.warn(f"only the valid part of the model's frame is kept: {error}", stacklevel=2)

    def _is_overlong(self) -> bool:
        """Whether a codec that decodes at its end only has had more bits than it ever takes."""
        decoder = self._decoder
        if decoder.codec is None or decoder.num_source_bits is None:
            return False
        most = 2 * decoder.num_source_bits + _MOST_TABLE_BITS
        return decoder.num_fed > most and not get_codec(decoder.codec).is_complete

    def _visible(self, data: np.ndarray) -> np.ndarray:
        num_hidden = min(self._num_to_hide, len(data))
        self._num_to_hide -= num_hidden
        return data[num_hidden:]


class PromptConstraint:
    """Which bits a model may add to a payload that lacks the word in which the prompt ends.

    Args:
        payload: what is given of the payload: the words before that one, and its beginning.
        num_source_bits: the length of the whole data.
    """

    def __init__(
        self, codec: Codec, num_source_bits: int, prompt: np.ndarray, payload: np.ndarray
    ) -> None:
        self._codec = codec
        self._num_source_bits = num_source_bits
        self._prompt = prompt
        self._payload = payload
        self._num_settled = len(self._decode(payload))

    @property
    def is_met(self) -> bool:
        """Whether the data has reached the prompt's end, so that every bit is allowed."""
        return self._agrees(self._payload) is True

    def follow(self, bits: np.ndarray) -> None:
        """Take up bits that were added to the payload."""
        self._payload = np.concatenate([self._payload, bits])

    def allowed(self, decided: np.ndarray, num_free: int) -> np.ndarray:
        """Which values of the next ``num_free`` bits can lead to the prompt, (2^num_free,) bool.

        Args:
            decided: bits that precede them, and were not followed yet.
        """
        return self._allowed(np.concatenate([self._payload, decided]), num_free)

    def _allowed(self, payload: np.ndarray, num_free: int) -> np.ndarray:
        agreement = self._agrees(payload)
        if agreement is not None:
            return np.full(1 << num_free, agreement)
        if num_free == 0:
            return np.array([self._leads_there(payload)])
        return np.concatenate([self._allowed(_with(payload, bit), num_free - 1) for bit in (0, 1)])

    def _leads_there(self, payload: np.ndarray) -> bool:
        agreement = self._agrees(payload)
        if agreement is None:
            return any(self._leads_there(_with(payload, bit)) for bit in (1, 0))
        return agreement

    def _agrees(self, payload: np.ndarray) -> bool | None:
        """Whether the next word reaches the prompt's end and agrees; None while it is cut."""
        data = self._decode(payload)
        if len(data) == self._num_settled < len(self._prompt):
            return None
        return np.array_equal(data[: len(self._prompt)], self._prompt)

    def _decode(self, payload: np.ndarray) -> np.ndarray:
        return self._codec.start_decoding(self._num_source_bits).feed(payload)


class Opening(NamedTuple):
    """How a frame begins whose data begins with a prompt.

    Args:
        bits: its first bits, header and payload, as far as the prompt decides them.
        constraint: what the following bits must agree with, if they don't hold all of the prompt.
    """

    bits: np.ndarray
    constraint: PromptConstraint | None


def complete_codec(name: str | Codec) -> Codec:
    """The codec of that name, if whatever a model writes in it decompresses.

    Raises:
        InputError: there is no such codec, or it is not complete.
    """
    if name == "auto":
        raise InputError("codec='auto' is for data that is there; name the codec to write in")
    codec = get_codec(name)
    if not codec.is_complete:
        raise InputError(
            f"not all that a model could write in {_spelling(name)} decompresses, so a generation "
            "cannot be held to it; name a complete codec, such as 'rle' or 'huffman:english', or "
            "leave codec out and give the beginning of the frame as the prompt"
        )
    return codec


def open_frame(codec: Codec, prompt: np.ndarray, num_source_bits: int) -> Opening:
    """The first bits of a frame for ``num_source_bits`` of data that begin with ``prompt``.

    Raises:
        InputError: the codec codes whole bytes, and the prompt ends inside one.
    """
    header = frame_header(codec, num_source_bits).numpy()
    prefix = codec.payload_prefix() if num_source_bits else np.zeros(0, dtype=np.uint8)
    header = header[: len(header) - len(prefix)]
    if not len(prompt):
        return Opening(np.concatenate([header, prefix]), None)
    payload = codec.encode(prompt)
    if num_source_bits == len(prompt):
        return Opening(np.concatenate([header, payload]), None)
    payload = _settled(codec, payload, prompt, num_source_bits)
    constraint = PromptConstraint(codec, num_source_bits, prompt, payload)
    return Opening(np.concatenate([header, payload]), None if constraint.is_met else constraint)


def _settled(
    codec: Codec, payload: np.ndarray, prompt: np.ndarray, num_source_bits: int
) -> np.ndarray:
    """The part of the prompt's payload that stays the same when the data goes on."""
    if len(codec.start_decoding(num_source_bits).feed(payload)) != len(prompt):
        raise InputError(
            f"{_spelling(codec)} codes whole bytes, and the prompt has {len(prompt)} bits; "
            "give a multiple of 8"
        )
    if not codec.has_open_end or _last_run(prompt) > _MAX_OPEN_RUN:
        return payload
    # The last codeword begins as those of all longer runs do, up to where it differs from that of
    # a very long one; so little is left for a constraint to try.
    longer = codec.encode(np.concatenate([prompt, np.full(_VERY_LONG_RUN, prompt[-1])]))
    changed = np.flatnonzero(payload != longer[: len(payload)])
    return payload[: changed[0]] if len(changed) else payload


def _last_run(bits: np.ndarray) -> int:
    """How many bits at the end are equal."""
    others = np.flatnonzero(bits != bits[-1])
    return len(bits) - (int(others[-1]) + 1 if len(others) else 0)


def _with(bits: np.ndarray, bit: int) -> np.ndarray:
    return np.append(bits, np.uint8(bit))


def _spelling(codec: str | Codec) -> str:
    return repr(codec if isinstance(codec, str) else codec.name)
