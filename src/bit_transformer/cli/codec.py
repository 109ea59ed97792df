"""``bit-transformer codec``: files into frames and back, and what each codec is worth.

Codecs know no model. Files compressed with a model's predictions are archives, and another verb's.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bit_transformer.cli.facts import size
from bit_transformer.cli.parser import Parser
from bit_transformer.cli.progress import note
from bit_transformer.errors import BitTransformerError, DataError, InputError

if TYPE_CHECKING:
    from bit_transformer.cli.codec_bench import CodecResult

__all__ = ["FRAME_SUFFIX", "build_parser", "run"]

FRAME_SUFFIX = ".frame"
"""What the name of a compressed file ends in."""

_EXAMPLES = """\
actions:
  compress     a file into one frame, in FILE.frame
  decompress   a frame into the file it was made from
  list         the codecs, their settings, and whether they can be used here
  bench        what each codec makes of your files, and how quickly

examples:
  bit-transformer codec compress book.txt
  bit-transformer codec compress book.txt --codec zstd:19 --out book.small
  bit-transformer codec decompress book.txt.frame --out book.txt
  bit-transformer codec decompress damaged.frame --out rest.txt --partial
  bit-transformer codec bench book.txt photo.bmp --codecs rle huffman lz zstd
  bit-transformer codec list

A codec's setting follows its name after a colon: a level (zstd:19) or a shared table
(huffman:english). The fraction is what comes out for each byte that goes in: less is better, and
above 1 the codec makes the file larger. `auto` never takes more than the file and a few bytes.
"""

_ACTIONS = ("compress", "decompress", "list", "bench")


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer codec",
        usage="bit-transformer codec compress FILE [--codec NAME] [--out FILE] [--force]"
        "\n       bit-transformer codec decompress FILE [--out FILE] [--partial] [--force]"
        "\n       bit-transformer codec bench FILE ... [--codecs NAME ...] [--piece BYTES]"
        "\n       bit-transformer codec list",
        description="Compress files without a model, and compare the codecs.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("action", choices=_ACTIONS, help="see below")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--codec", default="auto", metavar="NAME", help="compress with [auto]")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="where to write")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    parser.add_argument(
        "--partial", action="store_true", help="decompress: keep what comes before the damage"
    )
    parser.add_argument(
        "--max-size",
        type=int,
        metavar="MB",
        default=1024,
        help="decompress: refuse frames that declare more [1024]",
    )
    parser.add_argument("--codecs", nargs="+", metavar="NAME", help="bench: which [all]")
    parser.add_argument(
        "--piece", type=int, metavar="BYTES", help="bench: cut the files into pieces of this size"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for, and print what came of it."""
    actions = {"compress": _compress, "decompress": _decompress, "list": _list, "bench": _bench}
    return actions[arguments.action](arguments)


def _compress(arguments: argparse.Namespace) -> int:
    import numpy as np

    from bit_transformer.bits.files import write_bytes_atomically
    from bit_transformer.codecs.codec import Packed
    from bit_transformer.codecs.frame import frame_codec, open_header, write_frame

    source = _one_file(arguments)
    out = arguments.out or source.with_name(source.name + FRAME_SUFFIX)
    _check_free(out, is_forced=arguments.force)
    data = _read(source)
    packed = Packed(np.frombuffer(data, dtype=np.uint8), 8 * len(data))
    frame = write_frame(packed, arguments.codec)
    write_bytes_atomically(out, frame.data.tobytes())
    codec = frame_codec(open_header(frame, max_bits=packed.num_bits)).name
    fraction = len(frame.data) / len(data) if data else None
    _tell(
        arguments,
        {
            "file": str(out),
            "codec": codec,
            "num_source_bytes": len(data),
            "num_bytes": len(frame.data),
            "compressed_fraction": fraction,
        },
        f"{out}: {size(len(data))} to {size(len(frame.data))} by {codec}"
        + ("" if fraction is None else f", compressed_fraction {fraction:.4f} (less is better)"),
    )
    return 0


