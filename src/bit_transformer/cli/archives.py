"""What the verbs ``compress``, ``decompress``, ``test`` and ``list`` have in common."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bit_transformer.bits.files import reading_errors
from bit_transformer.errors import InputError

if TYPE_CHECKING:
    from bit_transformer.archive.models import ModelChoice

__all__ = [
    "PIPE",
    "add_model_option",
    "add_pace_options",
    "check_terminal",
    "chosen_model",
    "opened_archives",
    "tell",
]

PIPE = "-"
"""The name that stands for stdin or stdout."""


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """``--model`` and ``--primer``."""
    parser.add_argument(
        "--model",
        default="default",
        metavar="MODEL",
        help="a run, a checkpoint, an exported .btm file, or none [the one in the package]",
    )
    parser.add_argument(
        "--primer",
        type=Path,
        metavar="FILE",
        help="data of the same kind, of which the last 256 KB are read first; needed again",
    )


def add_pace_options(parser: argparse.ArgumentParser) -> None:
    """``--threads``, ``--quiet`` and ``--json``."""
    parser.add_argument(
        "--threads", type=int, metavar="N", help="blocks at a time [one for each core]"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print JSON")


@contextmanager
def opened_archives(names: list[str], verb: str) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """The name and the open file of each archive, one at a time; ``-`` is stdin.

    Raises:
        InputError: no archive is named.
        DataError: one cannot be read.
    """
    if not names:
        raise InputError(f"{verb} takes at least one archive; - is what comes from stdin")
    yield (pair for name in names for pair in _opened(name))


def check_terminal(file: BinaryIO, *, is_forced: bool) -> None:
    """Make sure that no archive is shown on a terminal.

    Raises:
        InputError: it would be, and nobody asked for it.
    """
    if file.isatty() and not is_forced:
        raise InputError(
            "an archive is not for a terminal; send it to a file with -o FILE or >, or pass --force"
        )


def chosen_model(arguments: argparse.Namespace) -> "ModelChoice":
    """What ``--model`` and ``--primer`` say.

    Raises:
        DataError: the primer cannot be read.
        InputError: it is empty.
    """
    if arguments.primer is None:
        return arguments.model
    from bit_transformer.archive.models import Primed, read_primer

    return Primed(arguments.model, read_primer(arguments.primer))


def tell(facts: list[dict[str, Any]], lines: list[str], *, as_json: bool) -> None:
    """Print results as one JSON list, or as lines."""
    print(json.dumps(facts, indent=2) if as_json else "\n".join(lines))


def _opened(name: str) -> Iterator[tuple[str, BinaryIO]]:
    if name == PIPE:
        yield "stdin", sys.stdin.buffer
        return
    path = Path(name)
    with reading_errors(path), path.open("rb") as file:
        yield name, file
