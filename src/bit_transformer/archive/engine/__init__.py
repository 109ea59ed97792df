"""A trained model as an exact engine: the same integers on every machine.

Start reading in ``interface.py``. ``quantisation`` makes the integers of a model, ``model_file``
keeps them, ``step`` computes with them in compiled code and ``sequence`` in PyTorch.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.archive.engine.export import engine_of, export_model
    from bit_transformer.archive.engine.interface import Engine, EngineState
    from bit_transformer.archive.engine.model_file import (
        ModelFile,
        parse_model,
        read_model,
        write_model,
    )
    from bit_transformer.archive.engine.quantisation import check_exportable, quantise
    from bit_transformer.archive.engine.sequence import SequenceEngine
    from bit_transformer.archive.engine.step import StepEngine
    from bit_transformer.archive.engine.weights import ENGINE_VERSION, EngineShape, EngineWeights

__all__ = [
    "ENGINE_VERSION",
    "Engine",
    "EngineShape",
    "EngineState",
    "EngineWeights",
    "ModelFile",
    "SequenceEngine",
    "StepEngine",
    "check_exportable",
    "engine_of",
    "export_model",
    "parse_model",
    "quantise",
    "read_model",
    "write_model",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.archive.engine.export": ["engine_of", "export_model"],
        "bit_transformer.archive.engine.interface": ["Engine", "EngineState"],
        "bit_transformer.archive.engine.model_file": [
            "ModelFile",
            "parse_model",
            "read_model",
            "write_model",
        ],
        "bit_transformer.archive.engine.quantisation": ["check_exportable", "quantise"],
        "bit_transformer.archive.engine.sequence": ["SequenceEngine"],
        "bit_transformer.archive.engine.step": ["StepEngine"],
        "bit_transformer.archive.engine.weights": [
            "ENGINE_VERSION",
            "EngineShape",
            "EngineWeights",
        ],
    },
)
