"""How many bytes per second a training step takes in, for several recipes side by side.

    python benchmarks/training_throughput.py default nanogpt
    python benchmarks/training_throughput.py default default,model.head=softmax default,compile=on
    python benchmarks/training_throughput.py demo,threads=1 demo,threads=2 --rounds 5
    python benchmarks/training_throughput.py default --profile

A variant is a recipe's name and changes to it. The variants take turns, a few steps each, so that
whatever else the machine does falls on all of them; the ratios to the first variant are the result,
the rates depend on the machine. Steps are whole steps of the trainer: reading, both passes,
clipping, the optimisers.

The last line is the same as JSON.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from torch import profiler

from bit_transformer.recipes import build_config
from bit_transformer.runs import RunFolder
from bit_transformer.training.loop import take_step
from bit_transformer.training.meter import Meter
from bit_transformer.training.processes import Processes
from bit_transformer.training.reporting import SilentReporter
from bit_transformer.training.session import Session, open_session

PROFILE_ROWS = 25


class Variant:
    """One configuration, ready to take steps, with the rates it had."""

    def __init__(self, text: str, data: Path | None, folder: Path, stack: ExitStack) -> None:
        self.text = text
        recipe, *changes = re.split(r",(?![^\[]*\])", text)  # not at commas within a list
        layers = [parse_change(change) for change in changes]
        if data is not None:
            layers.append({"data": {"paths": [str(data)]}})
        config = build_config(recipe, *layers)
        run = RunFolder(folder)
        self.session: Session = open_session(config, run, Processes(), SilentReporter())
        self.loader = stack.enter_context(self.session.new_loader())
        self.meter = Meter(self.session, self.loader)
        self.kb_per_s: list[float] = []

    def take_steps(self, num_steps: int) -> float:
        """The seconds that so many steps take."""
        batches = iter(self.loader)
        started = time.perf_counter()
        for _ in range(num_steps):
            take_step(self.session, batches, self.meter)
        return time.perf_counter() - started

    def result(self, first: "Variant") -> dict[str, Any]:
        """Medians over the turns; the ratio is that of the turns next to each other."""
        ratios = [own / other for own, other in zip(self.kb_per_s, first.kb_per_s, strict=True)]
        rate = statistics.median(self.kb_per_s)
        return {
            "variant": self.text,
            "kb_per_s": rate,
            "ratio": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "step_ms": self.session.config.batch_bytes / rate,
            "num_parameters": self.session.state.model.num_parameters(),
            "precision": self.session.machine.precision,
        }


def main() -> None:
    arguments = parse_arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        variants = [Variant(text, arguments.data, folder, stack) for text in arguments.variants]
        for variant in variants:
            variant.take_steps(arguments.warm_up)
        for _ in range(arguments.rounds):
            for variant in variants:
                elapsed_s = variant.take_steps(arguments.steps)
                num_bytes = arguments.steps * variant.session.config.batch_bytes
                variant.kb_per_s.append(num_bytes / elapsed_s / 1000)
        if arguments.profile:
            for variant in variants:
                print_profile(variant, arguments.steps)
        results = [variant.result(variants[0]) for variant in variants]
    print_table(results)
    print(json.dumps({"steps": arguments.steps, "rounds": arguments.rounds, "variants": results}))


def parse_change(change: str) -> dict[str, Any]:
    """The nested settings that ``model.width=384`` says; a value that is no TOML is a text."""
    name, _, text = change.partition("=")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    settings: dict[str, Any] = {}
    inner = settings
    *outer, last = name.split(".")
    for part in outer:
        inner = inner.setdefault(part, {})
    inner[last] = value
    return settings


def print_profile(variant: Variant, num_steps: int) -> None:
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
        variant.take_steps(num_steps)
    print(f"{variant.text}: {num_steps} steps")
    print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=PROFILE_ROWS))


def print_table(results: list[dict[str, Any]]) -> None:
    width = max(len(result["variant"]) for result in results)
    print(
        f"{'variant':{width}}  {'KB/s':>8}  {'ratio (min to max)':>20}  {'step ms':>8}  parameters"
    )
    for result in results:
        spread = f"{result['ratio']:.2f} ({result['ratio_min']:.2f} to {result['ratio_max']:.2f})"
        print(
            f"{result['variant']:{width}}  {result['kb_per_s']:8.1f}  {spread:>20}  "
            f"{result['step_ms']:8.1f}  {result['num_parameters']:,}"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants", nargs="*", default=["default", "nanogpt"], metavar="VARIANT")
    parser.add_argument("--data", type=Path, help="files to read; the standard library if unset")
    parser.add_argument("--steps", type=int, default=10, help="steps of one turn [10]")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each variant [3]")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before the first turn [3]")
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
