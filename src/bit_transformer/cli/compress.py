"""``bit-transformer compress``: files, folders and pipes into archives."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bit_transformer.cli.archives import (
    PIPE,
    add_model_option,
    add_pace_options,
    check_terminal,
    chosen_model,
    tell,
)
from bit_transformer.cli.facts import size
from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import byte_progress, note
from bit_transformer.errors import InputError

if TYPE_CHECKING:
    from bit_transformer.archive import ArchiveSummary

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer compress book.txt                      makes book.txt.btz
  bit-transformer compress letters photos -o all.btz     makes one archive of both
  bit-transformer compress server.log --level fast       quicker, larger
  bit-transformer compress notes --verify --remove       notes.btz in the place of notes
  bit-transformer compress notes --model runs/mine       with a model of your own
  tar c src | bit-transformer compress > src.tar.btz     from stdin to stdout

Each FILE or folder becomes an archive beside it; with -o they become one. Times and modes are
kept. Nothing is replaced without --force. An archive made with a model needs it to be unpacked.
"""

_LEVELS = ("fast", "default", "best")
_CHUNK_BYTES = 1 << 20


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer compress",
        usage="bit-transformer compress [FILE ...] [-o ARCHIVE] [--level LEVEL] [--model MODEL]"
        "\n                                [--verify] [--remove] [--force]",
        description="Compress files and folders into archives (.btz).",
        epilog=_EXAMPLES,
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files or folders; - is stdin")
    parser.add_argument("-o", "--out", metavar="ARCHIVE", help="where to write; - is stdout")
    parser.add_argument(
        "-l", "--level", choices=_LEVELS, default="default", help="speed against size [default]"
    )
    add_model_option(parser)
    parser.add_argument("--verify", action="store_true", help="unpack it again and compare")
    parser.add_argument(
        "--remove", action="store_true", help="remove the files once the archive is verified"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    parser.add_argument(
        "--block", type=int, metavar="BYTES", help="how much is compressed as one, a power of two"
    )
    add_pace_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Make the archives, and say how large they are."""
    names: list[str] = arguments.files or [PIPE]
    if PIPE in names:
        return _compress_pipe(arguments, names)
    if arguments.out == PIPE:
        raise InputError("only stdin is compressed to stdout; write -o FILE, or pipe the file in")
    groups = [[name] for name in names] if arguments.out is None else [names]
    facts, lines = [], []
    for group in groups:
        summary = _compress_paths(arguments, group)
        facts.append(_facts(summary))
        lines.append(_line(summary))
        if arguments.remove:
            _remove(summary)
    tell(facts, lines, as_json=arguments.json)
    return 0


def _compress_paths(arguments: argparse.Namespace, names: list[str]) -> "ArchiveSummary":
    from bit_transformer.archive import compress

    title = names[0] if len(names) == 1 else f"{len(names)} paths"
    with byte_progress(title, is_quiet=arguments.quiet) as progress:
        return compress(
            [Path(name) for name in names],
            arguments.out,
            level=arguments.level,
            model=chosen_model(arguments),
            num_threads=arguments.threads,
            block_bytes=arguments.block,
            verify=arguments.verify or arguments.remove,
            force=arguments.force,
            progress=progress,
            note=note,
        )


def _compress_pipe(arguments: argparse.Namespace, names: list[str]) -> int:
    from bit_transformer.archive import open_archive
    from bit_transformer.bits.files import atomic_path

    if len(names) > 1 or arguments.remove or arguments.verify:
        raise InputError(
            "stdin is compressed alone, and cannot be removed or compared; "
            "use bit-transformer test on the archive"
        )
    options: dict[str, Any] = {
        "level": arguments.level,
        "model": chosen_model(arguments),
        "num_threads": arguments.threads,
        "block_bytes": arguments.block,
    }
    source = sys.stdin.buffer
    if arguments.out in (None, PIPE):
        check_terminal(sys.stdout.buffer, is_forced=arguments.force)
        with open_archive(sys.stdout.buffer, "wb", **options) as archive:
            while chunk := source.read(_CHUNK_BYTES):
                archive.write(chunk)
        return 0
    target = Path(arguments.out)
    if target.exists() and not arguments.force:
        raise InputError(f"{target} exists; choose another name with -o, or pass --force")
    with atomic_path(target) as temporary, open_archive(temporary, "xb", **options) as archive:
        while chunk := source.read(_CHUNK_BYTES):
            archive.write(chunk)
    return 0


def _remove(summary: "ArchiveSummary") -> None:
    """Remove what was archived, unless it has changed since."""
    from bit_transformer.archive.folders import remove_sources

    for path in remove_sources(summary.sources):
        note(f"{path} stays: it changed, or something in it is not in the archive")


def _facts(summary: "ArchiveSummary") -> dict[str, Any]:
    return {
        "archive": str(summary.path),
        "num_files": summary.num_files,
        "num_content_bytes": summary.num_content_bytes,
        "num_archive_bytes": summary.num_archive_bytes,
        "compressed_fraction": _fraction(summary),
        "sha256": summary.sha256,
    }


def _line(summary: "ArchiveSummary") -> str:
    fraction = _fraction(summary)
    text = f"{summary.path}: {size(summary.num_content_bytes)} to {size(summary.num_archive_bytes)}"
    if fraction is None:
        return text
    return f"{text}, {8 * fraction:.3f} bits_per_byte, compressed_fraction {fraction:.4f}"


def _fraction(summary: "ArchiveSummary") -> float | None:
    if not summary.num_content_bytes:
        return None
    return summary.num_archive_bytes / summary.num_content_bytes
