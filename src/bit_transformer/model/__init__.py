"""The network and only the network: bits in, the log-odds of bits out.

Start reading in ``lm.py``. Saving is in :mod:`bit_transformer.checkpoint`, sampling in
:mod:`bit_transformer.generation`, measuring in :mod:`bit_transformer.evaluation`.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.model.cache import Cache
    from bit_transformer.model.config import ModelConfig, View
    from bit_transformer.model.lm import BitTransformerLM
    from bit_transformer.model.views import VIEWS, Views

__all__ = ["BitTransformerLM", "Cache", "ModelConfig", "VIEWS", "View", "Views"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.model.cache": ["Cache"],
        "bit_transformer.model.config": ["ModelConfig", "View"],
        "bit_transformer.model.lm": ["BitTransformerLM"],
        "bit_transformer.model.views": ["VIEWS", "Views"],
    },
)
