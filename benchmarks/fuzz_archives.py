"""Fuzzing of every reader of archives: millions of changed bytes, and what they broke.

    python -m benchmarks.fuzz_archives [--megabytes 100] [--coder-megabytes 1] [--targets NAME ...]
        [--seconds S] [--check-bounds]

Changed inputs are read in every way there is (tests/archive/fuzzing.py says which, and what must
hold). A fault is any exception but ArchiveError, any content that is not what was compressed, and
any input that takes longer than ``--hang`` seconds of CPU. The targets that test the container use
deflate in the place of the coder, and share ``--megabytes``; those that test the real coder are
slower by far, and share ``--coder-megabytes``. ``--seconds`` stops each target after so much time.
With ``--check-bounds`` the coder is compiled so that every index is checked, and one outside its
array is a fault, where it would else read or write what it should not. "through the coder" counts
bytes of payloads that the real coder has decoded. A process that crashes is noticed by its parent.
The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from bit_transformer.archive import coding
from tests.archive.fuzzing import TARGETS, mutate, try_input
from tests.archive.simple_coder import decode, encode


@dataclass
class Report:
    """What came of one target."""

    target: str
    num_inputs: int = 0
    num_bytes: int = 0
    num_coder_bytes: int = 0
    slowest_s: float = 0.0
    cpu_s: float = 0.0
    faults: list[str] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--coder-megabytes", type=float, default=1)
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=TARGETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hang", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=1e9, help="for each target at most")
    parser.add_argument("--check-bounds", action="store_true")
    parser.add_argument("--worker", type=float, help="bytes to do, in this process")
    arguments = parser.parse_args()
    if arguments.worker:
        (name,) = arguments.targets
        print(json.dumps(asdict(fuzz(name, arguments))))
        return
    reports = []
    print(
        f"{'target':<12}{'inputs':>12}{'bytes':>14}{'through the coder':>19}{'slowest s':>12}"
        f"{'CPU s':>9}{'faults':>8}"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if arguments.check_bounds:  # numba does not tell such code from other code in its cache
            environment |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": folder}
        for name in arguments.targets:
            report = in_a_process(name, arguments, environment)
            reports.append(report)
            show(report)
    total = sum(report.num_bytes for report in reports)
    through = sum(report.num_coder_bytes for report in reports)
    print(f"{total:,} bytes in all, {through:,} through the coder")
    results = [asdict(report) for report in reports]
    facts = {"seed": arguments.seed, "check_bounds": arguments.check_bounds}
    print(json.dumps({"benchmark": "fuzz_archives", **facts, "results": results}))
    sys.exit(1 if any(report.faults for report in reports) else 0)


def show(report: Report) -> None:
    """One row of the table, and what was found."""
    print(
        f"{report.target:<12}{report.num_inputs:>12,}{report.num_bytes:>14,}"
        f"{report.num_coder_bytes:>19,}{report.slowest_s:>12.3f}{report.cpu_s:>9.0f}"
        f"{len(report.faults):>8}",
        flush=True,
    )
    for fault in report.faults:
        print(f"    {fault}")


def in_a_process(name: str, arguments: argparse.Namespace, environment: dict[str, str]) -> Report:
    """One target in a process of its own, which it may crash."""
    needs_coder = TARGETS[name].needs_coder
    share = sum(TARGETS[other].needs_coder == needs_coder for other in arguments.targets)
    megabytes = arguments.coder_megabytes if needs_coder else arguments.megabytes
    options = ["--seed", str(arguments.seed), "--hang", str(arguments.hang)]
    options += ["--seconds", str(arguments.seconds)]
    command = [sys.executable, "-m", "benchmarks.fuzz_archives", "--targets", name, *options]
    done = subprocess.run(
        [*command, "--worker", str(megabytes * 1e6 / share)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    try:
        return Report(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        tail = " | ".join(done.stderr.strip().splitlines()[-4:])
        return Report(name, faults=[f"exit code {done.returncode}: {tail}"])


def fuzz(name: str, arguments: argparse.Namespace) -> Report:
    """Changed inputs until there were so many bytes of them, the time is up, or ten faults."""
    target, report = TARGETS[name], Report(name)
    if target.needs_coder:
        coding.decode_blocks = counting(coding.decode_blocks, report)
    else:
        coding.encode_blocks, coding.decode_blocks = encode, decode
    seeds, random = target.seeds(), Random(f"{name} {arguments.seed}")
    begun, end_s = time.process_time(), time.monotonic() + arguments.seconds
    while report.num_bytes < arguments.worker and len(report.faults) < 10:
        if time.monotonic() > end_s:
            break
        data = mutate(random.choice(seeds), seeds, random)
        if target.repairs is not None and random.randrange(4):
            data = target.repairs(data)
        started = time.process_time()
        try:
            fault = try_input(target, data)
        except Exception as error:  # noqa: BLE001 - whatever comes is what was looked for
            fault = f"{type(error).__name__}: {error}"
        elapsed = time.process_time() - started
        if fault is None and elapsed > arguments.hang:
            fault = f"it took {elapsed:.1f} s"
        if fault is not None:
            report.faults.append(f"{fault} on {data.hex()}")
        report.num_inputs += 1
        report.num_bytes += len(data)
        report.slowest_s = max(report.slowest_s, elapsed)
    report.cpu_s = time.process_time() - begun
    return report


def counting(decode_blocks: Callable[..., list[bytes]], report: Report) -> Callable[..., Any]:
    """The decoder, which counts the bytes that it is given."""

    def decode_counted(payloads: Sequence[bytes], *means: Any, **options: Any) -> list[bytes]:
        report.num_coder_bytes += sum(map(len, payloads))
        return decode_blocks(payloads, *means, **options)

    return decode_counted


if __name__ == "__main__":
    main()
