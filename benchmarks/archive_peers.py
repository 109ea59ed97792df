"""Archives beside other compressors on the same files, in one run: sizes, and speeds.

    python -m benchmarks.archive_peers FILE ... [--levels fast default best] [--model MODEL]
        [--first BYTES] [--random BYTES] [--code-length]
    python -m benchmarks.archive_peers FILE ... --messages 256 1024 4096 [--cuts 40]
        [--check-bytes 4] [--codecs plain primed] [--write-first FOLDER]

Sizes are true: all headers and checksums count, and every archive of ours is unpacked and compared.
``--first`` takes the beginning of long files, ``--random`` adds bytes that nothing can compress,
``--code-length`` says how far each archive is above the sum of -log2 of the probabilities that its
bits were given.
The model's bytes are stated apart. Peers are xz -9e, zstd --ultra -22 --long=27, brotli -11,
bzip2 -9, PPMd (variant H, order 8, 256 MB), and zpaq -m5 where it is installed. Speeds are of
this process's CPU time, in KB/s, and compare within one run only.

With ``--messages``, consecutive cuts of each file's last part are compressed alone. The first part
trains zstd's dictionary (110 KB) and primes PPMd (order 6) and, as "primed", our codec with its
last 256 KB. PPMd's cost of a message is the size of both less that of the primer alone, so no
header of its counts; ours counts whole. ``--write-first`` writes each file's first part into a
folder and ends, to train a model on just what the peers saw. The last line is JSON.
"""

import argparse
import bz2
import json
import lzma
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from bit_transformer.archive import ArchiveModel, MessageCodec, compress, decompress
from bit_transformer.archive.coding import BLOCK_BYTES
from bit_transformer.archive.mixing.interface import Level, code_length_bits
from bit_transformer.archive.models import choose_model

Compressor = Callable[[bytes], int]
"""Gives the size of what comes out."""

MAX_PRIMER_BYTES = 256 * 1024
DICTIONARY_BYTES = 110 * 1024


@dataclass
class FileResult:
    """One file under every compressor: sizes in bytes, and our speeds."""

    name: str
    num_bytes: int
    sizes: dict[str, int] = field(default_factory=dict)
    compress_kb_per_s: dict[str, float] = field(default_factory=dict)
    decompress_kb_per_s: dict[str, float] = field(default_factory=dict)
    above_code_length: dict[str, float] = field(default_factory=dict)


