"""Fuzzing of every decoder: inputs that reach new code, for a stated time, and what they broke.

    python -m benchmarks.fuzz_decoders [--seconds 600] [--targets lz frame] [--keep]

For each target, the first part of the time goes to atheris (libFuzzer for Python, in the extra
``fuzz``): coverage-guided, on the uncompiled loops, whose every branch it sees. The other part goes
to random changes of the inputs so found, on the compiled loops with their bounds checked, which
are hundreds of times quicker. The libraries' own C code is not instrumented.
What must hold of each input stands in tests/codecs/fuzzing.py.

Reported: executions, failures, the slowest one, and the peak of memory above that before the
first execution, as Linux's /proc has it. With ``--keep`` the inputs that reach code of their own
replace tests/codecs/corpus, which a test replays. The last line is JSON.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha1
from importlib import import_module
from pathlib import Path
from types import FrameType

import numpy as np

from tests.codecs.fuzzing import TARGETS, check, read_corpus, seeds, write_corpus

MAX_INPUT_BYTES = 600
HANG_S = 30
Step = tuple[str, int, int]
MEMORY_LIMIT_MB = 1024


@dataclass
class Part:
    """One engine's work on one target."""

    target: str
    engine: str
    executions: int
    failures: list[str]
    slowest_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for each target")
    parser.add_argument("--targets", nargs="+", default=TARGETS, choices=TARGETS)
    parser.add_argument("--compiled-share", type=float, default=0.3, help="of the time")
    parser.add_argument("--keep", action="store_true", help="replace the kept inputs")
    parser.add_argument("--worker", nargs=3, metavar=("ENGINE", "FOLDER", "SECONDS"))
    arguments = parser.parse_args()
    if arguments.worker:
        engine, folder, seconds = arguments.worker
        work = {"atheris": run_atheris, "compiled": run_compiled, "merge": run_merge}[engine]
        work(arguments.targets[0], Path(folder), float(seconds))
        return
    parts = []
    print(
        f"{'target':<18}{'engine':<10}{'executions':>12}{'failures':>10}{'slowest s':>11}{'MB':>8}"
    )
    for target in arguments.targets:
        for part in fuzz(target, arguments):
            parts.append(part)
            print(
                f"{part.target:<18}{part.engine:<10}{part.executions:>12,}{len(part.failures):>10}"
                f"{part.slowest_s:>11.3f}{part.peak_mb:>8.1f}",
                flush=True,
            )
            for failure in part.failures:
                print(f"    {failure}")
    print(
        json.dumps(
            {
                "benchmark": "fuzz_decoders",
                "seconds": arguments.seconds,
                "compiled_share": arguments.compiled_share,
                "results": [asdict(part) for part in parts],
            }
        )
    )
    sys.exit(1 if any(part.failures for part in parts) else 0)


