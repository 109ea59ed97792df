"""Text out of a model: complete characters only, whatever bits it makes."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from bit_transformer.bits import Utf8Stream, text_to_bits
from bit_transformer.codecs import Codec
from bit_transformer.generation.generation import stream
from bit_transformer.generation.stopping import Stop
from bit_transformer.model import BitTransformerLM

__all__ = ["generate_text", "stream_text"]


def stream_text(
    model: BitTransformerLM,
    prompt: str | Tensor,
    *,
    num_bytes: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: Stop | Sequence[Stop] | None = None,
    codec: str | Codec | None = None,
) -> Iterator[str]:
    """The text that the model adds to a prompt, as it comes.

    Only complete characters are yielded, so every piece is valid Unicode; bytes that are no UTF-8
    become U+FFFD. A prompt of bits (T,) may end inside a character: its rest is the first output.

    Args:
        num_bytes: how many to add, unless a stop condition ends them earlier.
        codec: the model writes compressed bits of this codec, and the text is what they hold.
        temperature: and the rest, as for :func:`~bit_transformer.generation.generate`.

    Raises:
        InputError: an argument does not fit.
        GenerationError: the model's predictions are not finite.
    """
    prompt_bits = text_to_bits(prompt) if isinstance(prompt, str) else prompt
    pieces = stream(
        model,
        prompt_bits,
        num_bytes=num_bytes,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        stop=stop,
        codec=codec,
        decompress=codec is not None,
    )
    return _characters(pieces, prompt_bits)


def generate_text(
    model: BitTransformerLM,
    prompt: str | Tensor,
    *,
    num_bytes: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: Stop | Sequence[Stop] | None = None,
    codec: str | Codec | None = None,
) -> str:
    """All that :func:`stream_text` would yield, as one string."""
    return "".join(
        stream_text(
            model,
            prompt,
            num_bytes=num_bytes,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            stop=stop,
            codec=codec,
        )
    )


def _characters(pieces: Iterator[Tensor], prompt_bits: Tensor) -> Iterator[str]:
    characters = Utf8Stream()
    characters.feed(prompt_bits)
    for piece in pieces:
        if text := characters.feed(piece):
            yield text
    if text := characters.finish():
        yield text
