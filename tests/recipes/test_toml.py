import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bit_transformer.errors import ConfigError, DataError
from bit_transformer.recipes import RECIPES, build_config, read_toml, write_toml


@pytest.mark.parametrize("name", RECIPES)
def test_a_written_recipe_reads_back_as_the_same_configuration(name):
    config = build_config(name)
    assert build_config("default", tomllib.loads(write_toml(config))) == config


@given(text=st.text(max_size=20), numbers=st.lists(st.integers(16, 64), max_size=4))
def test_any_text_and_list_survives(text, numbers):
    layer = {"sample_prompt": text, "model": {"context_hash_bits": numbers}}
    config = build_config("tiny", layer)
    assert build_config("tiny", tomllib.loads(write_toml(config))) == config


def test_settings_carry_their_descriptions():
    lines = write_toml(build_config("tiny")).splitlines()
    assert "depth = 2  # transformer blocks" in lines
    assert all(len(line) <= 100 for line in lines)


def test_a_file_is_a_layer(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('budget = "9steps"\n[model]\ndepth = 5\n')
    config = build_config("tiny", read_toml(path))
    assert (config.model.depth, config.budget.amount) == (5, 9)


def test_what_is_no_toml_is_refused(tmp_path):
    for content in (b"depth: 5", b"\xff\xfe", b"a = 1\na = 2"):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
            read_toml(tmp_path / "bad.toml")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "gone.toml", tmp_path):
        with pytest.raises(DataError, match=path.name):
            read_toml(path)
