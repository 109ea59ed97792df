"""The run folder: where a trainer writes and everybody else reads.

Unlike ``checkpoint``, which knows what a saved model is, this room knows only the names of a
run's files, who is writing them, and how to read them while they grow. It imports no PyTorch, so
that a viewer opens a run in milliseconds.

    folder       the contract: every file of a run, and how runs are found
    status       status.json and the lock: who writes this run, and whether it still lives
    process      what identifies a process beyond its number
    metrics      rows appended to metrics.jsonl and samples.jsonl, and read while they grow
    machine      what the run ran on

Invariants: every file but the two growing ones is replaced whole, never edited; a reader never
sees half a JSON file; one process at a time writes a run.
"""

from typing import TYPE_CHECKING

from bit_transformer.lazy import lazy_names

if TYPE_CHECKING:
    from bit_transformer.runs.folder import RunFolder, latest_run, list_runs, open_run
    from bit_transformer.runs.json_files import read_json, write_json_atomically
    from bit_transformer.runs.machine import environment
    from bit_transformer.runs.metrics import MetricsWriter, read_metrics
    from bit_transformer.runs.status import RunLock, RunStatus

__all__ = [
    "MetricsWriter",
    "RunFolder",
    "RunLock",
    "RunStatus",
    "environment",
    "latest_run",
    "list_runs",
    "open_run",
    "read_json",
    "read_metrics",
    "write_json_atomically",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "bit_transformer.runs.machine": ["environment"],
        "bit_transformer.runs.folder": ["RunFolder", "latest_run", "list_runs", "open_run"],
        "bit_transformer.runs.json_files": ["read_json", "write_json_atomically"],
        "bit_transformer.runs.metrics": ["MetricsWriter", "read_metrics"],
        "bit_transformer.runs.status": ["RunLock", "RunStatus"],
    },
)
