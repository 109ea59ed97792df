"""``bit-transformer data``: files into a corpus, and a look at what is in one."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bit_transformer.cli.facts import Facts, print_facts, size
from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import byte_progress, note
from bit_transformer.cli.settings import add_settings, collect_settings
from bit_transformer.data.config import DataConfig
from bit_transformer.errors import ConfigError, InputError
from bit_transformer.settings import explain_validation

if TYPE_CHECKING:
    from bit_transformer.data import BuildProgress, Corpus

__all__ = ["build_parser", "corpus_facts", "run"]

_EXAMPLES = """\
actions:
  build     cut files into train, validation and test, and write them into a new folder
  inspect   show what a built corpus holds and how it was cut

examples:
  bit-transformer data build ~/texts --out corpus
  bit-transformer data build ~/code --include "*.py" "*.md" --exclude vendor --out corpus
  bit-transformer data build train.txt --valid_paths valid.txt --test_fraction 0 --out corpus
  bit-transformer data inspect corpus --verify
  bit-transformer train corpus

Equal files are kept once, so that nothing is learned that is also held out. Without PATH, build
takes the source of Python's standard library. Training builds what it needs by itself: a corpus
of its own is for data that shall stay as it is, or be cut once for many runs.
"""

_SHOWN = 10


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer data",
        usage="bit-transformer data build [PATH ...] --out FOLDER [--SETTING VALUE ...]"
        "\n       bit-transformer data inspect CORPUS [--verify] [--all] [--json]",
        description="Build a corpus from files, or inspect one.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("action", choices=("build", "inspect"), help="see below")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, folders, or a corpus")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER", help="build: the new corpus")
    parser.add_argument("--verify", action="store_true", help="read all bytes and compare hashes")
    parser.add_argument("--all", action="store_true", help="list every file, not the first few")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_settings(parser, DataConfig, title="build: settings", without=("paths", "cache_dir"))
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Build or inspect, and print what the corpus holds."""
    settings = collect_settings(arguments)
    corpus = _build(arguments, settings) if arguments.action == "build" else _open(arguments)
    print_facts(corpus_facts(corpus, show_all=arguments.all), as_json=arguments.json)
    if arguments.verify:
        note("every byte is as it was when the corpus was built")
    return 0


def corpus_facts(corpus: "Corpus", *, show_all: bool = False) -> Facts:
    """What a corpus holds and how it was cut."""
    manifest = corpus.manifest
    total = sum(len(split) for split in corpus.splits())
    splits = {
        split.name: f"{len(split):,} bytes, {len(split) / max(total, 1):.2%}"
        for split in corpus.splits()
    }
    skipped = [f"{one.path}: {one.reason}" for one in manifest.skipped]
    duplicates = [f"{one.path} = {one.same_as}" for one in manifest.duplicates]
    files = [f"{one.path}: {one.num_bytes:,} bytes, {_sides(one)}" for one in manifest.files]
    return {
        "corpus": {
            "folder": str(corpus.path),
            "size": f"{size(total)} in {len(manifest.files):,} files",
            "cut by": manifest.method,
            "asked for": f"{manifest.valid_fraction:.2%} validation, "
            f"{manifest.test_fraction:.2%} test",
            "digest": corpus.digest,
        },
        "splits": splits,
        "left out": {
            "equal to others": _some(duplicates, show_all=show_all),
            "not readable": _some(skipped, show_all=show_all),
        },
        **({"content": {"files": files}} if show_all else {}),
    }


def _build(arguments: argparse.Namespace, settings: dict[str, Any]) -> "Corpus":
    from bit_transformer.data import build_corpus

    if arguments.out is None:
        raise InputError("say where the corpus shall be, with --out FOLDER")
    try:
        config = DataConfig.model_validate({**settings, "paths": arguments.paths})
    except ValidationError as error:
        raise ConfigError(explain_validation(error, DataConfig)) from error
    with byte_progress("building", is_quiet=arguments.quiet) as update:

        def report(state: "BuildProgress") -> None:
            update(state.num_bytes, state.total_bytes)

        corpus = build_corpus(config, arguments.out, report)
    return _open(argparse.Namespace(paths=[corpus.path], verify=arguments.verify))


def _open(arguments: argparse.Namespace) -> "Corpus":
    from bit_transformer.data import open_corpus

    if len(arguments.paths) != 1:
        raise InputError(f"inspect takes one corpus folder, got {len(arguments.paths)} paths")
    return open_corpus(Path(arguments.paths[0]), verify=arguments.verify)


def _sides(record: Any) -> str:
    return " + ".join(f"{part.split} {part.num_bytes:,}" for part in record.parts)


def _some(lines: list[str], *, show_all: bool) -> list[str]:
    if show_all or len(lines) <= _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"and {len(lines) - _SHOWN:,} more; see them with --all"]
