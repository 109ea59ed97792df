"""Bits out of a model: sampling, batching, streaming, stopping, decompressing.

Start reading in ``generation.py``. This room turns a model's predictions into new bits; what the
predictions are lives in ``model``, how good they are is measured in ``evaluation``, and the codes
in which a model may write are those of ``codecs``.

Invariants:

- The same prompt, seed and settings give the same bits: alone or in a batch, streamed or whole,
  with the cache or without it, on the CPU or on a GPU (up to the rounding of floats).
- Any bit string is a prompt, of any length. It may end inside a patch, and may be longer than the
  context: then the oldest part is forgotten.
- What is written in a named codec decompresses, whatever the model draws.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.generation.decompression import model_output_decompress
    from bit_transformer.generation.gating import Gated, generate_gated
    from bit_transformer.generation.generation import generate, stream
    from bit_transformer.generation.sampling import Sampling
    from bit_transformer.generation.stopping import Stop
    from bit_transformer.generation.text import generate_text, stream_text

__all__ = [
    "Gated",
    "Sampling",
    "Stop",
    "generate",
    "generate_gated",
    "generate_text",
    "model_output_decompress",
    "stream",
    "stream_text",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.generation.decompression": ["model_output_decompress"],
        "bit_transformer.generation.gating": ["Gated", "generate_gated"],
        "bit_transformer.generation.generation": ["generate", "stream"],
        "bit_transformer.generation.sampling": ["Sampling"],
        "bit_transformer.generation.stopping": ["Stop"],
        "bit_transformer.generation.text": ["generate_text", "stream_text"],
    },
)
