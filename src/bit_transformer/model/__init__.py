"""The network and only the network: bits in, the log-odds of bits out.

Start reading in ``lm.py``. Saving is in :mod:`bit_transformer.checkpoint`, sampling in
:mod:`bit_transformer.generation`, measuring in :mod:`bit_transformer.evaluation`.
"""

from bit_transformer.lazy import lazy_names

__all__ = ["BitTransformerLM", "Cache", "ModelConfig", "View"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.model.cache": ["Cache"],
        "bit_transformer.model.config": ["ModelConfig", "View"],
        "bit_transformer.model.lm": ["BitTransformerLM"],
    },
)
