"""``bit-transformer evaluate``: a model's bits per byte beside the compressors', on equal bytes."""

import argparse
from pathlib import Path

from bit_transformer.cli.parser import Parser
from bit_transformer.errors import ConfigError
from bit_transformer.recipes import build_config
from bit_transformer.training.config import Budget

__all__ = ["build_parser", "run"]

VIEW_NAMES = ("raw", "compressed", "direct")

_EXAMPLES = """\
examples:
  bit-transformer evaluate runs/NAME                     on the test split of what it learned from
  bit-transformer evaluate runs/NAME book.txt log.txt    on files of yours, one after the other
  bit-transformer evaluate runs/NAME --limit 5MB --stride 16
  bit-transformer evaluate runs/NAME --json > result.json
  bit-transformer evaluate runs/NAME --views raw compressed direct --codec huffman:english zstd

Every byte is scored exactly once. The first window of a context is scored from nothing; after it,
each window scores its last STRIDE bytes, with the rest as context: a smaller stride is slower and
kinder. Compressors see the same bytes at their strongest settings: as one piece, and in small
pieces that are compressed alone, since a trained model needs no warm-up and they do.

Views: raw is the data itself. compressed is the data after a codec and back, piece by piece, which
is checked; the model's predictions are those of raw. direct are the codec's frames: each holds as
much of the data as fits a context, and bits per byte count what the model needs for the frames,
per byte of the data that they hold.
"""


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer evaluate",
        description="Measure how well a model predicts held-out bytes.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("model", metavar="RUN_OR_CHECKPOINT", help="the folder of the model")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what to predict")
    parser.add_argument(
        "--split", choices=("test", "valid", "train"), default="test", help="without FILE [test]"
    )
    parser.add_argument(
        "--limit", type=_size, default=500_000, metavar="SIZE", help="such as 5MB, or none [500KB]"
    )
    parser.add_argument("--context", type=int, metavar="BYTES", help="[the training's]")
    parser.add_argument("--stride", type=int, metavar="BYTES", help="[half a context]")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N", help="windows [16]")
    parser.add_argument("--piece", type=int, default=4096, metavar="BYTES", help="[4096]")
    parser.add_argument(
        "--views", nargs="+", choices=VIEW_NAMES, default=[], metavar="VIEW", help="see above"
    )
    parser.add_argument(
        "--codec", nargs="+", default=[], metavar="NAME", help="of the views [the training's]"
    )
    parser.add_argument("--no-compressors", action="store_true", help="only the model")
    parser.add_argument("--best", action="store_true", help="a run's best checkpoint, not newest")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:1, ... [cpu]")
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), default="auto", help="[auto]"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print."""
    from bit_transformer.checkpoint import load_model, resolve_checkpoint
    from bit_transformer.cli.held_out import read_files, read_split
    from bit_transformer.cli.measuring import compare
    from bit_transformer.training.machine import choose_machine

    machine = choose_machine(
        build_config("default", {"device": arguments.device, "precision": arguments.precision})
    )
    checkpoint = resolve_checkpoint(arguments.model, prefer="best" if arguments.best else "newest")
    if arguments.files:
        data = read_files(arguments.files, arguments.limit)
    else:
        data = read_split(checkpoint, arguments.split, arguments.limit)
    comparison = compare(
        checkpoint,
        load_model(checkpoint, device=machine.device),
        data,
        piece_bytes=None if arguments.no_compressors else arguments.piece,
        is_quiet=arguments.quiet,
        views=arguments.views,
        codecs=arguments.codec,
        context_bytes=arguments.context,
        stride_bytes=arguments.stride,
        batch_size=arguments.batch_size,
        precision=machine.precision,
    )
    if arguments.json:
        print(comparison.to_json())
    else:
        comparison.show(with_positions=True)
    return 0


def _size(text: str) -> int | None:
    if text == "none":
        return None
    try:
        budget = Budget.parse(f"{text}B" if text.isdigit() else text)
    except ConfigError:
        budget = None
    if budget is None or budget.unit != "bytes":
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it like 500KB, 5MB or none")
    return int(budget.amount)
