"""Fuzzing of every reader of archives: millions of changed bytes, and what they broke.

    python -m benchmarks.fuzz_archives [--megabytes 100] [--coder-megabytes 1] [--targets NAME ...]

Changed inputs are read in every way there is (tests/archive/fuzzing.py says which, and what must
hold). A fault is any exception but ArchiveError, any content that is not what was compressed, and
any input that takes longer than ``--hang`` seconds of CPU. The targets that test the container use
deflate in the place of the coder, and share ``--megabytes``; those that test the real coder are
slower by far, and share ``--coder-megabytes``. A process that crashes is noticed by its parent.
The last line is JSON.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from random import Random

from bit_transformer.archive import coding
from tests.archive.fuzzing import TARGETS, mutate, try_input
from tests.archive.simple_coder import decode, encode


@dataclass
class Report:
    """What came of one target."""

    target: str
    num_inputs: int = 0
    num_bytes: int = 0
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
    parser.add_argument("--worker", type=float, help="bytes to do, in this process")
    arguments = parser.parse_args()
    if arguments.worker:
        (name,) = arguments.targets
        print(json.dumps(asdict(fuzz(name, arguments.worker, arguments.seed, arguments.hang))))
        return
    reports = []
    print(f"{'target':<12}{'inputs':>12}{'bytes':>14}{'slowest s':>12}{'CPU s':>9}{'faults':>8}")
    for name in arguments.targets:
        report = in_a_process(name, arguments)
        reports.append(report)
        print(
            f"{name:<12}{report.num_inputs:>12,}{report.num_bytes:>14,}{report.slowest_s:>12.3f}"
            f"{report.cpu_s:>9.0f}{len(report.faults):>8}",
            flush=True,
        )
        for fault in report.faults:
            print(f"    {fault}")
    total = sum(report.num_bytes for report in reports)
    print(f"{total:,} bytes in all")
    results = [asdict(report) for report in reports]
    print(json.dumps({"benchmark": "fuzz_archives", "seed": arguments.seed, "results": results}))
    sys.exit(1 if any(report.faults for report in reports) else 0)


def in_a_process(name: str, arguments: argparse.Namespace) -> Report:
    """One target in a process of its own, which it may crash."""
    needs_coder = TARGETS[name].needs_coder
    share = sum(TARGETS[other].needs_coder == needs_coder for other in arguments.targets)
    megabytes = arguments.coder_megabytes if needs_coder else arguments.megabytes
    options = ["--seed", str(arguments.seed), "--hang", str(arguments.hang)]
    command = [sys.executable, "-m", "benchmarks.fuzz_archives", "--targets", name, *options]
    done = subprocess.run(
        [*command, "--worker", str(megabytes * 1e6 / share)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return Report(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        tail = " | ".join(done.stderr.strip().splitlines()[-4:])
        return Report(name, faults=[f"exit code {done.returncode}: {tail}"])


def fuzz(name: str, num_bytes: float, seed: int, hang_s: float) -> Report:
    """Changed inputs until there were so many bytes of them, or ten faults."""
    target = TARGETS[name]
    if not target.needs_coder:
        coding.encode_blocks, coding.decode_blocks = encode, decode
    seeds, random = target.seeds(), Random(f"{name} {seed}")
    report = Report(name)
    begun = time.process_time()
    while report.num_bytes < num_bytes and len(report.faults) < 10:
        data = mutate(random.choice(seeds), seeds, random)
        if target.repairs is not None and random.randrange(4):
            data = target.repairs(data)
        started = time.process_time()
        try:
            fault = try_input(target, data)
        except Exception as error:  # noqa: BLE001 - whatever comes is what was looked for
            fault = f"{type(error).__name__}: {error}"
        elapsed = time.process_time() - started
        if fault is None and elapsed > hang_s:
            fault = f"it took {elapsed:.1f} s"
        if fault is not None:
            report.faults.append(f"{fault} on {data.hex()}")
        report.num_inputs += 1
        report.num_bytes += len(data)
        report.slowest_s = max(report.slowest_s, elapsed)
    report.cpu_s = time.process_time() - begun
    return report


if __name__ == "__main__":
    main()