def _decompress(arguments: argparse.Namespace) -> int:
    import numpy as np

    from bit_transformer.bits.files import write_bytes_atomically
    from bit_transformer.codecs.codec import Packed
    from bit_transformer.codecs.frame import read_frame

    source = _one_file(arguments)
    out = arguments.out or _name_without_suffix(source)
    _check_free(out, is_forced=arguments.force)
    data = _read(source)
    frame = Packed(np.frombuffer(data, dtype=np.uint8), 8 * len(data))
    content = read_frame(frame, max_bits=arguments.max_size * 8_000_000, is_padded=True)
    if content.error is not None:
        if not arguments.partial or content.codec is None:
            raise content.error
        note(f"damaged: {content.error}")
    num_whole = content.source.num_bits // 8
    is_cut = content.source.num_bits % 8 > 0
    if is_cut and content.error is None:
        raise InputError(
            f"{source} holds {content.source.num_bits} bits, and a file holds whole bytes; "
            "decompress it with decompress_bits"
        )
    write_bytes_atomically(out, content.source.data[:num_whole].tobytes())
    expected = (content.num_source_bits or 0) // 8
    _tell(
        arguments,
        {
            "file": str(out),
            "codec": content.codec,
            "num_bytes": num_whole,
            "num_declared_bytes": expected,
            "is_complete": content.error is None,
        },
        f"{out}: {size(num_whole)} by {content.codec}"
        + ("" if num_whole == expected else f", of {size(expected)} that were declared"),
    )
    return 0 if content.error is None else 1


def _list(arguments: argparse.Namespace) -> int:
    from bit_transformer.codecs.registry import codec_names

    if arguments.files:
        raise InputError(f"list takes no files, got {arguments.files[0]}")
    rows = [_describe(name) for name in codec_names()]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'codec':<10}{'number':>6}  {'levels':<10}{'complete':<10}what it is")
    for row in rows:
        complete = "yes" if row["is_complete"] else "no"
        print(
            f"{row['codec']:<10}{row['number'] or '':>6}  {row['levels'] or '':<10}"
            f"{complete:<10}{row['purpose']}"
        )
    print("\ncomplete: every string of bits decompresses, so a model that writes it cannot err")
    return 0


def _describe(name: str) -> dict[str, Any]:
    from bit_transformer.codecs.registry import get_codec

    try:
        codec = get_codec(name)
    except BitTransformerError as error:
        return {
            "codec": name,
            "number": None,
            "levels": None,
            "is_complete": None,
            "purpose": str(error),
        }
    levels = getattr(codec, "levels", None)
    return {
        "codec": name,
        "number": codec.number,
        "levels": f"{levels[0]} to {levels[-1]}" if levels else None,
        "is_complete": codec.is_complete,
        "purpose": (type(codec).__doc__ or "").partition("\n")[0],
    }


def _bench(arguments: argparse.Namespace) -> int:
    from bit_transformer.cli.codec_bench import bench

    if not arguments.files:
        raise InputError("bench takes at least one file")
    if arguments.piece is not None and arguments.piece < 1:
        raise InputError(f"--piece must be at least 1, got {arguments.piece}")
    data = b"".join(_read(path) for path in arguments.files)
    if not data:
        raise DataError(f"there is nothing in {', '.join(map(str, arguments.files))}")
    results = bench(data, arguments.codecs, arguments.piece, note)
    if arguments.json:
        print(json.dumps([vars(one) for one in results], indent=2))
    else:
        _show(results, len(data), arguments.piece)
    return 0


def _show(results: "list[CodecResult]", num_bytes: int, piece_bytes: int | None) -> None:
    whole = "as one piece" if piece_bytes is None else f"in pieces of {piece_bytes:,} bytes"
    print(f"{size(num_bytes)} {whole}, headers counted\n")
    print(f"{'codec':<18}{'fraction':>10}{'ratio':>9}{'compress':>14}{'decompress':>14}")
    for one in results:
        print(
            f"{one.codec:<18}{one.compressed_fraction:>10.4f}{one.compression_ratio:>9.3f}"
            f"{one.compress_mb_per_s:>9.1f} MB/s{one.decompress_mb_per_s:>9.1f} MB/s"
        )
    print("\nfraction: out / in, less is better; ratio: in / out, more is better")


def _one_file(arguments: argparse.Namespace) -> Path:
    if len(arguments.files) != 1:
        raise InputError(f"{arguments.action} takes one file, got {len(arguments.files)}")
    return arguments.files[0]


def _name_without_suffix(source: Path) -> Path:
    if source.suffix != FRAME_SUFFIX:
        raise InputError(
            f"{source} does not end in {FRAME_SUFFIX}; say where to write with --out FILE"
        )
    return source.with_suffix("")


def _check_free(out: Path, *, is_forced: bool) -> None:
    if out.exists() and not is_forced:
        raise InputError(f"{out} exists; choose another name with --out, or pass --force")


def _read(path: Path) -> bytes:
    from bit_transformer.bits.files import reading_errors

    with reading_errors(path):
        return path.read_bytes()


def _tell(arguments: argparse.Namespace, facts: dict[str, Any], text: str) -> None:
    print(json.dumps(facts, indent=2) if arguments.json else text)
