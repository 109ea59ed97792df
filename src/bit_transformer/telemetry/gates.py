"""Thresholds on readings: pass, warn or stop.

A gate looks at one value. It smooths the readings, ignores the first few, and once it has closed,
it opens only when the value is back behind the bound by some distance, so that a value that
trembles at the bound does not ring at every step. What to do about a warning or a stop is the
caller's: generation tries again and then ends, training warns of drift.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bit_transformer.errors import ConfigError, InputError

__all__ = ["METRICS", "Action", "Gate", "Gates", "Verdict"]

Action = Literal["pass", "warn", "stop"]
"""What a gate says."""

METRICS = ("k", "c", "s", "model_k")
"""The values that readings have."""

_SPELLING = re.compile(r"(?:(warn|stop):)?\s*([a-zA-Z_]+)\s*([<>])\s*([0-9.eE+-]+)")


@dataclass(frozen=True)
class Verdict:
    """What gates say of the latest reading, and why, a clause for each that has closed."""

    action: Action = "pass"
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.action}: {'; '.join(self.reasons)}" if self.reasons else self.action


@dataclass(frozen=True)
class Gate:
    """One bound on one value.

    Args:
        metric: the value's name in readings: ``k``, ``c``, ``s`` or ``model_k``.
        side: the side of the bound on which the gate closes.
        bound: in [0, 1], as the values are.
        action: what the gate says while it is closed.
        smoothing: the weight of the past in the running mean, in [0, 1); 0 takes each reading as
            it is.
        burn_in: readings that are ignored at first.
        hysteresis: how far behind the bound the smoothed value must be for the gate to open.

    Raises:
        ConfigError: a setting is unknown or out of range.

    Example:
        >>> Gate.parse("warn:s<0.5")
        Gate(metric='s', side='<', bound=0.5, action='warn', smoothing=0.5, burn_in=2, \
hysteresis=0.02)
    """

    metric: str
    side: Literal["<", ">"]
    bound: float
    action: Literal["warn", "stop"] = "stop"
    smoothing: float = 0.5
    burn_in: int = 2
    hysteresis: float = 0.02

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ConfigError(
                f"there is no value {self.metric!r} to set a gate on; choose one of "
                f"{', '.join(METRICS)}"
            )
        if self.side not in ("<", ">") or self.action not in ("warn", "stop"):
            raise ConfigError(
                f"a gate closes on side '<' or '>' and says warn or stop, not {self.side!r} and "
                f"{self.action!r}"
            )
        if not 0 <= self.bound <= 1:
            raise ConfigError(f"bound={self.bound} of a gate must lie in [0, 1], as values do")
        if not (0 <= self.smoothing < 1 and self.burn_in >= 0 and self.hysteresis >= 0):
            raise ConfigError(
                "a gate needs 0 ≤ smoothing < 1, burn_in ≥ 0 and hysteresis ≥ 0, not "
                f"{self.smoothing}, {self.burn_in} and {self.hysteresis}"
            )

    @classmethod
    def parse(
        cls, text: str, *, smoothing: float = 0.5, burn_in: int = 2, hysteresis: float = 0.02
    ) -> "Gate":
        """The gate that a text like ``s<0.4``, ``stop:c>0.98`` or ``warn:k<0.1`` spells.

        Raises:
            ConfigError: the text spells no gate.
        """
        found = _SPELLING.fullmatch(text.strip())
        try:
            bound = float(found[4]) if found else math.nan
        except ValueError:
            bound = math.nan
        if found is None or math.isnan(bound):
            raise ConfigError(
                f"{text!r} is no gate; write it like s<0.4 or warn:c>0.98, with one of "
                f"{', '.join(METRICS)}"
            )
        action: Literal["warn", "stop"] = "warn" if found[1] == "warn" else "stop"
        side: Literal["<", ">"] = "<" if found[3] == "<" else ">"
        return cls(found[2].lower(), side, bound, action, smoothing, burn_in, hysteresis)

    def is_beyond(self, value: float, distance: float = 0.0) -> bool:
        """Whether a value is on the closing side, when the bound is moved away by ``distance``."""
        return value < self.bound - distance if self.side == "<" else value > self.bound + distance


class Gates:
    """Several gates on one stream of readings, with the state that smoothing needs.

    Args:
        gates: gates, or texts for :meth:`Gate.parse`.

    Raises:
        ConfigError: a text spells no gate.

    Example:
        >>> gates = Gates([Gate("s", "<", 0.4, smoothing=0.0, burn_in=0)])
        >>> gates.update({"s": 0.9}).action, str(gates.update({"s": 0.3}))
        ('pass', 'stop: s is 0.300, below 0.4')
    """

    def __init__(self, gates: Iterable[Gate | str]) -> None:
        self._gates = [gate if isinstance(gate, Gate) else Gate.parse(gate) for gate in gates]
        self._states = [_State() for _ in self._gates]

    def __len__(self) -> int:
        return len(self._gates)

    @property
    def metrics(self) -> frozenset[str]:
        """The values that readings need for all gates to see something."""
        return frozenset(gate.metric for gate in self._gates)

    def update(self, values: Mapping[str, float]) -> Verdict:
        """The verdict on the next reading. A gate whose value is missing says what it said last.

        Raises:
            InputError: a value is not a number.
        """
        for gate, state in zip(self._gates, self._states, strict=True):
            if gate.metric in values:
                state.update(gate, values[gate.metric])
        closed = [
            (gate, state.explain(gate))
            for gate, state in zip(self._gates, self._states, strict=True)
            if state.is_closed
        ]
        is_stop = any(gate.action == "stop" for gate, _ in closed)
        action: Action = "stop" if is_stop else "warn" if closed else "pass"
        return Verdict(action, tuple(reason for _, reason in closed))

    def reset(self) -> None:
        """Forget all readings, as for a new string."""
        self._states = [_State() for _ in self._gates]


class _State:
    def __init__(self) -> None:
        self.num_readings = 0
        self.smoothed = math.nan
        self.is_closed = False

    def update(self, gate: Gate, value: float) -> None:
        if math.isnan(value):
            raise InputError(
                f"the reading of {gate.metric} is not a number; the model's predictions are "
                "damaged, or nothing was measured"
            )
        self.num_readings += 1
        if self.num_readings <= gate.burn_in:
            return
        is_first = math.isnan(self.smoothed)
        weight = 0.0 if is_first else gate.smoothing
        past = 0.0 if is_first else self.smoothed
        self.smoothed = weight * past + (1 - weight) * value
        # Open, it closes at the bound; closed, it stays so until the value is well behind it.
        slack = -gate.hysteresis if self.is_closed else 0.0
        self.is_closed = gate.is_beyond(self.smoothed, slack)

    def explain(self, gate: Gate) -> str:
        if not gate.is_beyond(self.smoothed):
            return f"{gate.metric} is {self.smoothed:.3f}, not yet clear of {gate.bound:g}"
        side = "below" if gate.side == "<" else "above"
        return f"{gate.metric} is {self.smoothed:.3f}, {side} {gate.bound:g}"
