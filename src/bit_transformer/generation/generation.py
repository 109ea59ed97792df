"""New bits after one prompt or many: whole, or streamed patch by patch."""

import secrets
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import index
from typing import Any, TypedDict, Unpack, overload

import torch
from torch import Tensor

from bit_transformer.bits import check_bits
from bit_transformer.errors import InputError
from bit_transformer.generation.decoding import decode
from bit_transformer.generation.row import Row
from bit_transformer.generation.sampling import Sampling
from bit_transformer.generation.stopping import Stop, stop_conditions
from bit_transformer.model import BitTransformerLM

__all__ = ["generate", "stream"]

Prompts = Tensor | Sequence[Tensor]


class Options(TypedDict, total=False):
    """The keyword arguments that generate and stream share."""

    num_bits: int | None
    num_bytes: int | None
    temperature: float
    top_k: int | None
    top_p: float | None
    seed: int | Sequence[int] | None
    stop: Stop | Sequence[Stop] | None
    use_cache: bool


@overload
def generate(
    model: BitTransformerLM, prompt_bits: Sequence[Tensor], **options: Unpack[Options]
) -> list[Tensor]: ...


@overload
def generate(
    model: BitTransformerLM, prompt_bits: Tensor, **options: Unpack[Options]
) -> Tensor: ...


def generate(
    model: BitTransformerLM,
    prompt_bits: Prompts,
    *,
    num_bits: int | None = None,
    num_bytes: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | Sequence[int] | None = None,
    stop: Stop | Sequence[Stop] | None = None,
    use_cache: bool = True,
) -> Tensor | list[Tensor]:
    """The bits that the model adds to a prompt, without the prompt.

    Args:
        prompt_bits: one prompt (T,), or several of any lengths as a sequence or as (B, T).
            A prompt may be empty, may end inside a patch, and may exceed the context, of which
            the model then sees the latest part.
        num_bits: how many to add, unless a stop condition ends them earlier.
        num_bytes: the same in bytes; exactly one of the two is given.
        temperature: see :class:`~bit_transformer.generation.Sampling`, as for the next two.
        seed: of row 0; row i draws from ``seed + i``, or from ``seed[i]``. Without one, every
            call draws anew.
        stop: one or several conditions that end a row, see
            :data:`~bit_transformer.generation.Stop`.
        use_cache: whether the trunk remembers earlier patches instead of reading them again for
            each new one. The bits are the same.

    Shapes: returns (num_bits,) uint8 for one prompt; a list of such tensors, shorter ones where
    a condition stopped them, for several.

    Raises:
        InputError: an argument does not fit; BitsError where a prompt is not bits.
        GenerationError: the model's predictions are not finite.
    """
    rows = _make_rows(prompt_bits, num_bits, num_bytes, seed, stop)
    sampling = Sampling(temperature, top_k, top_p)
    for group in _groups(rows, model.config.patch_bits):
        for _ in decode(model, group, sampling, use_cache=use_cache):
            pass
    outputs = [row.generated().clone() for row in rows]
    return outputs[0] if _is_single(prompt_bits) else outputs


@overload
def stream(
    model: BitTransformerLM, prompt_bits: Sequence[Tensor], **options: Unpack[Options]
) -> Iterator[list[Tensor]]: ...


@overload
def stream(
    model: BitTransformerLM, prompt_bits: Tensor, **options: Unpack[Options]
) -> Iterator[Tensor]: ...


def stream(
    model: BitTransformerLM,
    prompt_bits: Prompts,
    *,
    num_bits: int | None = None,
    num_bytes: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | Sequence[int] | None = None,
    stop: Stop | Sequence[Stop] | None = None,
    use_cache: bool = True,
) -> Iterator[Tensor] | Iterator[list[Tensor]]:
    """The bits of :func:`generate` as they come, at most a patch at a time.

    Shapes: yields (t,) uint8 for one prompt; for several, a list with what each row gained,
    empty for rows that wait or have ended.

    Raises:
        As :func:`generate`; wrong arguments already at the call.
    """
    rows = _make_rows(prompt_bits, num_bits, num_bytes, seed, stop)
    sampling = Sampling(temperature, top_k, top_p)
    gains = _stream_rows(model, rows, sampling, use_cache)
    return (gain[0] for gain in gains) if _is_single(prompt_bits) else gains


def _stream_rows(
    model: BitTransformerLM, rows: list[Row], sampling: Sampling, use_cache: bool
) -> Iterator[list[Tensor]]:
    places = {id(row): place for place, row in enumerate(rows)}
    for group in _groups(rows, model.config.patch_bits):
        for gains in decode(model, group, sampling, use_cache=use_cache):
            if not any(len(gain) for gain in gains):
                continue
            everywhere = [torch.empty(0, dtype=torch.uint8) for _ in rows]
            for row, gain in zip(group, gains, strict=True):
                everywhere[places[id(row)]] = gain
            yield everywhere


def _groups(rows: list[Row], patch_bits: int) -> list[list[Row]]:
    """The rows cut into groups that advance together.

    A group's cost is the distance between its shortest and its longest prompt, plus the length
    generated; so sorted neighbours are parted where their distance exceeds that length.
    """
    ordered = sorted(rows, key=lambda row: row.num_prompt)
    groups = [[ordered[0]]] if ordered else []
    for before, row in pairwise(ordered):
        if row.num_prompt - before.num_prompt > row.num_bits + patch_bits:
            groups.append([])
        groups[-1].append(row)
    return groups


def _is_single(prompt_bits: Prompts) -> bool:
    return isinstance(prompt_bits, Tensor) and prompt_bits.ndim == 1


def _make_rows(
    prompt_bits: Prompts,
    num_bits: int | None,
    num_bytes: int | None,
    seed: int | Sequence[int] | None,
    stop: Stop | Sequence[Stop] | None,
) -> list[Row]:
    prompts = _check_prompts(prompt_bits)
    length = _check_length(num_bits, num_bytes)
    seeds = _check_seeds(seed, len(prompts))
    patterns, functions = stop_conditions(stop)
    return [
        Row(prompt, length, row_seed, patterns, functions)
        for prompt, row_seed in zip(prompts, seeds, strict=True)
    ]


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