def fuzz(target: str, arguments: argparse.Namespace) -> list[Part]:
    """The work of both engines on one target."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as root:
        found, kept = Path(root, "found"), Path(root, "kept")
        found.mkdir()
        kept.mkdir()
        for data in {*seeds(target), *kept_inputs(target)}:
            (found / sha1(data).hexdigest()).write_bytes(data)
        compiled_s = arguments.seconds * arguments.compiled_share
        uncompiled = {"NUMBA_DISABLE_JIT": "1"}
        checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(Path(root, "cache"))}
        parts = [
            run_worker(target, "atheris", found, arguments.seconds - compiled_s, uncompiled),
            run_worker(target, "compiled", found, compiled_s, checked),
        ]
        if arguments.keep:
            run_worker(target, "merge", found, 0, uncompiled)
            if not any(kept.iterdir()):
                raise SystemExit(f"no input of {target} could be kept; the old ones stay")
            write_corpus(target, [path.read_bytes() for path in kept.iterdir()])
    return parts


def kept_inputs(target: str) -> list[bytes]:
    try:
        return read_corpus(target)
    except FileNotFoundError:
        return []


def run_worker(
    target: str, engine: str, folder: Path, seconds: float, variables: dict[str, str]
) -> Part:
    """One engine in a process of its own, which it may crash."""
    command = [sys.executable, "-m", "benchmarks.fuzz_decoders", "--targets", target]
    done = subprocess.run(
        [*command, "--worker", engine, str(folder), str(seconds)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        errors="replace",
    )
    return read_report(target, engine, done.returncode, done.stdout + done.stderr)


def read_report(target: str, engine: str, code: int, text: str) -> Part:
    """What a worker printed, in numbers."""

    def number(pattern: str) -> float:
        values = re.findall(pattern, text)
        return float(values[-1]) if values else 0.0

    failures = re.findall(r"^FAILURE (.*)$", text, re.MULTILINE)
    if code and not failures:
        failures = [f"exit code {code}: " + " | ".join(text.strip().splitlines()[-4:])]
    return Part(
        target,
        engine,
        executions=int(number(r"(?:number_of_executed_units: +|EXECUTIONS )(\d+)")),
        failures=failures,
        slowest_s=number(r"SLOWEST ([\d.]+)"),
        peak_mb=number(r"PEAK ([\d.]+)"),
    )


def run_atheris(target: str, folder: Path, seconds: float) -> None:
    """Inputs by coverage; libFuzzer ends the process."""
    fuzz_with_atheris(
        target,
        [
            str(folder),
            f"-max_total_time={max(1, round(seconds))}",
            f"-max_len={MAX_INPUT_BYTES}",
            f"-timeout={HANG_S}",
            f"-rss_limit_mb={MEMORY_LIMIT_MB}",
            f"-artifact_prefix={folder.parent}/",
            "-print_final_stats=1",
            "-verbosity=0",
        ],
    )


def run_merge(target: str, folder: Path, _seconds: float) -> None:
    """Few inputs that reach every step from line to line that the found ones reach, small first."""
    seen: set[Step] = set()
    for path in sorted(folder.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        data = path.read_bytes()
        steps = traced_steps(target, data)
        if not steps <= seen:
            seen |= steps
            (folder.with_name("kept") / path.name).write_bytes(data)


def traced_steps(target: str, data: bytes) -> set[Step]:
    """The pairs of lines of this package that one check runs through one after the other."""
    steps: set[Step] = set()

    def trace(frame: FrameType, _event: str, _argument: object) -> Callable | None:
        file = frame.f_code.co_filename
        if "bit_transformer" not in file:
            return None
        last = 0

        def trace_lines(frame: FrameType, event: str, _argument: object) -> Callable:
            nonlocal last
            if event == "line":
                steps.add((file, last, frame.f_lineno))
                last = frame.f_lineno
            return trace_lines

        return trace_lines

    sys.settrace(trace)
    try:
        check(target, data)
    finally:
        sys.settrace(None)
    return steps


def fuzz_with_atheris(target: str, options: list[str]) -> None:
    atheris = import_module("atheris")  # in the extra fuzz

    for name in [name for name in sys.modules if name.startswith("bit_transformer.codecs")]:
        del sys.modules[name]  # so that they are instrumented when they come back
    del sys.modules["tests.codecs.fuzzing"]
    with atheris.instrument_imports(include=["bit_transformer.codecs"]):
        from tests.codecs.fuzzing import check as instrumented_check
        from tests.codecs.fuzzing import seeds as instrumented_seeds

        # Codecs, their kernels and their libraries are imported on first use: here.
        for data in instrumented_seeds(target):
            instrumented_check(target, data)
    watch = Watch()

    def test_one(data: bytes) -> None:
        with watch:
            instrumented_check(target, data)
        watch.report()

    np.seterr(over="ignore")
    atheris.Setup([sys.argv[0], *options], test_one)
    atheris.Fuzz()


def run_compiled(target: str, folder: Path, seconds: float) -> None:
    """Random changes of the inputs, checked on compiled code."""
    rng = np.random.default_rng(0)
    inputs = [path.read_bytes() for path in folder.iterdir()]
    for data in inputs:  # compiles what is compiled
        check(target, data)
    watch = Watch()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = changed(inputs[rng.integers(len(inputs))], inputs, rng)
        try:
            with watch:
                check(target, data)
        except Exception as error:  # noqa: BLE001 - whatever comes is what was looked for
            print(f"FAILURE {type(error).__name__}: {error} on {data.hex()}", flush=True)
            break
    print(f"EXECUTIONS {watch.executions}")
    watch.report(is_last=True)


def changed(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """An input with a few changes: bits flipped, bytes set, cut, doubled, or another's end."""
    array = bytearray(data or b"\0")
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(len(array)))
        match int(rng.integers(6)):
            case 0:
                array[place] ^= 1 << int(rng.integers(8))
            case 1:
                array[place] = (0, 1, 127, 128, 255, int(rng.integers(256)))[rng.integers(6)]
            case 2:
                del array[max(1, place) :]
            case 3:
                array[place:place] = array[place : place + int(rng.integers(1, 40))]
            case 4:
                other = others[rng.integers(len(others))]
                array[place:] = other[place:] or b"\0"
            case _:
                array += rng.bytes(int(rng.integers(1, 30)))
    return bytes(array[:MAX_INPUT_BYTES])


class Watch:
    """Counts executions, and keeps the time of the slowest and the peak of memory."""

    def __init__(self) -> None:
        self.executions = 0
        self.slowest_s = 0.0
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        self._before_mb = memory_mb("VmRSS")

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.executions += 1
        self.slowest_s = max(self.slowest_s, time.perf_counter() - self._started)

    def report(self, *, is_last: bool = False) -> None:
        """Print the figures; libFuzzer gives no chance to do so at the end only."""
        if is_last or self.executions & (self.executions - 1) == 0 or self.executions % 4096 == 0:
            print(f"SLOWEST {self.slowest_s:.4f}")
            print(f"PEAK {memory_mb('VmHWM') - self._before_mb:.1f}", flush=True)


def memory_mb(line: str) -> float:
    """A line of what Linux says about this process's memory, in MB."""
    text = Path("/proc/self/status").read_text()
    return int(re.findall(rf"^{line}:\s+(\d+) kB", text, re.MULTILINE)[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
