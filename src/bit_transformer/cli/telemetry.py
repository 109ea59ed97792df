"""``bit-transformer telemetry``: K, C and S of a file, whole and window by window."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bit_transformer.cli.parser import Parser
from bit_transformer.errors import DataError, InputError
from bit_transformer.telemetry.gates import Gate, Gates

if TYPE_CHECKING:
    from torch import Tensor

    from bit_transformer.telemetry import Measurement, Trace
    from bit_transformer.telemetry.compressed import Predict

__all__ = ["build_parser", "run"]

_EXAMPLES = """\
examples:
  bit-transformer telemetry FILE                         by windows of 4 KB
  bit-transformer telemetry FILE --window 1024 --stride 256 --plot file.png
  bit-transformer telemetry FILE --model runs/NAME       what a model makes of it
  bit-transformer telemetry FILE --gate "warn:s<0.5" --gate "c>0.98"
  bit-transformer telemetry FILE --frame --which both    of a frame: its source and its bits

k   negentropy: 0 for a fair coin, 1 for what is certain
c   complexity: the new phrases that Lempel and Ziv find; 1 for a fair coin, 0 for what repeats
s   symbiosis: 1 where bits cost what was expected, low where they come from another world;
    expected by the model, or without one by the rest of the file
model_k   negentropy of what was expected
"""

_MEANINGS = {"k": "K", "c": "C", "s": "S", "model_k": "K expected"}

_WIDTH = 100
"""Characters of a line where no terminal says how wide it is."""


def build_parser() -> Parser:
    """The parser of this verb."""
    parser = Parser(
        prog="bit-transformer telemetry",
        description="Measure K, C and S of a file, as a whole and window by window.",
        epilog=_EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what to look at")
    parser.add_argument("--model", metavar="RUN_OR_CHECKPOINT", help="whose expectation S is")
    parser.add_argument("--best", action="store_true", help="a run's best checkpoint, not newest")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:1, ... [cpu]")
    parser.add_argument("--window", type=int, default=4096, metavar="BYTES", help="[4096]")
    parser.add_argument("--stride", type=int, metavar="BYTES", help="[a window]")
    parser.add_argument(
        "--limit", type=int, default=1_000_000, metavar="BYTES", help="read so many [1000000]"
    )
    parser.add_argument(
        "--frame", action="store_true", help="FILE is a frame, as 'codec compress' writes it"
    )
    parser.add_argument(
        "--which",
        choices=("source", "stream", "both"),
        default="source",
        help="of a frame: what it decompresses to, its own bits, or both [source]",
    )
    parser.add_argument(
        "--gate", action="append", default=[], metavar="GATE", help="such as s<0.4 or warn:c>0.98"
    )
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the windows' values")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


@dataclass(frozen=True)
class _Findings:
    """What was measured of one file, under headings: data, or source and stream."""

    measured: "dict[str, Measurement]"
    expected_by: str | None
    problem: str | None


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from bit_transformer.cli.plots import check_plotting, plot_traces

    gates = [Gate.parse(text, smoothing=0.0, burn_in=0) for text in arguments.gate]
    _check(arguments)
    if arguments.plot is not None:
        check_plotting()
    content, num_bytes = _read(arguments.file, arguments.limit)
    findings = _measure(arguments, content)
    closed = {
        heading: _closed_gates(gates, found.traces) for heading, found in findings.measured.items()
    }
    if arguments.json:
        print(json.dumps(_as_dict(arguments, content, findings, closed), indent=2))
    else:
        _show(arguments, f"{_share(len(content), num_bytes)} of {arguments.file}", findings)
        _show_gates(closed, has_gates=bool(gates))
    if arguments.plot is not None and findings.measured:
        groups = {heading: found.traces for heading, found in findings.measured.items()}
        plot_traces(arguments.plot, groups, str(arguments.file))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.limit < 1 or arguments.window < 1:
        raise InputError(
            f"--limit and --window are at least one byte, not {arguments.limit} and "
            f"{arguments.window}"
        )
    if arguments.stride is not None and not 1 <= arguments.stride <= arguments.window:
        raise InputError(
            f"--stride {arguments.stride} must lie between 1 and the window, {arguments.window} "
            "bytes, so that no byte is left out"
        )
    if arguments.which != "source" and not arguments.frame:
        raise InputError(f"--which {arguments.which} is for frames; add --frame if FILE is one")


def _read(path: Path, limit: int) -> tuple[bytes, int]:
    from bit_transformer.bits.files import reading_errors

    with reading_errors(path), path.open("rb") as file:
        content = file.read(limit)
        num_bytes = max(path.stat().st_size, len(content))
    if not content:
        raise DataError(f"{path} is empty; there is nothing to measure")
    return content, num_bytes


def _measure(arguments: argparse.Namespace, content: bytes) -> _Findings:
    from bit_transformer.bits import bytes_to_bits, pack_bits
    from bit_transformer.telemetry import measure, measure_compressed

    predict, expected_by = _expectation(arguments)
    window = arguments.window * 8
    stride = None if arguments.stride is None else arguments.stride * 8
    bits = bytes_to_bits(content)
    if not arguments.frame:
        found = measure(bits, logits=predict(bits, "source"), window=window, stride=stride)
        return _Findings({"data": found}, expected_by, None)
    frame = measure_compressed(
        pack_bits(bits),
        packed=True,
        which=arguments.which,
        predict=predict,
        window=window,
        stride=stride,
        max_bits=8 * arguments.limit,
    )
    pairs = {"source": frame.source, "stream": frame.stream}
    return _Findings(
        {heading: found for heading, found in pairs.items() if found is not None},
        expected_by,
        None if frame.error is None else str(frame.error),
    )


def _expectation(arguments: argparse.Namespace) -> "tuple[Predict, str]":
    """The predictions that S is about, and in words where they are from."""
    if arguments.model is not None:
        return _model_expectation(arguments), str(arguments.model)

    from bit_transformer.telemetry import rest_logits

    window = arguments.window * 8

    def predict(bits: "Tensor", _kind: Literal["source", "stream"]) -> "Tensor | None":
        # With less than two windows there is no rest to expect anything.
        return rest_logits(bits, window=window) if len(bits) >= 2 * window else None

    return predict, "the rest of the data"


def _model_expectation(arguments: argparse.Namespace) -> "Predict":
    from bit_transformer.checkpoint import load_metadata, load_model, resolve_checkpoint
    from bit_transformer.cli.coding import Coding
    from bit_transformer.cli.predicting import predict_bits
    from bit_transformer.recipes import build_config
    from bit_transformer.training.machine import choose_machine

    machine = choose_machine(build_config("default", {"device": arguments.device}))
    checkpoint = resolve_checkpoint(arguments.model, prefer="best" if arguments.best else "newest")
    model = load_model(checkpoint, device=machine.device)
    coding = Coding.of(load_metadata(checkpoint))

    def predict(bits: "Tensor", kind: Literal["source", "stream"]) -> "Tensor":
        view = "direct" if kind == "stream" else "raw"
        return predict_bits(model, bits, coding, view=view, is_quiet=arguments.quiet)

    return predict


def _closed_gates(gates: list[Gate], traces: "dict[str, Trace]") -> list[dict[str, Any]]:
    """Where gates changed their mind, window by window."""
    if not gates:
        return []
    states, changes, last = Gates(gates), [], "pass"
    for number, start in enumerate(next(iter(traces.values())).starts):
        values = {name: float(trace.values[number]) for name, trace in traces.items()}
        verdict = states.update(values)
        if verdict.action != last:
            changes.append(
                {"byte": start // 8, "action": verdict.action, "reasons": list(verdict.reasons)}
            )
            last = verdict.action
    return changes


def _as_dict(
    arguments: argparse.Namespace,
    content: bytes,
    findings: _Findings,
    closed: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    return {
        "file": str(arguments.file),
        "num_bytes": len(content),
        "expected_by": findings.expected_by,
        "problem": findings.problem,
        **{heading: found.as_dict() for heading, found in findings.measured.items()},
        "gates": closed,
    }


def _show(arguments: argparse.Namespace, what: str, findings: _Findings) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from bit_transformer.cli.spark import spark_line

    width = None if sys.stdout.isatty() else _WIDTH
    console = Console(file=sys.stdout, highlight=False, width=width)
    print(f"{what}, in windows of {arguments.window:,} bytes")
    if any(found.s is not None for found in findings.measured.values()):
        print(f"S: as {findings.expected_by} would expect")
    if findings.problem is not None:
        print(f"not decodable: {findings.problem}")
    for heading, found in findings.measured.items():
        table = Table(box=SIMPLE_HEAD)
        for title in ("", "whole", "mean", "lowest", "at byte", "highest", "at byte", heading):
            table.add_column(
                title, no_wrap=True, justify="left" if title in ("", heading) else "right"
            )
        for name, trace in found.traces.items():
            whole = found.values().get(name)
            lowest, lowest_at = trace.lowest
            highest, highest_at = trace.highest
            table.add_row(
                _MEANINGS[name],
                "-" if whole is None else f"{whole:.3f}",
                f"{trace.mean:.3f}",
                f"{lowest:.3f}",
                f"{lowest_at // 8:,}",
                f"{highest:.3f}",
                f"{highest_at // 8:,}",
                spark_line(trace.values.tolist(), encoding=console.encoding),
            )
        console.print(table)


def _show_gates(closed: dict[str, list[dict[str, Any]]], *, has_gates: bool) -> None:
    for heading, changes in closed.items():
        for change in changes:
            reasons = f": {'; '.join(change['reasons'])}" if change["reasons"] else ""
            print(f"{change['action']} at byte {change['byte']:,} of the {heading}{reasons}")
        if has_gates and not changes:
            print(f"pass: no gate closes anywhere in the {heading}")


def _share(num_bytes: int, total: int) -> str:
    return f"all {total:,} bytes" if num_bytes >= total else f"{num_bytes:,} of {total:,} bytes"
