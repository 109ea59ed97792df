"""Generation under watch: what strays is drawn again, and ends with the reason if it strays on.

The watch is that of :mod:`bit_transformer.telemetry`: K, C and S of the latest bits, and gates on
them. K and C are those of the data, and S and the model's own K those of the bits that the model
predicted; the two differ only for a model that writes frames.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from bit_transformer.errors import CodecError, InputError
from bit_transformer.generation.asking import Asking, make_rows
from bit_transformer.generation.decoding import decode
from bit_transformer.generation.generation import Options
from bit_transformer.generation.row import Row
from bit_transformer.generation.sampling import Sampling
from bit_transformer.model import BitTransformerLM
from bit_transformer.telemetry import Gate, Gates, Monitor, Reading, Verdict

__all__ = ["Gated", "generate_gated"]

_MODEL_METRICS = frozenset({"s", "model_k"})


@dataclass(frozen=True)
class Gated:
    """What came of a generation under watch.

    Args:
        bits: the output of the last attempt, (T,) uint8, up to where it ended.
        verdict: what the gates said last: ``pass``, ``warn``, or ``stop`` where every attempt was
            stopped; and why.
        num_attempts: how many were made.
        readings: those of the last attempt, each telling after how many bits it was taken.
    """

    bits: Tensor
    verdict: Verdict
    num_attempts: int
    readings: tuple[Reading, ...]

    @property
    def is_stopped(self) -> bool:
        """Whether the output ends where a gate stopped it."""
        return self.verdict.action == "stop"


def generate_gated(
    model: BitTransformerLM,
    prompt_bits: Tensor,
    *,
    gates: Sequence[Gate | str],
    max_attempts: int = 3,
    window: int = 2048,
    stride: int = 256,
    which: Literal["source", "stream"] = "source",
    **options: Unpack[Options],
) -> Gated:
    """What :func:`~bit_transformer.generation.generate` gives, if the gates let it pass.

    When a gate stops an attempt, or a frame is damaged, the next one begins from the prompt with
    other random numbers: attempt ``i`` draws with ``seed + i``. After the last, the output ends
    where it was stopped.

    Args:
        prompt_bits: one prompt, (T,).
        gates: :class:`~bit_transformer.telemetry.Gate` or texts such as ``"s<0.4"``.
        max_attempts: how often to try.
        window: how many bits a reading covers; bits of data for K and C.
        stride: how many bits lie between readings.
        which: whether K and C are those of the data in a frame, or of the frame's bits.
        options: all others of :func:`~bit_transformer.generation.generate`.

    Raises:
        InputError: an argument does not fit.
        ConfigError: a text spells no gate.
        GenerationError: the model's predictions are not finite.
    """
    if not isinstance(prompt_bits, Tensor) or prompt_bits.ndim != 1:
        raise InputError(
            "a generation under watch takes one prompt of shape (T,); call it for each one"
        )
    if max_attempts < 1:
        raise InputError(f"max_attempts must be at least 1, got {max_attempts}")
    if which not in ("source", "stream"):
        raise InputError(f"which must be 'source' or 'stream', not {which!r}")
    sampling, use_cache, asking = _split(options)
    if isinstance(asking.seed, Sequence):
        raise InputError("a generation under watch has one seed; later attempts count up from it")
    seed = secrets.randbits(48) if asking.seed is None else asking.seed
    for number in range(1, max_attempts + 1):
        watch = _Watch(Gates(gates), window, stride, which)
        (row,) = make_rows(prompt_bits, replace(asking, seed=seed + number - 1))
        verdict = _attempt(model, row, watch, asking, sampling, use_cache)
        found = Gated(row.generated().clone(), verdict, number, tuple(watch.readings))
        if not found.is_stopped or number == max_attempts:
            return found
    raise AssertionError("the last attempt returns")


class _Watch:
    """Readings and verdicts of one attempt."""

    def __init__(
        self, gates: Gates, window: int, stride: int, which: Literal["source", "stream"]
    ) -> None:
        self.readings: list[Reading] = []
        self.verdict = Verdict()
        self.needs_logits = bool(gates.metrics & _MODEL_METRICS)
        self._gates = gates
        self._data = Monitor(window, stride)
        self._stream = Monitor(window, stride)
        self._watches_data = which == "source"
        self._num_seen = 0

    def see(self, row: Row, data: Tensor) -> Verdict:
        """The verdict after a row has gained something.

        Args:
            data: what its newest bits hold, if they are those of a frame.
        """
        bits, logits = row.written(self._num_seen)
        self._num_seen += len(bits)
        readings = self._stream.feed(bits, logits if self.needs_logits else None)
        if self._watches_data and row.reader is not None:
            # The bits that the model wrote are a frame's: of them, only what it believed counts.
            readings = [_only(reading, _MODEL_METRICS) for reading in readings]
            readings += self._data.feed(data)
        for reading in readings:
            self.verdict = self._gates.update(reading.values)
            self.readings.append(reading)
            if self.verdict.action == "stop":
                break
        return self.verdict


def _attempt(
    model: BitTransformerLM,
    row: Row,
    watch: _Watch,
    asking: Asking,
    sampling: Sampling,
    use_cache: bool,
) -> Verdict:
    decoding = decode(
        model,
        [row],
        sampling,
        use_cache=use_cache,
        view=asking.model_view,
        keeps_logits=watch.needs_logits,
    )
    for _ in decoding:
        if watch.see(row, torch.from_numpy(row.newest_data)).action == "stop":
            return watch.verdict
    try:
        return watch.see(row, row.finish())
    except CodecError as error:
        return Verdict("stop", (str(error),))


def _split(options: Options) -> tuple[Sampling, bool, Asking]:
    """What the options say of the drawing, of the cache, and of all else."""
    given: dict[str, Any] = dict(options)
    names = ("temperature", "top_k", "top_p")
    sampling = Sampling(**{name: given.pop(name) for name in names if name in given})
    use_cache = bool(given.pop("use_cache", True))
    return sampling, use_cache, Asking(**given)


def _only(reading: Reading, names: frozenset[str]) -> Reading:
    values = {name: value for name, value in reading.values.items() if name in names}
    return Reading(reading.num_bits, values)
