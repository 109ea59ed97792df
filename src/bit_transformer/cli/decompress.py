"""``bit-transformer decompress``: archives back into files, folders and pipes."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bit_transformer.cli.archives import (
    PIPE,
    add_model_option,
    add_pace_options,
    chosen_model,
    opened_archives,
    tell,
)
from bit_transformer.cli.facts import size
from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import byte_progress, note
from bit_transformer.errors import InputError

if TYPE_CHECKING:
    from bit_transformer.archive.unpacking import Unpacked

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer decompress book.txt.btz                 book.txt beside it
  bit-transformer decompress all.btz -o restored/         everything below restored
  bit-transformer decompress book.txt.btz -o copy.txt     under another name
  bit-transformer decompress src.tar.btz -o - | tar x     to stdout
  bit-transformer decompress damaged.btz --salvage -o s/  what is intact

Files get their times and modes back. They are put in place when the whole archive has been
checked, and nothing is replaced without --force. Nothing is written outside of the folder.
"""


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer decompress",
        usage="bit-transformer decompress [ARCHIVE ...] [-o FILE | -o FOLDER/] [--model MODEL]"
        "\n                                  [--remove] [--salvage] [--force]",
        description="Unpack archives (.btz).",
        epilog=_EXAMPLES,
    )
    parser.add_argument("archives", nargs="*", metavar="ARCHIVE", help="- is stdin")
    parser.add_argument("-o", "--out", metavar="PATH", help="where to write; - is stdout")
    add_model_option(parser)
    parser.add_argument("--remove", action="store_true", help="remove archives once unpacked")
    parser.add_argument("--salvage", action="store_true", help="of a damaged one, what is intact")
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    add_pace_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Unpack the archives, and say what came of it."""
    names: list[str] = arguments.archives or [PIPE]
    if arguments.salvage:
        return _salvage(arguments, names)
    to_stdout = arguments.out == PIPE or (arguments.out is None and names == [PIPE])
    if len(names) > 1 and arguments.out is not None and not to_stdout:
        _check_folder(arguments.out)
    facts, lines, code = [], [], 0
    with opened_archives(names, "decompress") as archives:
        for name, file in archives:
            if to_stdout:
                _to_stdout(arguments, name, file)
                continue
            unpacked = _to_disk(arguments, name, file)
            facts.append(_facts(name, unpacked))
            lines.append(_line(name, unpacked))
            for link in unpacked.left_out:
                note(f"{name}: the link {link} leads outside and is left out")
                code = 1
            if arguments.remove and name != "stdin":
                Path(name).unlink()
    if not to_stdout:
        tell(facts, lines, as_json=arguments.json)
    return code


def _to_disk(arguments: argparse.Namespace, name: str, file: BinaryIO) -> "Unpacked":
    from bit_transformer.archive.unpacking import unpack, unpacking_place

    folder, only_name = unpacking_place(Path(name), arguments.out, file)
    with byte_progress(name, is_quiet=arguments.quiet) as progress:
        return unpack(
            file,
            folder,
            only_name,
            model=chosen_model(arguments),
            num_threads=arguments.threads,
            force=arguments.force,
            progress=progress,
        )


def _to_stdout(arguments: argparse.Namespace, name: str, file: BinaryIO) -> None:
    """Write the content as it comes; what was written before damage is found is right."""
    from bit_transformer.archive.models import model_finder
    from bit_transformer.archive.reading import ArchiveReader
    from bit_transformer.archive.unpacking import size_of

    if arguments.remove:
        raise InputError("--remove is for archives that are unpacked into files")
    finder = model_finder(chosen_model(arguments), arguments.threads)
    total = size_of(file)
    with byte_progress(name, is_quiet=arguments.quiet) as progress:
        reader = ArchiveReader(
            file,
            finder,
            num_threads=arguments.threads,
            progress=lambda done: progress(done, total),
        )
        for block in reader.blocks():
            sys.stdout.buffer.write(block.content)
    sys.stdout.buffer.flush()


def _salvage(arguments: argparse.Namespace, names: list[str]) -> int:
    from bit_transformer.archive.unpacking import salvage

    if PIPE in names or arguments.out == PIPE or arguments.remove:
        raise InputError("--salvage reads archives from files, writes files, and removes nothing")
    facts, lines = [], []
    is_complete = True
    for name in names:
        for one in salvage(
            name,
            arguments.out,
            model=chosen_model(arguments),
            num_threads=arguments.threads,
            force=arguments.force,
        ):
            is_complete &= one.is_complete
            facts.append(
                {
                    "file": str(one.path),
                    "num_bytes": one.num_bytes,
                    "ranges": one.ranges,
                    "is_complete": one.is_complete,
                }
            )
            known = ", ".join(f"{start:,} to {end:,}" for start, end in one.ranges)
            state = "complete" if one.is_complete else f"bytes {known} are known"
            lines.append(f"{one.path}: {size(one.num_bytes)}, {state}")
    tell(facts, lines or ["nothing is intact"], as_json=arguments.json)
    return 0 if facts and is_complete else 1


def _check_folder(out: str) -> None:
    if not Path(out).is_dir() and not out.endswith("/"):
        raise InputError(f"several archives are unpacked into a folder; write -o {out}/")


def _facts(name: str, unpacked: "Unpacked") -> dict[str, Any]:
    return {
        "archive": name,
        "paths": [str(path) for path in unpacked.paths],
        "num_content_bytes": unpacked.num_content_bytes,
        "left_out": unpacked.left_out,
    }


def _line(name: str, unpacked: "Unpacked") -> str:
    if len(unpacked.paths) == 1:
        return f"{unpacked.paths[0]}: {size(unpacked.num_content_bytes)}"
    return f"{name}: {len(unpacked.paths)} paths, {size(unpacked.num_content_bytes)}"
