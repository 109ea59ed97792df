"""New bits after one prompt or many: whole, or streamed patch by patch."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypedDict, Unpack, overload

import torch
from torch import Tensor

from bit_transformer.codecs import Codec
from bit_transformer.generation.asking import Asking, Prompts, is_single, make_rows
from bit_transformer.generation.decoding import decode
from bit_transformer.generation.row import Row
from bit_transformer.generation.sampling import Sampling
from bit_transformer.generation.stopping import Stop
from bit_transformer.model import BitTransformerLM, View

__all__ = ["Options", "generate", "stream"]


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
    view: View | None
    codec: str | Codec | None
    decompress: bool
    strict: bool


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
    view: View | None = None,
    codec: str | Codec | None = None,
    decompress: bool = False,
    strict: bool = True,
) -> Tensor | list[Tensor]:
    """The bits that the model adds to a prompt, without the prompt.

    Args:
        prompt_bits: one prompt (T,), or several of any lengths as a sequence or as (B, T).
            A prompt may be empty, may end inside a patch, and may exceed the context, of which
            the model then sees the latest part.
        num_bits: how many to add, unless a stop condition ends them earlier. With ``codec`` or
            ``decompress``, bits of data; otherwise the model's own.
        num_bytes: the same in bytes; exactly one of the two is given.
        temperature: see :class:`~bit_transformer.generation.Sampling`, as for the next two.
        seed: of row 0; row i draws from ``seed + i``, or from ``seed[i]``. Without one, every
            call draws anew.
        stop: one or several conditions that end a row, see
            :data:`~bit_transformer.generation.Stop`; looked for in what is returned.
        use_cache: whether the trunk remembers earlier patches instead of reading them again for
            each new one. The bits are the same.
        view: how the model reads bits: as data (``raw``, which ``compressed`` equals here), or as
            a codec's frame (``direct``). If unset, as a frame where ``codec`` or ``decompress``
            says so.
        codec: the complete codec that the model writes in. The prompt is then data: its code and
            the frame's header are given to the model, and whatever it adds decompresses. Without
            ``decompress``, the whole frame is returned, prompt and header included.
        decompress: return the data in the frame, as :func:`model_output_decompress` finds it.
            Without a ``codec``, the prompt is the beginning of a frame, and may be empty.
        strict: raise an error where the model's frame is damaged; otherwise a warning, and the
            valid part is returned.

    Shapes: returns (num_bits,) uint8 for one prompt; a list of such tensors for several; shorter
    ones where a condition or the end of a frame stopped them.

    Raises:
        InputError: an argument does not fit; BitsError where a prompt is not bits.
        GenerationError: the model's predictions are not finite.
        CodecError: the model wrote a frame that does not decompress.
    """
    asking = Asking(num_bits, num_bytes, seed, stop, view, codec, decompress, strict)
    rows = make_rows(prompt_bits, asking)
    sampling = Sampling(temperature, top_k, top_p)
    for group in _groups(rows, model.config.patch_bits):
        for _ in decode(model, group, sampling, use_cache=use_cache, view=asking.model_view):
            pass
        for row in group:
            row.finish()
    outputs = [row.generated().clone() for row in rows]
    return outputs[0] if is_single(prompt_bits) else outputs


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
    view: View | None = None,
    codec: str | Codec | None = None,
    decompress: bool = False,
    strict: bool = True,
) -> Iterator[Tensor] | Iterator[list[Tensor]]:
    """The bits of :func:`generate` as they come, those of a patch at a time.

    Shapes: yields (t,) uint8 for one prompt; for several, a list with what each row gained,
    empty for rows that wait or have ended.

    Raises:
        As :func:`generate`; wrong arguments already at the call, a damaged frame at its end.
    """
    asking = Asking(num_bits, num_bytes, seed, stop, view, codec, decompress, strict)
    rows = make_rows(prompt_bits, asking)
    sampling = Sampling(temperature, top_k, top_p)
    gains = _stream_rows(model, rows, sampling, use_cache, asking.model_view)
    return (gain[0] for gain in gains) if is_single(prompt_bits) else gains


def _stream_rows(
    model: BitTransformerLM, rows: list[Row], sampling: Sampling, use_cache: bool, view: View
) -> Iterator[list[Tensor]]:
    places = {id(row): place for place, row in enumerate(rows)}

    def everywhere(group: list[Row], gains: list[Tensor]) -> list[Tensor]:
        spread = [torch.empty(0, dtype=torch.uint8) for _ in rows]
        for row, gain in zip(group, gains, strict=True):
            spread[places[id(row)]] = gain
        return spread

    openings = [row.generated().clone() for row in rows]
    if any(len(opening) for opening in openings):
        yield openings
    for group in _groups(rows, model.config.patch_bits):
        for gains in decode(model, group, sampling, use_cache=use_cache, view=view):
            if any(len(gain) for gain in gains):
                yield everywhere(group, gains)
        for row in group:
            if len(rest := row.finish()):
                yield everywhere([row], [rest])


def _groups(rows: list[Row], patch_bits: int) -> list[list[Row]]:
    """The rows cut into groups that advance together.

    A group's cost is the distance between its shortest and its longest prompt, plus the length
    generated; so sorted neighbours are parted where their distance exceeds that length.
    """
    ordered = sorted(rows, key=lambda row: row.num_prompt)
    groups = [[ordered[0]]] if ordered else []
    for before, row in pairwise(ordered):
        if row.num_prompt - before.num_prompt > row.expected_bits + patch_bits:
            groups.append([])
        groups[-1].append(row)
    return groups
