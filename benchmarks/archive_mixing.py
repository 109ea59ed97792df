"""How small and how quick context mixing is, file by file and level by level.

    python -m benchmarks.archive_mixing FILE… [--model FILE.btm] [--levels fast default]
        [--lanes 1 8] [--cut 256 1024] [--zpaq]

For each file: bits per byte of the payload, KB/s of this process's time coding and decoding (each
checked to give the file back), beside zpaq -m5 where it is installed and asked for. ``--cut``
codes consecutive messages of so many bytes instead, spread over the file. Payloads only: the
container's headers are counted in benchmarks/archive_peers.py.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bit_transformer.archive.engine import Engine, read_model
from bit_transformer.archive.mixing import Level, decode_blocks, encode_blocks

_MESSAGES = 24


def measure(
    blocks: Sequence[bytes],
    level: Level,
    engine: Engine | None,
    primer: bytes,
    lanes: int | None,
) -> str:
    """One row: bits per byte, and the speed of both ways."""
    num_bytes = sum(map(len, blocks))
    encode_blocks([b"warm"], level, engine, primer)  # compiled and primed before the clock runs
    payloads, coding_s = timed(
        lambda: encode_blocks(blocks, level, engine, primer, lanes=lanes, num_threads=1)
    )
    sizes = [len(block) for block in blocks]
    decoded, decoding_s = timed(
        lambda: decode_blocks(payloads, sizes, level, engine, primer, num_threads=1)
    )
    if decoded != list(blocks):
        raise SystemExit("what was decoded is not what was coded")
    bits = 8 * sum(map(len, payloads)) / num_bytes
    return (
        f"{bits:8.4f} bits/byte {num_bytes / coding_s / 1e3:8.1f} KB/s in "
        f"{num_bytes / decoding_s / 1e3:8.1f} KB/s out"
    )


def timed(work: Callable[[], list[bytes]]) -> tuple[list[bytes], float]:
    """What the work gives, and how many seconds of this process's time it took."""
    start_s = time.process_time()
    result = work()
    return result, max(time.process_time() - start_s, 1e-9)


def zpaq_bits_per_byte(path: Path) -> float:
    """What zpaq -m5 makes of the file, its headers counted."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "a.zpaq"
        command = ["zpaq", "add", str(archive), str(path), "-m5", "-t1"]
        subprocess.run(command, check=True, capture_output=True)
        return 8 * archive.stat().st_size / path.stat().st_size


def cut(data: bytes, num_bytes: int) -> list[bytes]:
    """At most ``_MESSAGES`` messages of so many bytes, spread evenly."""
    whole = [data[i : i + num_bytes] for i in range(0, len(data) - num_bytes + 1, num_bytes)]
    return whole[:: max(1, len(whole) // _MESSAGES)][:_MESSAGES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, help="an exported model; its primer is used too")
    parser.add_argument("--levels", nargs="+", type=Level, default=list(Level))
    parser.add_argument("--lanes", nargs="+", type=int, default=[None])
    parser.add_argument("--cut", nargs="+", type=int, default=[0])
    parser.add_argument("--zpaq", action="store_true")
    options = parser.parse_args()
    model = None if options.model is None else read_model(options.model)
    engine = None if model is None else model.engine()
    primer = b"" if model is None else model.primer
    for path in options.files:
        data = path.read_bytes()
        print(f"{path.name}, {len(data)} bytes")
        if options.zpaq and shutil.which("zpaq"):
            print(f"  {'zpaq -m5':28s} {zpaq_bits_per_byte(path):8.4f} bits/byte")
        for num_bytes in options.cut:
            blocks = cut(data, num_bytes) if num_bytes else [data]
            for level in options.levels:
                for lanes in options.lanes:
                    name = f"{level} lanes={lanes or 'by size'}"
                    name += f" messages of {num_bytes}" if num_bytes else ""
                    row = measure(blocks, level, engine, primer, lanes)
                    print(f"  {name:28s} {row}", flush=True)


if __name__ == "__main__":
    main()
