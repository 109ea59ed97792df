"""One optimisation run, from its configuration to a folder of results.

Start reading in ``loop.py``. This room moves weights; what a model is lives in ``model``, what it
reads in ``data``, how good it is in ``evaluation``, and named whole configurations in ``recipes``.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.training.budget import Budget
    from bit_transformer.training.config import OptimizerConfig, ScheduleConfig, TrainConfig
    from bit_transformer.training.loop import TrainResult, resume, train

__all__ = [
    "Budget",
    "OptimizerConfig",
    "ScheduleConfig",
    "TrainConfig",
    "TrainResult",
    "resume",
    "train",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.training.budget": ["Budget"],
        "bit_transformer.training.config": ["OptimizerConfig", "ScheduleConfig", "TrainConfig"],
        "bit_transformer.training.loop": ["TrainResult", "resume", "train"],
    },
)
