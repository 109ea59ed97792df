"""What the dashboard costs a training beside it, how far behind it shows, and how it grows.

    python benchmarks/dashboard_load.py [--viewers 10] [--phases 6] [--phase-s 15] [--updates 14400]

A server and a training are started as processes of their own. In every second phase, viewers
follow the training as the page does, with one request that waits for news after the other. The
training's speed is the median over the rows of a phase; each phase with viewers is compared with
the phases around it, so that a busy machine slows both alike. The server's share of a processor
is read from the system, and hardly depends on what else runs.

The delay is measured on a second run, whose rows are written here, at the pace of a training,
with their time: from just before a row is written to when a viewer has it whole, while the other
training goes on. Memory is the server's resident set, after a first thousand updates of that run
and after all: an hour of four updates a second, as quickly as they can be asked for.

Viewers run in this process, so their own work counts as cost, too. The last line is JSON.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROW_EVERY_S = 0.3
WARM_UP_UPDATES = 1000
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--phases", type=int, default=6, help="with and without viewers, in turn")
    parser.add_argument("--phase-s", type=float, default=15.0)
    parser.add_argument("--updates", type=int, default=14_400)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--threads", type=int, help="of the training; PyTorch's choice if unset")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        server, port = start_server(runs)
        try:
            result = measure(arguments, runs, server, port)
        finally:
            server.terminate()
            server.wait()
    print(json.dumps({"benchmark": "dashboard_load", **vars(arguments), **result}))


def start_server(runs: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "bit_transformer", "dashboard", "--no-browser"]
    command += ["--port", "0", "--runs", str(runs)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = server.stdout.readline().split()[-1]
    return server, int(url.rstrip("/").rpartition(":")[2])


def measure(
    arguments: argparse.Namespace, runs: Path, server: subprocess.Popen[str], port: int
) -> dict[str, Any]:
    options = {"compile": "off", "threads": arguments.threads}
    body = {"name": "trained", "recipe": arguments.recipe, "budget": "24h", "options": options}
    ask(port, "POST", "/runs", body)
    wait_for_rows(runs / "trained" / "metrics.jsonl", 5)
    try:
        result = compare_phases(arguments, runs, server, port)
        result |= asyncio.run(measure_delay(arguments, runs, port))
    finally:
        ask(port, "POST", "/runs/trained/stop", {})
        wait_until_over(port)
    return result | asyncio.run(measure_memory(arguments, runs, server, port))


def compare_phases(
    arguments: argparse.Namespace, runs: Path, server: subprocess.Popen[str], port: int
) -> dict[str, Any]:
    """The training's speed with viewers over that without, and the server's processor time."""
    path = runs / "trained" / "metrics.jsonl"
    speeds, shares = [], []
    for number in range(arguments.phases + 1):
        num_viewers = arguments.viewers if number % 2 else 0
        first, busy = num_rows(path), cpu_s(server.pid)
        started = time.monotonic()
        num_answers = asyncio.run(watch(port, "trained", num_viewers, arguments.phase_s))
        share = (cpu_s(server.pid) - busy) / (time.monotonic() - started)
        speeds.append(speed(path, first))
        print(
            f"{num_viewers:>3} viewers: {speeds[-1]:>10,.0f} bytes/s of training, "
            f"{share:.1%} of a processor for the server, {num_answers} answers"
        )
        if num_viewers:
            shares.append(share)
    ratios = [
        speeds[place] / statistics.mean([speeds[place - 1], speeds[place + 1]])
        for place in range(1, len(speeds) - 1, 2)
    ]
    cost = 1 - statistics.median(ratios)
    print(f"cost of the viewers: {cost:.1%} of the training's speed")
    return {
        "cost_of_speed": cost,
        "speed_ratios": ratios,
        "server_share_of_a_processor": statistics.median(shares),
    }


async def watch(port: int, run: str, num_viewers: int, duration_s: float) -> int:
    """Follow a run with so many viewers; how many answers they had."""
    if not num_viewers:
        await asyncio.sleep(duration_s)
        return 0
    until = time.monotonic() + duration_s
    counts = await asyncio.gather(*(view(port, run, until) for _ in range(num_viewers)))
    return sum(counts)


async def view(port: int, run: str, until: float) -> int:
    connection, token, count = await Connection.open(port), "", 0
    while time.monotonic() < until:
        answer = await connection.metrics(run, token, wait_s=2.0)
        token, count = answer["next"], count + 1
    connection.close()
    return count


async def measure_delay(arguments: argparse.Namespace, runs: Path, port: int) -> dict[str, Any]:
    """How long after it was written a row is with each viewer."""
    path = write_folder(runs / "written")
    delays: list[float] = []
    num_rows_written = 60

    async def follow() -> None:
        connection, token, seen = await Connection.open(port), "", 0
        while seen < num_rows_written:
            answer = await connection.metrics("written", token, wait_s=5.0)
            now = time.time()
            token = answer["next"]
            columns = answer["series"]["train"]
            if answer["is_reset"]:
                seen = len(columns["step"])
            elif columns["step"]:
                seen += len(columns["step"])
                # The times were written in milliseconds of this day, for six digits to hold them.
                delays.extend(now % 1000 - at for at in columns["written_at"])
        connection.close()

    async def write() -> None:
        for step in range(1, num_rows_written + 1):
            await asyncio.sleep(ROW_EVERY_S)
            append_row(path, {"step": step, "kind": "train", "written_at": time.time() % 1000})

    await asyncio.gather(write(), *(follow() for _ in range(arguments.viewers)))
    delays = sorted(delay for delay in delays if delay > 0)
    found = {
        "delay_median_s": statistics.median(delays),
        "delay_95_s": delays[int(0.95 * len(delays))],
        "delay_most_s": delays[-1],
    }
    print(
        f"delay behind the run, of {len(delays)}: median {found['delay_median_s'] * 1000:.0f} ms, "
        f"95 % within {found['delay_95_s'] * 1000:.0f} ms, most {found['delay_most_s'] * 1000:.0f}"
    )
    return found


async def measure_memory(
    arguments: argparse.Namespace, runs: Path, server: subprocess.Popen[str], port: int
) -> dict[str, Any]:
    path = runs / "written" / "metrics.jsonl"
    connection = await Connection.open(port)
    token, before = "", 0
    sample = dict.fromkeys(("bits_per_byte", "bits_per_bit", "grad_norm", "lr"), 1.234567)
    for number in range(arguments.updates + WARM_UP_UPDATES):
        if number == WARM_UP_UPDATES:
            before = resident_bytes(server.pid)
        append_row(path, {"step": 1000 + number, "kind": "train", **sample})
        token = (await connection.metrics("written", token))["next"]
    after = resident_bytes(server.pid)
    connection.close()
    print(
        f"memory of the server: {before / 1e6:.1f} MB, after {arguments.updates:,} updates "
        f"{after / 1e6:.1f} MB"
    )
    return {"memory_before_bytes": before, "memory_after_bytes": after}


class Connection:
    """One viewer's connection, kept open as browsers keep theirs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """A new connection to the dashboard."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 26))

    async def metrics(self, run: str, token: str, wait_s: float = 0.0) -> dict[str, Any]:
        """What is new since a token."""
        path = f"/api/v1/runs/{run}/metrics?since={token}&wait_s={wait_s}"
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        return json.loads(await self._reader.readexactly(length))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def ask(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for_rows(path: Path, count: int) -> None:
    while not path.exists() or num_rows(path) < count:
        time.sleep(0.2)


def wait_until_over(port: int) -> None:
    while ask(port, "GET", "/runs/trained")["status"] in ("starting", "running"):
        time.sleep(0.2)


def num_rows(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def speed(path: Path, first_row: int) -> float:
    lines = path.read_bytes().split(b"\n")[first_row + 1 : -1]
    rows = [json.loads(line) for line in lines]
    return statistics.median([row["bytes_per_s"] for row in rows if row["kind"] == "train"])


def write_folder(path: Path) -> Path:
    """A run folder that this process writes, and its file of metrics."""
    from bit_transformer.recipes import build_config
    from bit_transformer.runs import RunFolder

    run = RunFolder.create(path)
    run.write_config(build_config("tiny").model_dump(mode="json"))
    run.write_status("running", 0)
    append_row(run.metrics_path, {"step": 0, "kind": "train", "written_at": 0.0})
    return run.metrics_path


def append_row(path: Path, row: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
