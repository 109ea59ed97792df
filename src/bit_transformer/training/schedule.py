"""How the learning rates rise and fall over the budget."""

import math

from bit_transformer.training.config import ScheduleConfig

__all__ = ["schedule_factor"]


def schedule_factor(progress: float, config: ScheduleConfig) -> float:
    """Return the factor on every learning rate when ``progress`` of the budget is spent.

    Units: ``progress`` in [0, 1]; the factor in [0, 1].
    """
    if progress < config.warmup_fraction:
        # Not quite zero at the very start: a step that moves nothing is a step wasted.
        return max(progress / config.warmup_fraction, 0.05)
    rest = 1.0 - config.final_factor
    if config.kind == "cosine":
        past = (progress - config.warmup_fraction) / max(1.0 - config.warmup_fraction, 1e-9)
        return config.final_factor + rest * 0.5 * (1.0 + math.cos(math.pi * min(past, 1.0)))
    if config.cooldown_fraction == 0.0 or progress < 1.0 - config.cooldown_fraction:
        return 1.0
    # A cool-down shorter than the rounding of 1 - progress must not raise the rate.
    left = min(max(1.0 - progress, 0.0) / config.cooldown_fraction, 1.0)
    return config.final_factor + rest * left
