import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import ConfigError
from bit_transformer.recipes import RECIPES, build_config, merge

TREES = st.recursive(
    st.integers(), lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3)
).filter(lambda tree: isinstance(tree, dict))


@given(TREES, TREES)
def test_the_upper_layer_holds_and_an_empty_one_changes_nothing(below, above):
    assert merge(below, {}) == below
    assert merge({}, above) == above
    both = merge(below, above)
    assert both.keys() == below.keys() | above.keys()
    assert merge(both, above) == both


def test_merging_leaves_its_arguments_alone():
    below, above = {"a": {"b": 1}}, {"a": {"c": 2}}
    merge(below, above)
    assert (below, above) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_later_layers_win_setting_by_setting():
    config = build_config("tiny", {"model": {"depth": 3, "dropout": 0.1}}, {"model": {"depth": 4}})
    assert config.model.depth == 4
    assert config.model.dropout == 0.1
    assert config.model.width == RECIPES["tiny"].settings["model"]["width"]


def test_a_budget_replaces_the_one_below_it():
    assert str(build_config("demo", {"budget": "7steps"}).budget) == "7steps"


def test_values_may_be_text():
    config = build_config(
        "tiny",
        {
            "seed": "3",
            "clip_norm": "none",
            "threads": "2",
            "model": {"has_qk_norm": "false", "context_hash_bits": ["16", "24"]},
        },
    )
    assert (config.seed, config.clip_norm, config.threads) == (3, None, 2)
    assert config.model.has_qk_norm is False
    assert config.model.context_hash_bits == (16, 24)


def test_none_stays_text_where_it_is_a_value():
    assert build_config("tiny", {"distributed": "none"}).distributed == "none"
    assert build_config("tiny", {"name": "none"}).name == "none"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"model": {"width": "abc"}}, r"^model\.width: input should be .*got 'abc'$"),
        ({"model": {"width": 100}}, r"^model: width 100 is not a multiple of head_dim"),
        (
            {"model": {"widht": 8}},
            r"^model\.widht: there is no such setting; did you mean model\.width\?",
        ),
        ({"zzz": 8}, r"^zzz: there is no such setting$"),
        ({"seed": -1}, r"^seed: input should be greater than or equal to 0, got -1$"),
        ({"budget": "soon"}, r"^budget: the budget 'soon' is not a number with a unit"),
        ({"precision": "fp8"}, r"^precision: input should be 'auto', .*got 'fp8'$"),
        ({"model": 3}, r"^model: .*got 3$"),
        ({"batch_bytes": 65}, r"^batch_bytes 65 is not a multiple"),
    ],
)
def test_what_is_wrong_is_said_with_its_name_and_value(layer, message):
    with pytest.raises(ConfigError, match=message):
        build_config("tiny", layer)


def test_many_mistakes_are_a_few_lines():
    layer = {"model": {f"no_{number}": 1 for number in range(20)}}
    with pytest.raises(ConfigError) as caught:
        build_config("tiny", layer)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert lines[-1] == "and 17 more"
