from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bit_transformer.data import DataConfig
from bit_transformer.model import ModelConfig
from bit_transformer.training import Budget, TrainConfig

TINY = ModelConfig(
    width=32,
    depth=2,
    head_dim=16,
    context_patches=16,
    table_rows_log2=6,
    table_width=4,
    table_dropout=0.0,
    dropout=0.1,
)


def tiny_config(folder: Path, **changes: Any) -> TrainConfig:
    """The configuration of a training of a second, all within ``folder``, with changes."""
    text = folder / "text.txt"
    if not text.exists():
        text.write_bytes(
            b"".join(b"line %d of a text that repeats itself\n" % i for i in range(300))
        )
    settings = {
        "model": TINY,
        "data": DataConfig(paths=[text], cache_dir=folder / "cache"),
        "budget": Budget(steps=8),
        "batch_bytes": 64,
        "device": "cpu",
        "precision": "fp32",
        "compile": "off",
        "evaluate_every": 0.5,
        "evaluate_bytes": 64,
        "sample_every": 0.0,
        "checkpoint_every": 0.25,
        "compress_prob": 0.0,
        "telemetry_every": 0,
        "run_dir": folder / "run",
    }
    return TrainConfig.model_validate({**settings, **changes})


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., TrainConfig]:
    """:func:`tiny_config` in a folder of the test's own."""
    return partial(tiny_config, tmp_path)