@dataclass
class MessageResult:
    """Cuts of one file: mean bits per byte under every compressor."""

    name: str
    message_bytes: int
    num_messages: int
    bits_per_byte: dict[str, float] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--levels", nargs="*", default=["fast", "default"], metavar="LEVEL")
    parser.add_argument("--model", default="default")
    parser.add_argument("--first", type=int, metavar="BYTES", help="of each file")
    parser.add_argument("--random", type=int, metavar="BYTES", help="and so many random bytes")
    parser.add_argument("--code-length", action="store_true")
    parser.add_argument("--messages", nargs="*", type=int, metavar="BYTES")
    parser.add_argument("--cuts", type=int, default=40, help="messages of each size")
    parser.add_argument("--check-bytes", type=int, default=4, help="of each of our messages")
    parser.add_argument("--codecs", nargs="*", default=["plain", "primed"], metavar="CODEC")
    parser.add_argument("--write-first", type=Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    facts = {"model": arguments.model, "model_bytes": model_bytes(arguments.model)}
    if arguments.messages is not None:
        sizes = arguments.messages or [256, 1024, 4096]
        if arguments.write_first is not None:
            write_first_parts(arguments.files, sizes, arguments)
            return
        results = [
            cut for path in arguments.files for cut in measure_messages(path, sizes, arguments)
        ]
    else:
        results = [measure_file(*one, arguments) for one in contents(arguments)]
        show_summary(results, arguments.levels)
    rows = [asdict(one) for one in results]
    print(json.dumps({"benchmark": "archive_peers", **facts, "results": rows}))


def model_bytes(model: str) -> int:
    """What the model takes on the disk; 0 without one."""
    from bit_transformer.archive.models import DEFAULT_MODEL_PATH
    from bit_transformer.checkpoint import resolve_checkpoint

    path = DEFAULT_MODEL_PATH if model == "default" else Path(model)
    if path.is_dir():
        chosen = resolve_checkpoint(path, prefer="best")
        return sum(one.stat().st_size for one in chosen.rglob("model.safetensors"))
    return path.stat().st_size if path.is_file() else 0


def contents(arguments: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of all that is to be measured."""
    for path in arguments.files:
        yield path.name, path.read_bytes()[: arguments.first]
    if arguments.random:
        yield "random", Random(0).randbytes(arguments.random)


def measure_file(name: str, data: bytes, arguments: argparse.Namespace) -> FileResult:
    result = FileResult(name, len(data))
    for peer, compressor in peers().items():
        started = cpu_s()
        result.sizes[peer] = compressor(data)
        result.compress_kb_per_s[peer] = len(data) / 1000 / max(1e-6, cpu_s() - started)
    for level in arguments.levels:
        measure_level(result, data, level, arguments)
    cells = "".join(f"{one:>14}" for one in result.sizes)
    print(f"\n{name}, {len(data):,} bytes\n{'':16}{cells}")
    print(f"{'bits_per_byte':16}" + row(8 * n / len(data) for n in result.sizes.values()))
    print(f"{'compress KB/s':16}" + row(result.compress_kb_per_s.values(), digits=1))
    speeds = [result.decompress_kb_per_s.get(one) for one in result.sizes]
    print(f"{'decompress KB/s':16}" + row(speeds, digits=1), flush=True)
    if arguments.code_length:
        above = [result.above_code_length.get(one) for one in result.sizes]
        print(f"{'/ code length':16}" + row(above, digits=5), flush=True)
    return result


def measure_level(
    result: FileResult, data: bytes, level: str, arguments: argparse.Namespace
) -> None:
    """Our size and speeds at one level, into the result."""
    name = f"btz {level}"
    options: dict[str, Any] = {"model": arguments.model, "num_threads": arguments.threads}
    started = cpu_s()
    archive = compress(data, level=level, **options)
    result.sizes[name] = len(archive)
    result.compress_kb_per_s[name] = len(data) / 1000 / (cpu_s() - started)
    started = cpu_s()
    is_same = decompress(archive, **options) == data
    result.decompress_kb_per_s[name] = len(data) / 1000 / (cpu_s() - started)
    if not is_same:
        raise SystemExit(f"{result.name} did not come back at level {level}")
    if arguments.code_length:
        model = choose_model(arguments.model, Level(level)) or ArchiveModel()
        block_bytes = BLOCK_BYTES[Level(level)]
        blocks = [data[at : at + block_bytes] for at in range(0, len(data), block_bytes)]
        bits = sum(
            code_length_bits(one, Level(level), model.engine, model.primer) for one in blocks
        )
        result.above_code_length[name] = 8 * len(archive) / bits


def show_summary(results: list[FileResult], levels: list[str]) -> None:
    """Our sizes as ratios to the best peer's, to zpaq's and to the input's."""
    of_peers = [
        {name: size for name, size in result.sizes.items() if not name.startswith("btz")}
        for result in results
    ]
    show_ratios("best peer", results, [min(sizes.values()) for sizes in of_peers], levels)
    if all("zpaq -m5" in sizes for sizes in of_peers):
        show_ratios("zpaq -m5", results, [sizes["zpaq -m5"] for sizes in of_peers], levels)
    show_ratios("input", results, [result.num_bytes for result in results], levels)


def show_ratios(name: str, results: list[FileResult], bases: list[int], levels: list[str]) -> None:
    """A table of our sizes over the bases, one for each result, and its median and worst."""
    print(f"\n{'size / ' + name:28}" + "".join(f"{'btz ' + level:>14}" for level in levels))
    columns = []
    for result, base in zip(results, bases, strict=True):
        columns.append([result.sizes[f"btz {level}"] / base for level in levels])
        print(f"{result.name[:27]:28}" + row(columns[-1], digits=4))
    print(f"{'median':28}" + row(map(statistics.median, zip(*columns, strict=True)), digits=4))
    print(f"{'worst':28}" + row(map(max, zip(*columns, strict=True)), digits=4))


def write_first_parts(paths: list[Path], sizes: list[int], arguments: argparse.Namespace) -> None:
    """What peers are trained on and primed with, a file each."""
    arguments.write_first.mkdir(parents=True, exist_ok=True)
    for path in paths:
        first, _ = split(path.read_bytes(), sizes, arguments.cuts)
        target = arguments.write_first / path.name
        target.write_bytes(first)
        print(f"{target}: {len(first):,} bytes")


def split(data: bytes, sizes: list[int], num_cuts: int) -> tuple[bytes, bytes]:
    """The part to learn from, and the held-out part after it."""
    held_out = min(len(data) // 3, max(sizes) * num_cuts)
    return data[:-held_out], data[-held_out:]


def measure_messages(
    path: Path, sizes: list[int], arguments: argparse.Namespace
) -> list[MessageResult]:
    """All codecs one after another, each on all sizes, so that a primer is read once."""
    first, rest = split(path.read_bytes(), sizes, arguments.cuts)
    primer = first[-MAX_PRIMER_BYTES:]
    cuts = {
        size: [rest[at : at + size] for at in range(0, len(rest) - size + 1, size)][
            : arguments.cuts
        ]
        for size in sizes
    }
    results = [MessageResult(path.name, size, len(cuts[size])) for size in sizes]
    for result in results:
        size = result.message_bytes
        for name, one in {**peers(is_small=True), **trained(first, primer, size)}.items():
            result.bits_per_byte[name] = 8 * sum(map(one, cuts[size])) / (size * len(cuts[size]))
    for level in arguments.levels:
        given = choose_model(arguments.model, Level(level))
        engine = None if given is None else given.engine
        models = {"plain": arguments.model, "primed": ArchiveModel(engine, primer)}
        for codec in arguments.codecs:
            name = f"btz {level} {codec}"
            model = models[codec]
            for result in results:
                size = result.message_bytes
                total = measure_codec(level, model, cuts[size], arguments)
                result.bits_per_byte[name] = 8 * total / (size * len(cuts[size]))
    show_messages(path.name, results)
    return results


def show_messages(name: str, results: list[MessageResult]) -> None:
    """Mean bits per byte, a column for each size."""
    print(f"\n{name:28}" + "".join(f"{one.message_bytes:>12} B" for one in results))
    print(f"{'messages':28}" + "".join(f"{one.num_messages:>14}" for one in results))
    for compressor in results[0].bits_per_byte:
        print(f"{compressor:28}" + row(one.bits_per_byte[compressor] for one in results))
    sys.stdout.flush()


def measure_codec(level: str, model: Any, cuts: list[bytes], arguments: argparse.Namespace) -> int:
    check_bytes, num_threads = arguments.check_bytes, arguments.threads
    codec = MessageCodec(level=level, model=model, check_bytes=check_bytes, num_threads=num_threads)
    messages = codec.compress_all(cuts)
    if codec.decompress_all(messages) != cuts:
        raise SystemExit(f"messages did not come back at level {level}")
    return sum(map(len, messages))


def peers(*, is_small: bool = False) -> dict[str, Compressor]:
    """Everything that can be run here, at its strongest setting."""
    zstd, ppmd, brotli = zstd_library(), import_module("pyppmd"), import_module("brotli")
    parameter = zstd.CompressionParameter
    strongest = {parameter.compression_level: 22, parameter.window_log: 27}
    found: dict[str, Compressor] = {
        "xz -9e": xz,
        "zstd -22": lambda data: len(zstd.compress(data, options=strongest)),
        "brotli -11": lambda data: len(brotli.compress(data, quality=11, lgwin=24)),
        "bzip2 -9": lambda data: len(bz2.compress(data, 9)),
        "PPMd": lambda data: ppmd_size(ppmd, data, order=8, memory_mb=256),
    }
    if is_small:
        found["zstd -22"] = lambda data: len(zstd.compress(data, 22))
        del found["PPMd"]
    elif shutil.which("zpaq"):
        found["zpaq -m5"] = zpaq
    return found


def trained(first: bytes, primer: bytes, size: int) -> dict[str, Compressor]:
    """Peers that have seen data of the same kind."""
    zstd, ppmd = zstd_library(), import_module("pyppmd")
    samples = [first[at : at + size] for at in range(0, len(first), size)]
    dictionary = zstd.train_dict(samples, min(DICTIONARY_BYTES, len(first) // 4))
    alone = ppmd_size(ppmd, primer, order=6, memory_mb=64)
    return {
        "zstd -22 with a dictionary": lambda data: len(
            zstd.compress(data, 22, zstd_dict=dictionary)
        ),
        "PPMd primed": lambda data: ppmd_size(ppmd, primer + data, order=6, memory_mb=64) - alone,
    }


def zstd_library() -> Any:
    try:
        return import_module("compression.zstd")
    except ImportError:
        return import_module("backports.zstd")


def xz(data: bytes) -> int:
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def ppmd_size(library: Any, data: bytes, *, order: int, memory_mb: int) -> int:
    encoder = library.Ppmd7Encoder(order, memory_mb << 20)
    return len(encoder.encode(data)) + len(encoder.flush())


def zpaq(data: bytes) -> int:
    with tempfile.TemporaryDirectory() as folder:
        source, archive = Path(folder, "file"), Path(folder, "archive.zpaq")
        source.write_bytes(data)
        command = ["zpaq", "a", archive.name, source.name, "-m5", "-t1"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return archive.stat().st_size


def cpu_s() -> float:
    """CPU seconds of this process and of the programs that it has run."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def row(values: Any, *, digits: int = 3) -> str:
    return "".join(f"{'':>14}" if v is None else f"{v:>14.{digits}f}" for v in values)


if __name__ == "__main__":
    main()
