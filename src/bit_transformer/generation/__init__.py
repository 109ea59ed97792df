"""Bits out of a model: sampling, batching, streaming, stopping.

Start reading in ``generation.py``. This room turns a model's predictions into new bits; what the
predictions are lives in ``model``, how good they are is measured in ``evaluation``.

Invariants:

- The same prompt, seed and settings give the same bits: alone or in a batch, streamed or whole,
  with the cache or without it, on the CPU or on a GPU (up to the rounding of floats).
- Any bit string is a prompt, of any length. It may end inside a patch, and may be longer than the
  context: then the oldest part is forgotten.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.generation.generation import generate, stream
    from bit_transformer.generation.sampling import Sampling
    from bit_transformer.generation.stopping import Stop
    from bit_transformer.generation.text import generate_text, stream_text

__all__ = ["Sampling", "Stop", "generate", "generate_text", "stream", "stream_text"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.generation.generation": ["generate", "stream"],
        "bit_transformer.generation.sampling": ["Sampling"],
        "bit_transformer.generation.stopping": ["Stop"],
        "bit_transformer.generation.text": ["generate_text", "stream_text"],
    },
)
