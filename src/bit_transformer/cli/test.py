"""``bit-transformer test``: unpack archives into nothing, and compare every checksum."""

import argparse

from bit_transformer.cli.archives import (
    add_model_option,
    add_pace_options,
    chosen_model,
    opened_archives,
    tell,
)
from bit_transformer.cli.facts import size
from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import byte_progress, note
from bit_transformer.errors import ArchiveError

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer test *.btz
  bit-transformer test mine.btz --model runs/mine

The exit code is 0 if every archive would come back as it was, and 1 if one would not.
"""


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer test",
        usage="bit-transformer test ARCHIVE ... [--model MODEL]",
        description="Unpack archives without writing anything, and compare every checksum.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("archives", nargs="*", metavar="ARCHIVE", help="- is stdin")
    add_model_option(parser)
    add_pace_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Test each archive, also after one that is damaged."""
    from bit_transformer.archive import check_archive
    from bit_transformer.archive.unpacking import size_of

    facts, lines = [], []
    with opened_archives(arguments.archives, "test") as archives:
        for name, file in archives:
            total = size_of(file)
            try:
                with byte_progress(name, is_quiet=arguments.quiet) as progress:
                    listing = check_archive(
                        file,
                        model=chosen_model(arguments),
                        num_threads=arguments.threads,
                        progress=lambda done, progress=progress, total=total: progress(done, total),
                    )
            except ArchiveError as error:
                note(f"{name}: {error}")
                facts.append({"archive": name, "is_intact": False, "error": str(error)})
                lines.append(f"{name}: damaged, or needs another model")
                continue
            facts.append({"archive": name, "is_intact": True, "sha256": listing.sha256})
            lines.append(f"{name}: intact, {size(listing.num_content_bytes)}")
    tell(facts, lines, as_json=arguments.json)
    return 0 if all(one["is_intact"] for one in facts) else 1
