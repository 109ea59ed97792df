"""What a stretch of bits is like, and how well a model agrees with it: K, C and S.

* **K**, negentropy: how far the bits (or a model's predictions) are from a fair coin.
* **C**, complexity: how many new phrases the bits keep bringing, by Lempel and Ziv's parsing.
* **S**, symbiosis: how well a model's uncertainty agrees with what then happens.

Each is a pure function with values in [0, 1], for one string, for a batch, or for each window.
``evaluation`` says how good a model is on data; this room says when data or a model has become
something else, and needs no model for most of it: it takes bits and logits, never networks.
Start reading at :mod:`~bit_transformer.telemetry.measuring`. ``gates`` works without PyTorch.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.telemetry.agreement import symbiosis
    from bit_transformer.telemetry.complexity import lz76_phrases, lz_complexity
    from bit_transformer.telemetry.compressed import CompressedMeasurement, measure_compressed
    from bit_transformer.telemetry.context import rest_logits
    from bit_transformer.telemetry.entropy import model_negentropy, negentropy
    from bit_transformer.telemetry.gates import Action, Gate, Gates, Verdict
    from bit_transformer.telemetry.measuring import Measurement, measure
    from bit_transformer.telemetry.monitor import Monitor, Reading
    from bit_transformer.telemetry.predictions import cross_entropy, logits_of, predicted_entropy
    from bit_transformer.telemetry.windows import Trace, window_starts

__all__ = [
    "negentropy",
    "model_negentropy",
    "lz_complexity",
    "lz76_phrases",
    "symbiosis",
    "predicted_entropy",
    "cross_entropy",
    "logits_of",
    "rest_logits",
    "measure",
    "Measurement",
    "measure_compressed",
    "CompressedMeasurement",
    "Trace",
    "window_starts",
    "Monitor",
    "Reading",
    "Gate",
    "Gates",
    "Verdict",
    "Action",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.telemetry.entropy": ["negentropy", "model_negentropy"],
        "bit_transformer.telemetry.complexity": ["lz_complexity", "lz76_phrases"],
        "bit_transformer.telemetry.agreement": ["symbiosis"],
        "bit_transformer.telemetry.predictions": [
            "predicted_entropy",
            "cross_entropy",
            "logits_of",
        ],
        "bit_transformer.telemetry.context": ["rest_logits"],
        "bit_transformer.telemetry.measuring": ["measure", "Measurement"],
        "bit_transformer.telemetry.compressed": ["measure_compressed", "CompressedMeasurement"],
        "bit_transformer.telemetry.windows": ["Trace", "window_starts"],
        "bit_transformer.telemetry.monitor": ["Monitor", "Reading"],
        "bit_transformer.telemetry.gates": ["Gate", "Gates", "Verdict", "Action"],
    },
)
