import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.training import ScheduleConfig
from bit_transformer.training.schedule import schedule_factor

SHARES = st.floats(0.0, 1.0)


@st.composite
def schedules(draw) -> ScheduleConfig:
    warmup = draw(SHARES)
    return ScheduleConfig(
        kind=draw(st.sampled_from(["wsd", "cosine"])),
        warmup_fraction=warmup,
        cooldown_fraction=draw(st.floats(0.0, 1.0 - warmup)),
        final_factor=draw(SHARES),
    )


@given(schedules(), SHARES)
def test_a_factor_is_a_share_of_the_full_rate(config, progress):
    assert 0.0 <= schedule_factor(progress, config) <= 1.0 + 1e-12


@given(schedules(), SHARES, SHARES)
def test_rates_only_fall_after_the_warm_up(config, one, other):
    early, late = sorted((one, other))
    if early >= config.warmup_fraction:
        assert schedule_factor(late, config) <= schedule_factor(early, config) + 1e-12


@pytest.mark.parametrize("kind", ["wsd", "cosine"])
def test_the_rate_is_full_after_the_warm_up_and_ends_at_the_final_factor(kind):
    config = ScheduleConfig(kind=kind, warmup_fraction=0.1, cooldown_fraction=0.5, final_factor=0.2)
    assert schedule_factor(0.05, config) == pytest.approx(0.5)
    assert schedule_factor(0.1, config) == pytest.approx(1.0)
    assert schedule_factor(1.0, config) == pytest.approx(0.2)
    assert 0.2 < schedule_factor(0.8, config) < 1.0


def test_the_first_step_moves_something():
    assert schedule_factor(0.0, ScheduleConfig(warmup_fraction=0.1)) > 0.0


def test_without_a_cool_down_the_rate_stays():
    config = ScheduleConfig(warmup_fraction=0.0, cooldown_fraction=0.0)
    assert {schedule_factor(progress / 10, config) for progress in range(11)} == {1.0}
