"""How long a training lasts: a number of steps, of bytes, or of seconds; without PyTorch."""

import re
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from bit_transformer.errors import ConfigError

__all__ = ["Budget", "BudgetUnit"]

BudgetUnit = Literal["steps", "bytes", "seconds"]

_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-zA-Z]+)\s*")

_UNITS: dict[str, tuple[BudgetUnit, int]] = {
    **dict.fromkeys(("step", "steps"), ("steps", 1)),
    **dict.fromkeys(("b", "byte", "bytes"), ("bytes", 1)),
    "kb": ("bytes", 10**3),
    "mb": ("bytes", 10**6),
    "gb": ("bytes", 10**9),
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("seconds", 1)),
    **dict.fromkeys(("min", "minute", "minutes"), ("seconds", 60)),
    **dict.fromkeys(("h", "hour", "hours"), ("seconds", 3600)),
}


@dataclass(frozen=True, init=False, repr=False)
class Budget:
    """How much a training may spend, in exactly one unit; written ``300steps``, ``40MB``, ``2min``.

    It is one value and not three fields, so that a recipe's ``2min`` is replaced, not
    contradicted, by ``--budget 300steps``.  Seconds are seconds of training: evaluating, sampling
    and saving do not count.

    Example:
        >>> Budget(seconds=120) == Budget.parse("2min")
        True
        >>> str(Budget(bytes=40_000_000)), Budget(steps=300).unit
        ('40MB', 'steps')
    """

    unit: BudgetUnit
    amount: float

    def __init__(
        self,
        *,
        steps: int | None = None,
        bytes: int | None = None,  # noqa: A002 - the unit's own name reads best
        seconds: float | None = None,
    ) -> None:
        amounts: dict[BudgetUnit, float | None] = {
            "steps": steps,
            "bytes": bytes,
            "seconds": seconds,
        }
        given = [(unit, amount) for unit, amount in amounts.items() if amount is not None]
        if len(given) != 1:
            seen = " and ".join(f"{unit}={amount}" for unit, amount in given) or "none"
            raise ConfigError(f"a budget is exactly one of steps, bytes and seconds; got {seen}")
        unit, amount = given[0]
        if not 0 < amount < float("inf"):
            raise ConfigError(f"a budget of {amount} {unit} is no positive number")
        if unit != "seconds" and not float(amount).is_integer():
            raise ConfigError(f"a budget of {amount} {unit} is not a whole number of them")
        object.__setattr__(self, "unit", unit)
        object.__setattr__(self, "amount", float(amount) if unit == "seconds" else int(amount))

    @classmethod
    def parse(cls, value: Any) -> Self:
        """The budget that a text such as ``2min``, a dictionary or a budget says.

        Raises:
            ConfigError: it says none.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, dict) and set(value) <= {"steps", "bytes", "seconds"}:
            return cls(**value)
        match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
        if match is None or match[2].lower() not in _UNITS:
            raise ConfigError(
                f"the budget {value!r} is not a number with a unit; write it like 300steps, "
                "40MB or 2min (units: steps, B, KB, MB, GB, s, min, h)"
            )
        unit, factor = _UNITS[match[2].lower()]
        amounts: dict[str, Any] = {unit: float(match[1]) * factor}
        return cls(**amounts)

    def __str__(self) -> str:
        if self.unit == "steps":
            return f"{self.amount}steps"
        ladder = {"bytes": ("GB", "MB", "KB", "B"), "seconds": ("h", "min", "s")}[self.unit]
        for name in ladder[:-1]:
            factor = _UNITS[name.lower()][1]
            if self.amount >= factor and self.amount % factor == 0:
                return f"{int(self.amount) // factor}{name}"
        return f"{self.amount!r}{ladder[-1]}".replace(".0s", "s")

    def __repr__(self) -> str:
        return f"Budget({self.unit}={self.amount!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "examples": ["300steps", "40MB", "2min"]}
