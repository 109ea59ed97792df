import pytest

from bit_transformer.errors import ConfigError, InputError
from bit_transformer.telemetry import Gate, Gates


def actions(gates: Gates, values: list[float], metric: str = "s") -> list[str]:
    return [gates.update({metric: value}).action for value in values]


def plain(spelling: str, **options) -> Gates:
    settings = {"smoothing": 0.0, "burn_in": 0, "hysteresis": 0.0, **options}
    return Gates([Gate.parse(spelling, **settings)])


def test_a_gate_closes_beyond_its_bound_and_not_at_it():
    assert actions(plain("s<0.5"), [0.6, 0.5, 0.49, 0.7]) == ["pass", "pass", "stop", "pass"]
    assert actions(plain("warn:s>0.5"), [0.4, 0.5, 0.51]) == ["pass", "pass", "warn"]


def test_the_first_readings_are_ignored():
    assert actions(plain("s<0.5", burn_in=2), [0.0, 0.0, 0.0]) == ["pass", "pass", "stop"]


def test_one_outlier_is_smoothed_away_and_a_lasting_change_is_not():
    values = [0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1]
    assert actions(plain("s<0.45", smoothing=0.5), values) == [
        "pass", "pass", "pass", "pass", "stop", "stop", "stop",
    ]  # fmt: skip


def test_a_closed_gate_opens_only_well_behind_its_bound():
    values = [0.49, 0.51, 0.59, 0.6, 0.51, 0.49]
    assert actions(plain("s<0.5", hysteresis=0.1), values) == [
        "stop", "stop", "stop", "pass", "pass", "stop",
    ]  # fmt: skip
    verdict = plain("s<0.5", hysteresis=0.1)
    verdict.update({"s": 0.4})
    assert str(verdict.update({"s": 0.55})) == "stop: s is 0.550, not yet clear of 0.5"


def test_the_gravest_gate_decides_and_all_give_their_reasons():
    settings = {"smoothing": 0.0, "burn_in": 0}
    gates = Gates(
        [Gate.parse("warn:s<0.5", **settings), Gate.parse("s<0.3", **settings),
         Gate.parse("warn:k>0.9", **settings)]
    )  # fmt: skip
    assert gates.metrics == {"s", "k"}
    assert len(gates) == 3
    assert str(gates.update({"s": 0.4, "k": 0.5})) == "warn: s is 0.400, below 0.5"
    verdict = gates.update({"s": 0.2, "k": 0.95})
    assert verdict.action == "stop"
    assert verdict.reasons == (
        "s is 0.200, below 0.5", "s is 0.200, below 0.3", "k is 0.950, above 0.9",
    )  # fmt: skip
    assert str(gates.update({"s": 0.9, "k": 0.5})) == "pass"


def test_a_missing_value_leaves_a_gate_as_it_was():
    gates = plain("s<0.5")
    assert gates.update({"k": 0.1}).action == "pass"
    assert gates.update({"s": 0.1}).action == "stop"
    assert gates.update({"k": 0.1}).action == "stop"


def test_reset_forgets_everything():
    gates = plain("s<0.5", burn_in=1)
    assert actions(gates, [0.1, 0.1]) == ["pass", "stop"]
    gates.reset()
    assert actions(gates, [0.1, 0.1]) == ["pass", "stop"]


def test_gates_are_read_from_text():
    assert Gates(["stop: K < .1", "warn:model_k>1e-1"]).metrics == {"k", "model_k"}
    gate = Gate.parse("c>0.98")
    assert (gate.metric, gate.side, gate.bound, gate.action) == ("c", ">", 0.98, "stop")


@pytest.mark.parametrize("text", ["", "s", "s=0.5", "s<", "s<x", "halt:s<0.5", "s<0.5<", "s<.e"])
def test_other_text_is_no_gate(text):
    with pytest.raises(ConfigError, match="is no gate; write it like"):
        Gate.parse(text)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "x"}, "no value 'x'"),
        ({"side": "="}, "side"),
        ({"action": "pass"}, "warn or stop"),
        ({"bound": 1.5}, "bound=1.5"),
        ({"bound": float("nan")}, "bound=nan"),
        ({"smoothing": 1.0}, "smoothing"),
        ({"burn_in": -1}, "burn_in"),
        ({"hysteresis": -0.1}, "hysteresis"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Gate(**{"metric": "s", "side": "<", "bound": 0.5, **settings})


def test_a_reading_that_is_not_a_number_is_refused():
    with pytest.raises(InputError, match="s is not a number"):
        plain("s<0.5").update({"s": float("nan")})
