"""``bit-transformer list``: what archives hold, read without unpacking."""

import argparse
import stat
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bit_transformer.cli.archives import opened_archives, tell
from bit_transformer.cli.facts import size
from bit_transformer.cli.parser import Parser

if TYPE_CHECKING:
    from bit_transformer.archive import Entry, Listing

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer list all.btz
  bit-transformer list all.btz --json

No model is needed, and no time: only the records between the compressed bytes are read.
"""

_SIGNS = {"FILE": "-", "FOLDER": "d", "LINK": "l"}


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer list",
        usage="bit-transformer list ARCHIVE ... [--json]",
        description="Show what archives hold.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("archives", nargs="*", metavar="ARCHIVE", help="- is stdin")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Show each archive."""
    from bit_transformer.archive import list_archive

    facts, lines = [], []
    with opened_archives(arguments.archives, "list") as archives:
        for name, file in archives:
            listing = list_archive(file)
            lines += [""] * bool(lines) + _lines(name, listing)
            entries = [{**asdict(one), "kind": one.kind.name.lower()} for one in listing.entries]
            facts.append({"archive": name, **asdict(listing), "entries": entries})
    tell(facts, lines, as_json=arguments.json)
    return 0


def _lines(name: str, listing: "Listing") -> list[str]:
    lines = [_line(entry) for entry in listing.entries]
    made = f"level {listing.level}, " + (
        f"model {listing.model[:16]}" if listing.model else "no model"
    )
    blocks = "1 block" if listing.num_blocks == 1 else f"{listing.num_blocks} blocks"
    stored = f", {listing.num_stored_blocks} stored" if listing.num_stored_blocks else ""
    fraction = ""
    if listing.num_content_bytes:
        value = listing.num_archive_bytes / listing.num_content_bytes
        fraction = f", compressed_fraction {value:.4f}"
    lines.append(
        f"{name}: {size(listing.num_content_bytes)} in {size(listing.num_archive_bytes)}{fraction}"
    )
    lines.append(f"  {made}, {blocks}{stored}")
    if listing.sha256:
        lines.append(f"  SHA-256 of the content {listing.sha256}")
    return lines


def _line(entry: "Entry") -> str:
    mode = "?" * 9 if entry.mode is None else stat.filemode(entry.mode)[1:]
    time = "" if entry.mtime_ns is None else _time(entry.mtime_ns)
    name = entry.name or "(bytes without a name)"
    target = f" -> {entry.target}" if entry.target else ""
    kind = _SIGNS[entry.kind.name]
    return f"{kind}{mode} {entry.num_bytes:>14,}  {time:<19}  {_printable(name + target)}"


def _time(mtime_ns: int) -> str:
    try:
        moment = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return "?"
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _printable(name: str) -> str:
    """A name that cannot move a terminal's cursor."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
