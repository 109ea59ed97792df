import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import ConfigError
from bit_transformer.training.budget import Budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("300steps", Budget(steps=300)),
        (" 1 step ", Budget(steps=1)),
        ("40MB", Budget(bytes=40_000_000)),
        ("1.5kb", Budget(bytes=1500)),
        ("2min", Budget(seconds=120)),
        ("0.5 h", Budget(seconds=1800)),
        ("90s", Budget(seconds=90)),
        ({"steps": 7}, Budget(steps=7)),
    ],
)
def test_a_budget_is_read_from_what_people_write(text, budget):
    assert Budget.parse(text) == budget


@given(
    st.one_of(
        st.builds(Budget, steps=st.integers(1, 10**12)),
        st.builds(Budget, bytes=st.integers(1, 10**15)),
        st.builds(Budget, seconds=st.floats(1e-9, 1e9)),
    )
)
def test_writing_and_reading_a_budget_gives_the_same_budget(budget):
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    "text",
    ["", "5", "steps", "-3steps", "5 parsecs", "1e999s", "nan s", "0steps", "1.5steps", "2min3s"],
)
def test_what_is_no_budget_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match=r"2min|positive|whole"):
        Budget.parse(text)


@pytest.mark.parametrize("value", [None, 3, {"hours": 2}, {}, {"steps": 3, "seconds": 4}])
def test_values_of_other_kinds_are_refused(value):
    with pytest.raises(ConfigError):
        Budget.parse(value)
