"""The job ``telemetry``: K, C and S of data or of a frame."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from bit_transformer.dashboard.failures import describe
from bit_transformer.dashboard.storage.results import ResultStore
from bit_transformer.dashboard.worker.channel import JobContext
from bit_transformer.dashboard.worker.data import is_whole_bytes, source_packed
from bit_transformer.dashboard.worker.models import load
from bit_transformer.errors import DashboardError, InputError
from bit_transformer.evaluation.predicting import predict_bits
from bit_transformer.telemetry import measure, measure_compressed, rest_logits

__all__ = ["telemetry"]

_MOST_WINDOWS = 20_000
_MOST_PREDICTED_BYTES = 262_144

Predict = Callable[[Tensor, Literal["source", "stream"]], Tensor | None]


def telemetry(
    arguments: dict[str, Any], context: JobContext, results: ResultStore
) -> dict[str, Any]:
    """The answer to a ``TelemetryRequest``.

    Raises:
        InputError: there is no data, or the windows do not fit it.
        DashboardError: a model is asked to predict more than it can in reasonable time.
    """
    del results
    source = source_packed(arguments["source"])
    if not source.num_bits:
        raise InputError("there is no data to measure; give at least one bit")
    window, stride = _windows(arguments, source.num_bits)
    predict, expected_by = _expectation(arguments, context, window)
    options: dict[str, Any] = {"window": window, "stride": stride}
    if arguments["is_frame"]:
        return _of_a_frame(arguments, predict, expected_by, options)
    bits = torch.from_numpy(np.unpackbits(source.data, count=source.num_bits))
    found = measure(bits, logits=predict(bits, "source"), **options)
    return {
        "num_bytes": -(-source.num_bits // 8),
        "codec": None,
        "expected_by": None if found.s is None else expected_by,
        "problem": None,
        "measured": {"data": found.as_dict()},
    }


def _of_a_frame(
    arguments: dict[str, Any], predict: Predict, expected_by: str, options: dict[str, Any]
) -> dict[str, Any]:
    packed = source_packed(arguments["source"])
    is_packed = is_whole_bytes(arguments["source"])
    data = packed.data if is_packed else np.unpackbits(packed.data, count=packed.num_bits)
    found = measure_compressed(
        torch.from_numpy(data.copy()),
        packed=is_packed,
        which=arguments["which"],
        predict=predict,
        max_bits=8 * arguments["max_bytes"],
        **options,
    )
    pairs = {"source": found.source, "stream": found.stream}
    measured = {name: one.as_dict() for name, one in pairs.items() if one is not None}
    has_s = any("s" in one for one in measured.values())
    problem = None if found.error is None else describe(found.error, "telemetry").model_dump()
    return {
        "num_bytes": len(packed.data),
        "codec": found.codec,
        "expected_by": expected_by if has_s else None,
        "problem": problem,
        "measured": measured,
    }


def _windows(arguments: dict[str, Any], num_bits: int) -> tuple[int, int]:
    window = 8 * arguments["window_bytes"]
    stride = window if arguments["stride_bytes"] is None else 8 * arguments["stride_bytes"]
    if num_bits // stride > _MOST_WINDOWS:
        raise InputError(
            f"that would be {num_bits // stride:,} windows; choose larger ones, so that they are "
            f"at most {_MOST_WINDOWS:,}"
        )
    return window, stride


def _expectation(
    arguments: dict[str, Any], context: JobContext, window: int
) -> tuple[Predict, str]:
    """The predictions that S is about, and in words where they are from."""
    if arguments["run"] is None:

        def expect_the_rest(bits: Tensor, kind: Literal["source", "stream"]) -> Tensor | None:
            del kind
            context.check()
            # With less than two windows there is no rest to expect anything.
            return rest_logits(bits, window=window) if len(bits) >= 2 * window else None

        return expect_the_rest, "the rest of the data"

    loaded = load(arguments["run"], "newest", context)

    def on_progress(done: int, total: int) -> None:
        del done, total
        context.check()

    def expect(bits: Tensor, kind: Literal["source", "stream"]) -> Tensor:
        if len(bits) > 8 * _MOST_PREDICTED_BYTES:
            raise DashboardError(
                f"{len(bits) // 8:,} bytes are more than the {_MOST_PREDICTED_BYTES:,} that a "
                "model predicts here; use a part, or measure without a model",
                status=413,
                kind="TooLargeError",
                fallbacks=("shorter",),
            )
        view: Literal["raw", "direct"] = "direct" if kind == "stream" else "raw"
        return predict_bits(loaded.model, bits, loaded.coding, view=view, on_progress=on_progress)

    return expect, f"the model of step {loaded.step:,}"
