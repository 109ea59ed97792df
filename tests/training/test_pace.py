import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.training import Budget
from bit_transformer.training.pace import Pace
from bit_transformer.training.state import Counters


def counters_after(steps: int, step_s: float = 0.5) -> Counters:
    return Counters(step=steps, bytes_seen=64 * steps, spent_s=step_s * steps, step_s=step_s)


@pytest.mark.parametrize("budget", [Budget(steps=10), Budget(bytes=640), Budget(seconds=5)])
def test_all_units_tell_the_same_share(budget):
    pace = Pace(budget, batch_bytes=64)
    assert pace.spent_share(counters_after(5)) == 0.5
    assert pace.middle_of_next_step(counters_after(5)) == 0.55
    assert not pace.is_spent(counters_after(9))
    assert pace.is_spent(counters_after(10))


@given(num_steps=st.integers(1, 500), parts=st.integers(1, 30))
def test_what_is_due_every_nth_part_happens_n_times_and_at_the_end(num_steps, parts):
    pace = Pace(Budget(steps=num_steps), batch_bytes=64)
    last, times = 0.0, []
    for step in range(1, num_steps + 1):
        counters = counters_after(step)
        if pace.is_due(1 / parts, counters, last):
            last = pace.spent(counters)
            times.append(step)
    assert len(times) == min(parts, num_steps)
    assert times[-1] == num_steps


def test_what_is_due_every_zeroth_part_never_is():
    pace = Pace(Budget(steps=10), batch_bytes=64)
    assert not pace.is_due(0.0, counters_after(10), 0.0)
