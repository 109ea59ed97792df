"""Runs: how they are asked for, and what is told of them."""

from typing import Any, Literal

from pydantic import Field

from bit_transformer.dashboard.schemas.body import Body

__all__ = [
    "Checkpoint",
    "GateEvent",
    "MetricsAnswer",
    "NewRun",
    "Progress",
    "RecipeEntry",
    "RunData",
    "RunDetail",
    "RunOptions",
    "RunSummary",
    "RunsAnswer",
    "Sample",
    "SamplesAnswer",
    "Series",
    "UploadedData",
]

RunState = Literal["starting", "running", "paused", "stopped", "finished", "failed", "dead"]

Table = dict[str, list[float | int | None]]
"""Columns of equal length; ``step`` is always one of them."""


class RunOptions(Body):
    """Settings of a training that matter most; what is left out is the recipe's."""

    patch_bits: int | None = Field(default=None, ge=1, le=32, description="bits of a position")
    width: int | None = Field(default=None, ge=8, le=4096, description="channels of the trunk")
    depth: int | None = Field(default=None, ge=1, le=64, description="blocks")
    context_patches: int | None = Field(default=None, ge=1, le=8192)
    batch_bytes: int | None = Field(default=None, ge=1, le=16_777_216)
    compress_prob: float | None = Field(default=None, ge=0, le=1, description="compressed view")
    direct_prob: float | None = Field(default=None, ge=0, le=1, description="direct view")
    codecs: list[str] | None = Field(default=None, min_length=1, max_length=16)
    sample_prompt: str | None = Field(default=None, max_length=4096)
    evaluate_every: float | None = Field(default=None, ge=0, le=1, description="share of budget")
    telemetry_every: int | None = Field(default=None, ge=0, description="steps")
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    threads: int | None = Field(default=None, ge=1, le=1024)
    compile: Literal["auto", "on", "off"] | None = None


class RecipeEntry(Body):
    """A named configuration, with the options of the form filled in as it has them."""

    name: str
    description: str
    budget: str
    defaults: RunOptions


class UploadedData(Body):
    """An upload as data to learn from."""

    upload: str = Field(max_length=64)


class NewRun(Body):
    """A training to be started; without data, on the source of Python's standard library."""

    recipe: str = Field(default="default", max_length=64)
    name: str | None = Field(default=None, min_length=1, max_length=64)
    data: list[UploadedData | str] = Field(default=[], max_length=64)
    budget: str | None = Field(default=None, max_length=32, description="300steps, 40MB, 2min")
    options: RunOptions = RunOptions()


class Progress(Body):
    """How far a run is; ``eta_s`` only while it runs."""

    step: int
    fraction: float | None
    eta_s: float | None
    elapsed_s: float | None = Field(description="of training, chores left out")


class DiskRoom(Body):
    """The room where a run lies."""

    folder: str
    free_bytes: int | None = Field(description="now; null where a quota or nobody tells")
    needed_bytes: int | None = Field(description="for the next checkpoint, by the last; if any")
    is_full: bool = Field(description="whether there is too little to go on")


class RunSummary(Body):
    """One run in a list.

    ``paused`` and ``stopped`` were asked to end and have saved; ``dead`` ended without a word.
    """

    id: str
    name: str
    status: RunState
    message: str
    started: float | None
    updated: float | None
    progress: Progress
    bits_per_byte: float | None = Field(description="of the last training row")
    held_out_bits_per_byte: float | None
    best_bits_per_byte: float | None
    bit_accuracy: float | None
    bytes_per_s: float | None
    compression_ratio: float | None = Field(description="of its data by its codecs, in over out")
    compress_prob: float | None
    direct_prob: float | None
    codecs: list[str]
    patch_bits: int | None
    budget: str | None
    can_pause: bool
    can_resume: bool
    can_stop: bool
    has_checkpoint: bool
    disk: DiskRoom | None = Field(description="of a run that ended because its disk was full")


class RunsAnswer(Body):
    """All runs, the one written to last first."""

    runs: list[RunSummary]


class Checkpoint(Body):
    """One saved state of a run."""

    step: int
    is_best: bool
    num_bytes: int


class RunData(Body):
    """Something a run learns from, as another run can be given it: an upload, or a path."""

    upload: str | None = Field(default=None, description="its id, while it is kept")
    path: str | None = None
    name: str
    num_bytes: int | None = None


class RunDetail(RunSummary):
    """One run with everything that its folder says."""

    folder: str
    config: dict[str, Any]
    data: list[RunData] = Field(description="empty where its data came with Python")
    nearest_recipe: str = Field(description="the recipe from which its settings differ least")
    other_settings: dict[str, Any] = Field(
        description="by dotted names, what differs from that recipe and is no option of a new run"
    )
    environment: dict[str, Any] | None
    checkpoints: list[Checkpoint]
    log: str = Field(description="the last lines that the training printed, if started from here")


class GateEvent(Body):
    """What the gates on K, C and S said."""

    step: int
    action: str
    reasons: list[str]


class Series(Body):
    """Columns of numbers by step.

    ``train`` and ``evaluate`` hold bits_per_bit, bits_per_byte, elapsed_s and more; ``views`` and
    ``evaluate_views`` the same for ``raw``, ``compressed`` and ``direct``; ``telemetry`` k, c,
    model_k, s, and ``telemetry_direct`` those of a frame.
    """

    train: Table
    evaluate: Table
    views: dict[str, Table]
    evaluate_views: dict[str, Table]
    telemetry: Table
    telemetry_direct: dict[str, Table]
    gates: list[GateEvent]


class MetricsAnswer(Body):
    """What is new since the last answer.

    Args:
        next: give it back as ``since`` to be told what follows; an opaque text.
        is_reset: forget all earlier points: these are all there are.
        num_points: how many rows these columns were made of.
    """

    next: str
    is_reset: bool
    num_points: int
    run: RunSummary
    series: Series


class Sample(Body):
    """What a model wrote during its training."""

    step: int
    prompt: str
    text: str
    view: str | None
    codec: str | None


class SamplesAnswer(Body):
    """The samples of a run, oldest first."""

    samples: list[Sample]
