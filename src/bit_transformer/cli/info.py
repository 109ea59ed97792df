"""``bit-transformer info``: what a folder is and holds, or what this installation can do."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bit_transformer.cli.data import corpus_facts
from bit_transformer.cli.facts import Facts, print_facts, size
from bit_transformer.cli.parser import Parser
from bit_transformer.errors import InputError
from bit_transformer.model.config import ModelConfig
from bit_transformer.model.cost import flops_per_byte, kv_cache_bytes, parameter_count

if TYPE_CHECKING:
    from bit_transformer.runs import RunFolder

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer info                    this installation: versions, processors, precision
  bit-transformer info runs/NAME          a run: its state, its results, its model
  bit-transformer info runs/NAME/checkpoints/step_00000100
  bit-transformer info corpus             a corpus: its splits and how it was cut
"""

_WEIGHT_BYTES = 4


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer info",
        description="Describe a run, a checkpoint, a corpus, or this installation.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("path", nargs="?", type=Path, metavar="FOLDER", help="[the installation]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Find out what the folder is, and print what is known about it."""
    print_facts(_facts(arguments.path), as_json=arguments.json)
    return 0


def _facts(path: Path | None) -> Facts:
    from bit_transformer.checkpoint import MANIFEST_NAME
    from bit_transformer.runs import RunFolder

    if path is None:
        return _installation_facts()
    if (path / "corpus.json").is_file():
        from bit_transformer.data import open_corpus

        return corpus_facts(open_corpus(path))
    if (path / MANIFEST_NAME).is_file():
        return _checkpoint_facts(path)
    if RunFolder(path).config_path.is_file():
        return _run_facts(RunFolder(path))
    seen = "is none of them" if path.exists() else "does not exist"
    raise InputError(f"{path} {seen}; give the folder of a run, a checkpoint or a corpus")


def _checkpoint_facts(path: Path) -> Facts:
    from bit_transformer.checkpoint import read_manifest

    manifest = read_manifest(path)
    metadata = {
        name: value for name, value in manifest.metadata.items() if not isinstance(value, dict)
    }
    return {
        "checkpoint": {"folder": str(path), "weights": size(manifest.weights_bytes), **metadata},
        **_model_facts(manifest.config),
    }


def _run_facts(run: "RunFolder") -> Facts:
    from bit_transformer.training.config import TrainConfig

    config = TrainConfig.model_validate(run.read_config())
    status = run.status()
    state = status.state
    if state == "running" and not run.is_alive():
        state = "killed: its process is gone"
    checkpoints = [path.name for _, path in run.checkpoints()]
    return {
        "run": {
            "folder": str(run.path),
            "state": state,
            "message": status.message or "none",
            "step": status.step,
            "budget": str(config.budget),
            "checkpoints": checkpoints,
            "go on with": f"bit-transformer train --resume {run.path}",
        },
        "results": _results(run),
        **_model_facts(config.model),
    }


def _results(run: "RunFolder") -> dict[str, Any]:
    from bit_transformer.runs import read_metrics

    if not run.metrics_path.is_file():
        return {"metrics": "none yet"}
    rows, _ = read_metrics(run.metrics_path)
    trained = [row for row in rows if row.get("kind") == "train"]
    held_out = [row for row in rows if row.get("kind") == "valid"]
    facts: dict[str, Any] = {}
    if trained:
        last = trained[-1]
        facts["bytes seen"] = last["bytes_seen"]
        facts["training loss"] = f"{last['bits_per_byte']:.4f} bits per byte"
        facts["speed"] = f"{size(last['bytes_per_s'])} per second"
    if held_out:
        best = min(held_out, key=lambda row: row["bits_per_byte"])
        facts["held out"] = f"{held_out[-1]['bits_per_byte']:.4f} bits per byte"
        facts["best held out"] = f"{best['bits_per_byte']:.4f} at step {best['step']:,}"
    return facts or {"metrics": "none yet"}


def _model_facts(config: ModelConfig) -> dict[str, dict[str, Any]]:
    parameters = parameter_count(config)
    return {
        "model": {
            "shape": f"{config.depth} blocks of width {config.width}, {config.num_heads} heads",
            "patches": f"{config.patch_bits} bits, {config.context_patches} of context",
            "head": f"{config.head} over pieces of {', '.join(map(str, config.piece_bits))} bits",
            "parameters": parameters["total"],
            "of these": [f"{part}: {num:,}" for part, num in parameters.items() if part != "total"],
        },
        "cost": {
            "one byte read": f"{flops_per_byte(config):,.0f} FLOPs",
            "one byte learned": f"{flops_per_byte(config, is_training=True):,.0f} FLOPs",
            "memory of weights": size(parameters["total"] * _WEIGHT_BYTES),
            "memory of a cache": size(kv_cache_bytes(config, config.context_patches)),
        },
    }


def _installation_facts() -> Facts:
    import torch

    from bit_transformer.runs import environment
    from bit_transformer.training.machine import has_fast_bf16

    found = environment()
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    device = torch.device("cuda" if gpus else "cpu")
    return {
        "installation": {
            "Python": found["python"],
            **{name: text or "not installed" for name, text in found["packages"].items()},
            "commit": found["commit"],
        },
        "machine": {
            "system": found["system"],
            "processor": found["processor"],
            "cores": found["num_usable_cores"],
            "memory": size(found["memory_bytes"] or 0),
            "GPUs": gpus,
        },
        "training here": {
            "device": str(device),
            "precision": "bf16" if has_fast_bf16(device) else "fp32",
            "threads": torch.get_num_threads(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
            "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set"),
        },
        "the default model": {
            "parameters": parameter_count(ModelConfig())["total"],
            "one byte learned": f"{flops_per_byte(ModelConfig(), is_training=True):,.0f} FLOPs",
        },
    }
