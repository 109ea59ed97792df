"""What a caller asks for, checked, as rows that are ready to be decoded."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import Any

import numpy as np
from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.codecs import Codec
from bit_transformer.errors import InputError
from bit_transformer.generation.frames import FrameReader, complete_codec, open_frame
from bit_transformer.generation.output import Output
from bit_transformer.generation.row import Row
from bit_transformer.generation.stopping import Stop, StopCondition, stop_conditions
from bit_transformer.model import VIEWS, View

__all__ = ["Asking", "Prompts", "is_single", "make_rows"]

Prompts = Tensor | Sequence[Tensor]

_MOST_EXPANSION = 16
"""Bits that a model may write for each bit of data that is asked for, before it is stopped: more
than any complete code of this library takes."""

_MOST_HEADER_BITS = 1024


@dataclass(frozen=True)
class Asking:
    """The arguments of a generation but for its prompts and its sampling.

    Raises:
        InputError: they do not fit together.
    """

    num_bits: int | None = None
    num_bytes: int | None = None
    seed: int | Sequence[int] | None = None
    stop: Stop | Sequence[Stop] | None = None
    view: View | None = None
    codec: str | Codec | None = None
    decompress: bool = False
    strict: bool = True
    length: int = field(init=False)
    conditions: tuple[list[StopCondition], list[Callable[[Tensor], bool]]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", _check_length(self.num_bits, self.num_bytes))
        object.__setattr__(self, "conditions", stop_conditions(self.stop))
        if self.view not in (None, *VIEWS):
            raise InputError(f"unknown view {self.view!r}; choose one of {', '.join(VIEWS)}")
        if self.model_view != "direct" and (self.decompress or self.codec is not None):
            asked = "decompress" if self.decompress else "codec"
            raise InputError(
                f"{asked} is for a model that writes compressed bits, and in the view "
                f"{self.view!r} it writes data; use view='direct', or leave {asked} out"
            )
        if self.codec is not None:
            complete_codec(self.codec)

    @property
    def model_view(self) -> View:
        """How the model reads its own bits."""
        if self.view is not None:
            return self.view
        return "direct" if self.decompress or self.codec is not None else "raw"


def make_rows(prompt_bits: Prompts, asking: Asking) -> list[Row]:
    """A row for each prompt.

    Raises:
        InputError: the prompts or the seeds do not fit; BitsError where a prompt is not bits.
    """
    prompts = [prompt.cpu().numpy() for prompt in _check_prompts(prompt_bits)]
    seeds = _check_seeds(asking.seed, len(prompts))
    make = _plain_row
    if asking.codec is not None:
        make = _frame_row
    elif asking.decompress:
        make = _free_row
    return [make(prompt, seed, asking) for prompt, seed in zip(prompts, seeds, strict=True)]


def is_single(prompt_bits: Prompts) -> bool:
    """Whether this is one prompt, not several."""
    return isinstance(prompt_bits, Tensor) and prompt_bits.ndim == 1


def _plain_row(prompt: np.ndarray, seed: int, asking: Asking) -> Row:
    """The model's own bits, whatever they mean."""
    output = Output(asking.length, len(prompt) % 8, *asking.conditions)
    return Row(prompt, asking.length, seed, output)


def _frame_row(prompt: np.ndarray, seed: int, asking: Asking) -> Row:
    """A frame of a named codec, whose data begins with the prompt."""
    assert asking.codec is not None
    codec = complete_codec(asking.codec)
    num_source_bits = len(prompt) + asking.length
    opening = open_frame(codec, prompt, num_source_bits)
    reader = FrameReader(
        opening.bits,
        num_hidden=len(prompt),
        num_source_bits=num_source_bits,
        is_strict=asking.strict,
    )
    if asking.decompress:
        output = Output(asking.length, len(prompt) % 8, *asking.conditions)
    else:
        output = Output(None, 0, *asking.conditions)
        output.take(opening.bits)
    return Row(
        opening.bits,
        _most_bits(num_source_bits),
        seed,
        output,
        reader=reader,
        gives_data=asking.decompress,
        constraint=opening.constraint,
    )


def _free_row(prompt: np.ndarray, seed: int, asking: Asking) -> Row:
    """A frame whose header, as far as the prompt has none, the model writes."""
    reader = FrameReader(prompt, is_strict=asking.strict)
    output = Output(asking.length, reader.num_hidden % 8, *asking.conditions)
    return Row(prompt, _most_bits(asking.length), seed, output, reader=reader, gives_data=True)


def _most_bits(num_source_bits: int) -> int:
    return _MOST_EXPANSION * num_source_bits + _MOST_HEADER_BITS


def _check_prompts(prompt_bits: Prompts) -> list[Tensor]:
    if isinstance(prompt_bits, str | bytes):
        raise InputError(
            f"prompt_bits must be a bit tensor, got {type(prompt_bits).__name__}; "
            "convert it with text_to_bits or bytes_to_bits, or call generate_text"
        )
    if isinstance(prompt_bits, Tensor):
        dims = 2 if prompt_bits.ndim == 2 else 1
        bits = check_bits(prompt_bits, name="prompt_bits", dims=dims)
        return [bits] if dims == 1 else list(bits)
    return [
        check_bits(prompt, name=f"prompt_bits[{i}]", dims=1) for i, prompt in enumerate(prompt_bits)
    ]


def _check_length(num_bits: int | None, num_bytes: int | None) -> int:
    if (num_bits is None) == (num_bytes is None):
        raise InputError(
            f"give exactly one of num_bits and num_bytes, got num_bits={num_bits} and "
            f"num_bytes={num_bytes}"
        )
    if num_bits is not None:
        return _check_count("num_bits", num_bits)
    return 8 * _check_count("num_bytes", num_bytes)


def _check_count(name: str, value: Any) -> int:
    is_integer = hasattr(value, "__index__") and not isinstance(value, bool)
    if not is_integer or index(value) < 0:
        raise InputError(f"{name} must be a whole number of at least 0, got {value!r}")
    return index(value)


def _check_seeds(seed: int | Sequence[int] | None, num_rows: int) -> list[int]:
    if seed is None:
        seed = secrets.randbits(48)
    if not isinstance(seed, Sequence):
        first = _check_count("seed", seed)
        return [(first + row) % 2**63 for row in range(num_rows)]
    if len(seed) != num_rows:
        raise InputError(f"got {len(seed)} seeds for {num_rows} prompts; give one for each")
    return [_check_count("seed", one) % 2**63 for one in seed]
