"""``bit-transformer demo``: two minutes of training, and what they were worth."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import note
from bit_transformer.cli.train import absolute_paths, training_reporter
from bit_transformer.errors import InputError
from bit_transformer.recipes import build_config
from bit_transformer.training.config import TrainConfig

if TYPE_CHECKING:
    from bit_transformer.model import BitTransformerLM
    from bit_transformer.training import TrainResult

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer demo
  bit-transformer demo --seconds 600
  bit-transformer demo --data ~/texts

The data is the source of the standard library of the Python that runs this; nothing is fetched.
Ctrl-C ends the training early and shows what was learned until then.
"""

_MEASURED_BYTES = 200_000
_SAMPLE_BYTES = 500
_BUILT_IN_PROMPT = 'def read_lines(path):\n    """'
_PROMPT_BYTES = 60


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer demo",
        description="Train a small model, measure it on held-out bytes, and let it write.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="of training [120]")
    parser.add_argument("--data", nargs="+", metavar="PATH", help="files and folders of yours")
    parser.add_argument("--run-dir", type=Path, metavar="FOLDER", help="[a new one in runs/]")
    parser.add_argument("--recipe", default="demo", metavar="NAME", help="another one [demo]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="[0]")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Train, measure, sample, and say what to try next."""
    settings: dict[str, Any] = {"seed": arguments.seed, "run_dir": arguments.run_dir}
    if arguments.seconds is not None:
        if not arguments.seconds > 0:
            raise InputError(f"--seconds must be positive, got {arguments.seconds}")
        settings["budget"] = {"seconds": arguments.seconds}
    if arguments.data:
        settings["data"] = {"paths": arguments.data}
    config = absolute_paths(build_config(arguments.recipe, settings))

    from bit_transformer.training import train

    with training_reporter(is_quiet=arguments.quiet) as reporter:
        result = train(config, reporter=reporter)
    if result.stopped_by not in (None, "SIGINT"):
        note(f"stopped; go on: bit-transformer train --resume {result.run.path}")
        return 0
    _show_result(result, config, is_built_in=not arguments.data, is_quiet=arguments.quiet)
    return 0


def _show_result(
    result: "TrainResult", config: TrainConfig, *, is_built_in: bool, is_quiet: bool
) -> None:
    from bit_transformer.checkpoint import load_model, resolve_checkpoint
    from bit_transformer.cli.held_out import read_split
    from bit_transformer.cli.measuring import compare
    from bit_transformer.training.machine import choose_machine

    machine = choose_machine(config)
    checkpoint = resolve_checkpoint(result.run.path, prefer="best")
    model = load_model(checkpoint, device=machine.device)
    held_out = read_split(checkpoint, "test", _MEASURED_BYTES)
    print(f"\nlearned from {result.bytes_seen:,} bytes in {result.spent_s:.0f} s\n")
    comparison = compare(
        checkpoint, model, held_out, is_quiet=is_quiet, precision=machine.precision
    )
    comparison.show(with_positions=False)
    prompt = _BUILT_IN_PROMPT
    if not is_built_in:
        prompt = held_out.content[:_PROMPT_BYTES].decode(errors="ignore")
    _show_sample(model, prompt)
    _show_next_steps(result.run.path)


def _show_sample(model: "BitTransformerLM", prompt: str) -> None:
    from bit_transformer.generation import stream_text

    print(f"\nA sample, after the prompt {prompt!r}:\n")
    print(prompt, end="")
    for text in stream_text(model, prompt, num_bytes=_SAMPLE_BYTES, temperature=0.8, seed=0):
        print(text, end="", flush=True)
    print("\n")


def _show_next_steps(run: Path) -> None:
    sys.stdout.write(
        f"""What to try next:
  bit-transformer generate {run} --prompt "import " --temperature 0.7
  bit-transformer evaluate {run} FILE                  how well does it know your file?
  bit-transformer train --resume {run} --budget 10min  go on where this ended
  bit-transformer train ~/texts --budget 10min         learn from your own files
  bit-transformer info {run}
"""
    )
