"""``bit-transformer train``: one training from a recipe, a file and single settings; or resumed."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bit_transformer.cli.parser import Parser
from bit_transformer.cli.settings import add_settings, collect_settings
from bit_transformer.errors import InputError
from bit_transformer.recipes import RECIPES, build_config, merge, read_toml, write_toml
from bit_transformer.training.config import Budget, TrainConfig

if TYPE_CHECKING:
    from bit_transformer.training import TrainResult
    from bit_transformer.training.reporting import Reporter

__all__ = ["absolute_paths", "build_parser", "run", "training_reporter"]

_EXAMPLES = """\
Settings are put together from the defaults, then the recipe, then the --config file, then the
options; the later one wins. Without paths, the source of Python's standard library is read.

recipes:
{recipes}

examples:
  bit-transformer train ~/texts --budget 10min
  bit-transformer train book.txt --recipe tiny --seed 1
  bit-transformer train ~/texts --model.width 384 --model.depth 6 --batch_bytes 16384
  bit-transformer train --recipe nanogpt --print_config > mine.toml
  bit-transformer train --config mine.toml --budget 300steps
  bit-transformer train ~/texts --direct_prob 0.3 --codecs huffman:english rle
  bit-transformer train --resume runs/NAME               go on where a run was stopped
  torchrun --nproc-per-node 2 -m bit_transformer train ~/texts
Ctrl-C saves and stops; so does the end of the budget.
"""


def build_parser() -> Parser:
    """The parser of this verb."""
    width = max(len(name) for name in RECIPES)
    recipes = "\n".join(f"  {name:{width}}  {one.description}" for name, one in RECIPES.items())
    parser = Parser(
        prog="bit-transformer train",
        usage="bit-transformer train [PATH ...] [--recipe NAME] [--config FILE] [--SETTING VALUE]"
        "\n       bit-transformer train --resume RUN [--budget BUDGET]",
        description="Train a model and write everything about it into a run folder.",
        epilog=_EXAMPLES.format(recipes=recipes),
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders to learn from")
    parser.add_argument("--recipe", default="default", metavar="NAME", help="see below [default]")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with a stopped run")
    parser.add_argument(
        "--print_config", action="store_true", help="print all settings as TOML and exit"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, only the result")
    add_settings(parser, TrainConfig, title="settings")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Train, or resume, or print the configuration."""
    settings = collect_settings(arguments)
    if arguments.resume is not None:
        _check_nothing_else(arguments, settings)
        return _resume(arguments.resume, settings.get("budget"), is_quiet=arguments.quiet)
    config = configuration(arguments, settings)
    if arguments.print_config:
        print(write_toml(config), end="")
        return 0
    return _train(config, is_quiet=arguments.quiet)


def configuration(arguments: argparse.Namespace, settings: dict[str, Any]) -> TrainConfig:
    """What recipe, file, paths and options say together."""
    layers = [] if arguments.config is None else [read_toml(arguments.config)]
    if arguments.paths:
        if "paths" in settings.get("data", {}):
            raise InputError("give the files either as PATH or with --data.paths, not both")
        settings = merge(settings, {"data": {"paths": arguments.paths}})
    return absolute_paths(build_config(arguments.recipe, *layers, settings))


def absolute_paths(config: TrainConfig) -> TrainConfig:
    """The configuration as it must be noted, to hold from any working directory."""
    absolute = {
        name: [path.expanduser().absolute() for path in getattr(config.data, name)]
        for name in ("paths", "valid_paths", "test_paths")
    }
    return config.model_copy(update={"data": config.data.model_copy(update=absolute)})


def _check_nothing_else(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    """A resumed run keeps its configuration; only its budget can grow."""
    is_bare = not arguments.paths and arguments.config is None and arguments.recipe == "default"
    if not is_bare or set(settings) - {"budget"}:
        raise InputError(
            "a resumed run keeps the configuration in its folder; with --resume give at most a "
            "larger --budget"
        )


def _train(config: TrainConfig, *, is_quiet: bool) -> int:
    from bit_transformer.training import train

    with training_reporter(is_quiet=is_quiet) as reporter:
        result = train(config, reporter=reporter)
    _tell(result)
    return 0


def _resume(run_dir: Path, budget: str | None, *, is_quiet: bool) -> int:
    from bit_transformer.training import resume

    larger = None if budget is None else Budget.parse(budget)
    with training_reporter(is_quiet=is_quiet) as reporter:
        result = resume(run_dir, budget=larger, reporter=reporter)
    _tell(result)
    return 0


@contextmanager
def training_reporter(*, is_quiet: bool) -> "Iterator[Reporter]":
    """A reporter that takes its bar away also where the training fails."""
    from bit_transformer.training.progress import TerminalReporter
    from bit_transformer.training.reporting import SilentReporter

    reporter = SilentReporter() if is_quiet else TerminalReporter()
    try:
        yield reporter
    except BaseException:
        reporter.ended("the training ended early")
        raise


def _tell(result: "TrainResult") -> None:
    """The result, and how to go on; under torchrun by the first process only."""
    if os.environ.get("RANK", "0") != "0":
        return
    run = result.run.path
    print(f"run: {run}")
    print(f"steps: {result.step:,}, bytes: {result.bytes_seen:,}, seconds: {result.spent_s:.1f}")
    if result.bits_per_byte is not None:
        best = result.best_bits_per_byte
        print(f"held out: {result.bits_per_byte:.4f} bits per byte, best {best:.4f}")
    if result.stopped_by is not None:
        print(f"stopped by {result.stopped_by}; go on: bit-transformer train --resume {run}")
        return
    print(f"measure it: bit-transformer evaluate {run}")
    print(f"let it write: bit-transformer generate {run}")
