"""What one training is, as typed data; importable without PyTorch.

The command line, the recipes and the run folder's ``config.json`` all speak this one class, so a
run can be repeated from its folder alone. How the model itself is shaped lives in
:mod:`bit_transformer.model.config`, what it reads in :mod:`bit_transformer.data.config`.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bit_transformer.data.config import DataConfig, check_views
from bit_transformer.errors import ConfigError
from bit_transformer.model.config import ModelConfig
from bit_transformer.settings import Settings
from bit_transformer.telemetry.gates import Gates
from bit_transformer.training.budget import Budget

__all__ = ["Budget", "OptimizerConfig", "ScheduleConfig", "TrainConfig"]


class OptimizerConfig(Settings):
    """How the weights move: Muon for matrices with AdamW for the rest, or AdamW for all."""

    kind: Literal["muon", "adamw"] = Field(default="muon", description="what moves the matrices")
    muon_lr: float = Field(
        default=0.02, gt=0, description="learning rate of the matrices under Muon"
    )
    muon_momentum: float = Field(default=0.95, ge=0, lt=1, description="momentum of Muon")
    table_kind: Literal["sgd", "adagrad"] = Field(
        default="sgd",
        description="what moves the hashed tables: adagrad learns a single pass over the data "
        "quicker, and further passes by heart",
    )
    table_lr: float = Field(
        default=500.0, gt=0, description="learning rate of the hashed tables; 0.2 suits adagrad"
    )
    table_initial_sum: float = Field(
        default=0.0,
        ge=0,
        description="what adagrad's sums of squared gradients start from: a rare row then moves "
        "by table_lr / sqrt(this) times its gradient, and not by table_lr itself",
    )
    lr: float = Field(default=3e-3, gt=0, description="learning rate of everything under AdamW")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="AdamW: memory of the gradient")
    beta2: float = Field(default=0.95, ge=0, lt=1, description="AdamW: memory of its square")
    weight_decay: float = Field(
        default=0.0, ge=0, description="decoupled weight decay: Muon's matrices, or AdamW's"
    )


class ScheduleConfig(Settings):
    """How the learning rates rise and fall over the budget."""

    kind: Literal["wsd", "cosine"] = Field(
        default="wsd", description="warm-up, constant, linear cool-down; or warm-up and cosine"
    )
    warmup_fraction: float = Field(
        default=0.02, ge=0, le=1, description="share of the budget to rise"
    )
    cooldown_fraction: float = Field(
        default=0.5, ge=0, le=1, description="wsd: share of it to fall"
    )
    final_factor: float = Field(
        default=0.0, ge=0, le=1, description="last learning rate / the full one"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kind == "wsd" and self.warmup_fraction + self.cooldown_fraction > 1:
            raise ConfigError(
                f"warmup_fraction {self.warmup_fraction} and cooldown_fraction "
                f"{self.cooldown_fraction} together exceed the whole budget; lower one of them"
            )
        return self


class TrainConfig(Settings):
    """One whole training: the model, its data, how long, how, and where it is written.

    Intervals are shares of the budget, so that a recipe keeps its rhythm whether it runs for
    a number of steps, of bytes or of seconds.
    """

    model: ModelConfig = Field(default_factory=ModelConfig, description="the network")
    data: DataConfig = Field(default_factory=DataConfig, description="what it reads")
    optimizer: OptimizerConfig = Field(
        default_factory=OptimizerConfig, description="how its weights move"
    )
    schedule: ScheduleConfig = Field(
        default_factory=ScheduleConfig, description="learning rate over time"
    )

    budget: Budget = Field(
        default=Budget(seconds=120), description="how long: 300steps, 40MB or 2min of training"
    )
    batch_bytes: int = Field(
        default=4096, ge=1, description="bytes of one step, over all processes"
    )
    micro_batch_bytes: int | None = Field(
        default=None,
        ge=1,
        description="bytes that one process holds at once; the rest is accumulated",
    )
    clip_norm: float | None = Field(default=1.0, gt=0, description="largest norm of the gradient")
    seed: int = Field(default=0, ge=0, description="of the weights, the data order and the dropout")

    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, ...")
    precision: Literal["auto", "bf16", "fp32"] = Field(
        default="auto", description="auto takes bf16 where the machine computes in it"
    )
    compile: Literal["auto", "on", "off"] = Field(
        default="auto", description="torch.compile; falls back to eager where it fails"
    )
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads; PyTorch's choice if unset"
    )
    distributed: Literal["auto", "none", "ddp", "fsdp2"] = Field(
        default="auto", description="auto takes ddp under torchrun"
    )

    compress_prob: float = Field(
        default=0.5, description="share of sequences that go through a codec and back"
    )
    direct_prob: float = Field(
        default=0.0, description="share of sequences that are the bits of a codec's frame"
    )
    compress_ramp: float = Field(
        default=0.0, ge=0, le=1, description="share of budget in which compress_prob rises from 0"
    )
    direct_ramp: float = Field(
        default=0.0, ge=0, le=1, description="share of budget in which direct_prob rises from 0"
    )
    codecs: tuple[str, ...] = Field(
        default=("huffman:english",), description="what compresses, each sequence by one of them"
    )
    codec_weights: tuple[float, ...] = Field(
        default=(), description="how often each codec is drawn; equally often if empty"
    )
    loader_workers: int | None = Field(
        default=None, ge=0, description="processes that compress; unset: one where it pays"
    )

    log_every: int = Field(default=1, ge=1, description="steps per row of metrics.jsonl")
    evaluate_every: float = Field(
        default=0.1, ge=0, le=1, description="share of budget; 0: at the end"
    )
    evaluate_bytes: int = Field(default=65536, ge=1, description="held-out bytes of one evaluation")
    sample_every: float = Field(default=0.25, ge=0, le=1, description="share of budget; 0: never")
    sample_bytes: int = Field(default=256, ge=1, description="length of one sample")
    sample_prompt: str = Field(default="", description="what a sample continues")
    telemetry_every: int = Field(
        default=20,
        ge=0,
        description="steps from one measurement of K, C and S to the next; 0: never",
    )
    telemetry_of: Literal["source", "stream", "both"] = Field(
        default="source", description="K and C of frames: of the data behind them, or of their bits"
    )
    gates: tuple[str, ...] = Field(
        default=("warn:s<0.6", "warn:c>0.98", "warn:k>0.98"),
        description="bounds on K, C and S that warn of drift, or stop",
    )
    checkpoint_every: float = Field(
        default=0.1, ge=0, le=1, description="share of budget; 0: at the end"
    )
    keep_checkpoints: int = Field(default=2, ge=1, description="newest ones kept, besides the best")

    run_dir: Path | None = Field(default=None, description="the run's folder; a new one if unset")
    name: str = Field(default="run", min_length=1, description="part of a new run folder's name")
    trackers: tuple[Literal["tensorboard"], ...] = Field(
        default=(), description="besides metrics.jsonl"
    )

    @property
    def window_bytes(self) -> int:
        """Bytes of one training sequence: what fits the model's context."""
        return self.model.context_bits // self.data.bits_per_byte

    @property
    def batch_windows(self) -> int:
        """Training sequences of one step, over all processes."""
        return self.batch_bytes // self.window_bytes

    @property
    def has_views(self) -> bool:
        """Whether any sequence goes through a codec."""
        return self.compress_prob > 0 or self.direct_prob > 0

    @property
    def measures_bits(self) -> bool:
        """Whether steps keep the loss of every bit, beside its mean.

        The bit head has these losses anyway. The softmax control would need other operations for
        them, so there they are left out where nothing but metrics would ask for them.
        """
        asks = self.compress_prob > 0 or self.telemetry_every > 0
        return self.direct_prob > 0 or (asks and self.model.head == "bits")

    def micro_batches(self, world_size: int = 1) -> int:
        """How many parts each of ``world_size`` processes cuts its share of a batch into.

        Raises:
            ConfigError: the batch does not divide evenly into processes and parts.
        """
        if self.batch_windows % world_size:
            raise ConfigError(
                f"a batch of {self.batch_windows} windows ({self.batch_bytes} bytes) does not "
                f"divide among {world_size} processes; make batch_bytes a multiple of "
                f"{self.window_bytes * world_size}"
            )
        share = self.batch_windows // world_size
        if self.micro_batch_bytes is None:
            return 1
        windows = self.micro_batch_bytes // self.window_bytes
        if windows < 1 or (share > windows and share % windows):
            raise ConfigError(
                f"micro_batch_bytes {self.micro_batch_bytes} does not divide a process's share of "
                f"{share * self.window_bytes} bytes into whole windows of {self.window_bytes}; "
                f"choose a divisor of {share}, times {self.window_bytes}"
            )
        return max(1, share // windows)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.window_bytes < 1:
            raise ConfigError(
                f"a context of {self.model.context_bits} bits holds no whole byte of "
                f"{self.data.bits_per_byte} bits; raise model.context_patches or model.patch_bits"
            )
        if self.batch_bytes % self.window_bytes:
            near = max(1, round(self.batch_bytes / self.window_bytes)) * self.window_bytes
            raise ConfigError(
                f"batch_bytes {self.batch_bytes} is not a multiple of the {self.window_bytes} "
                f"bytes that fit the model's context; the nearest is {near}"
            )
        self.micro_batches()
        check_views(self.compress_prob, self.direct_prob, self.codecs, self.codec_weights)
        Gates(self.gates)
        return self
