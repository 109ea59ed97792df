"""Run folders as trainings leave them, written without training: for pages to show.

The numbers are made up, smooth, and the same every time. What trains for real is tested with real
trainings.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bit_transformer.recipes import build_config
from bit_transformer.runs import RunFolder
from bit_transformer.runs.status import RunState

STEP_S = 0.25
STEP_BYTES = 4096


def write_run(
    path: Path,
    *,
    num_steps: int = 200,
    total_steps: int | None = None,
    state: RunState = "finished",
    message: str = "the budget is spent",
    direct_prob: float = 0.0,
    settings: dict[str, Any] | None = None,
    level: float = 2.0,
) -> Path:
    """The folder, with ``num_steps`` of ``total_steps`` done and a loss that falls to ``level``."""
    run = RunFolder.create(path)
    total = total_steps or num_steps
    views = {"direct_prob": direct_prob, "compress_prob": 0.3, "telemetry_of": "both"}
    config = build_config("tiny", {"budget": f"{total}steps", **views, **(settings or {})})
    run.write_config(config.model_dump(mode="json"))
    run.write_environment({"python": "3.11", "num_cores": 2, "packages": {"torch": "2.13.0"}})
    append_rows(run, 1, num_steps, total, level=level, is_direct=direct_prob > 0)
    sample = {"step": num_steps, "prompt": "The model ", "text": "reads bits.", "view": "raw"}
    run.samples_path.write_text(json.dumps(sample) + "\n", encoding="utf-8")
    run.write_status(state, num_steps, message)
    return path


def append_rows(
    run: RunFolder,
    first: int,
    last: int,
    total: int,
    *,
    level: float = 2.0,
    is_direct: bool = False,
) -> None:
    """Add the rows of the steps from ``first`` to ``last`` to a run's metrics."""
    with run.metrics_path.open("a", encoding="utf-8") as file:
        for step in range(first, last + 1):
            for row in _rows_of(step, total, level, is_direct=is_direct):
                file.write(json.dumps(row) + "\n")


def _rows_of(step: int, total: int, level: float, *, is_direct: bool) -> Iterator[dict[str, Any]]:
    share = step / total
    loss = level + (8 - level) * math.exp(-8 * share) + 0.05 * math.sin(step)
    head = {
        "step": step,
        "progress": share,
        "bytes_seen": STEP_BYTES * step,
        "elapsed_s": STEP_S * step,
        "apart_s": 0.0,
    }
    yield {**head, "kind": "train", **_train_row(step, share, loss, is_direct=is_direct)}
    if step % 10 == 0:
        yield {**head, "kind": "telemetry", **_telemetry_row(loss, is_direct=is_direct)}
    if step % max(1, total // 5) == 0:
        yield {
            **head,
            "kind": "valid",
            "bits_per_bit": loss / 8,
            "bits_per_byte": loss + 0.1,
            "bit_accuracy": 1 - loss / 24,
            "byte_accuracy": 1 - loss / 12,
            "num_bytes": 4096,
            "is_best": True,
            "evaluate_s": 0.1,
            "views": {"raw": {"bits_per_bit": loss / 8, "bit_accuracy": 1 - loss / 24}},
        }


def _train_row(step: int, share: float, loss: float, *, is_direct: bool) -> dict[str, Any]:
    of_frames = {"compressed_fraction": 0.625, "compression_ratio": 1.6}
    accuracy = 1 - loss / 24
    views: dict[str, dict[str, float]] = {
        "raw": {"bits_per_bit": loss / 8, "bit_accuracy": accuracy},
        "compressed": {"bits_per_bit": loss / 8, "bit_accuracy": accuracy, **of_frames},
    }
    if is_direct:
        views["direct"] = {
            "bits_per_bit": loss / 6,
            "bits_per_source_bit": loss / 7.5,
            "bit_accuracy": accuracy - 0.1,
            **of_frames,
        }
    shares = {"share_of_sequences": 1 / len(views), "share_of_bits": 1 / len(views)}
    return {
        "bits_per_bit": loss / 8,
        "bits_per_byte": loss,
        "learning_rate": 0.02 * min(1.0, 20 * share) * min(1.0, 2 * (1 - share)),
        "grad_norm": 0.05 + 0.6 * math.exp(-step / 10),
        "bytes_per_s": STEP_BYTES / STEP_S + 200 * math.cos(step),
        "wait_share": 0.001,
        "peak_memory_bytes": 900_000_000,
        "views": {name: {**shares, **values} for name, values in views.items()},
    }


def _telemetry_row(loss: float, *, is_direct: bool) -> dict[str, Any]:
    s = max(0.0, 1 - loss / 8)
    is_low = s < 0.6
    row: dict[str, Any] = {
        "k": 0.2,
        "c": 0.6,
        "model_k": s,
        "s": s,
        "verdict": "warn" if is_low else "pass",
        "reasons": [f"s is {s:.3f}, below 0.6"] if is_low else [],
        "telemetry_s": 0.01,
    }
    if is_direct:
        row["direct"] = {
            "model": {"model_k": 0.5, "s": 0.8},
            "source": {"k": 0.21, "c": 0.59},
            "stream": {"k": 0.02, "c": 0.97},
        }
    return row
