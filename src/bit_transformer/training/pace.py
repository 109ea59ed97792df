"""How far a training is within its budget, and what is due when."""

import math
from dataclasses import dataclass

from bit_transformer.training.budget import Budget
from bit_transformer.training.state import Counters

__all__ = ["Pace"]

ROUNDING = 1e-9


@dataclass(frozen=True)
class Pace:
    """A budget, and what one step takes from it."""

    budget: Budget
    batch_bytes: int

    def spent_share(self, counters: Counters) -> float:
        """The share of the budget that is spent, from 0 to 1."""
        return min(1.0, self.spent(counters) / self.budget.amount)

    def is_spent(self, counters: Counters) -> bool:
        """Whether nothing is left."""
        return self.spent(counters) >= self.budget.amount

    def middle_of_next_step(self, counters: Counters) -> float:
        """The share of the budget that is spent half-way through the next step.

        Of seconds, a step is assumed to take as long as the one before it.
        """
        half_a_step = {"steps": 1, "bytes": self.batch_bytes, "seconds": counters.step_s}
        middle = self.spent(counters) + half_a_step[self.budget.unit] / 2
        return min(1.0, middle / self.budget.amount)

    def is_due(self, every: float, counters: Counters, last: float) -> bool:
        """Whether a multiple of a share of the budget was passed since ``last`` was spent.

        Never if the share ``every`` is zero.
        """
        if every == 0.0:
            return False
        period = every * self.budget.amount
        now = math.floor(self.spent(counters) / period + ROUNDING)
        return now > math.floor(last / period + ROUNDING)

    def spent(self, counters: Counters) -> float:
        """What is spent so far, in the budget's unit."""
        spent = {
            "steps": counters.step,
            "bytes": counters.bytes_seen,
            "seconds": counters.spent_s,
        }
        return spent[self.budget.unit]
