"""How good a model is: bits per byte and accuracy on data, and what compressors make of the same.

Start reading in ``evaluation.py``. This room only measures; it changes no weights and writes no
files. Everything here is in base 2 and counts every byte of the data exactly once.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.evaluation.compressors import CompressorResult, measure_compressors
    from bit_transformer.evaluation.evaluation import evaluate
    from bit_transformer.evaluation.report import (
        Evaluation,
        PositionScore,
        comparison_table,
    )
    from bit_transformer.evaluation.side_by_side import views_table
    from bit_transformer.evaluation.views import (
        ViewScore,
        compressed_score,
        direct_score,
        mean_score,
        raw_score,
    )
    from bit_transformer.evaluation.windows import Window, plan_windows

__all__ = [
    "evaluate",
    "Evaluation",
    "PositionScore",
    "comparison_table",
    "views_table",
    "ViewScore",
    "raw_score",
    "compressed_score",
    "direct_score",
    "mean_score",
    "measure_compressors",
    "CompressorResult",
    "plan_windows",
    "Window",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.evaluation.evaluation": ["evaluate"],
        "bit_transformer.evaluation.report": ["Evaluation", "PositionScore", "comparison_table"],
        "bit_transformer.evaluation.views": [
            "ViewScore",
            "raw_score",
            "compressed_score",
            "direct_score",
            "mean_score",
        ],
        "bit_transformer.evaluation.side_by_side": ["views_table"],
        "bit_transformer.evaluation.compressors": ["CompressorResult", "measure_compressors"],
        "bit_transformer.evaluation.windows": ["Window", "plan_windows"],
    },
)
