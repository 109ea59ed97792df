import subprocess
import sys

import pytest

from bit_transformer.errors import ConfigError
from bit_transformer.recipes import RECIPES, build_config, find_recipe
from bit_transformer.training.config import TrainConfig


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_configuration(name):
    assert isinstance(build_config(name), TrainConfig)
    assert RECIPES[name].name == name
    assert RECIPES[name].description


def test_the_default_recipe_is_the_default_configuration():
    assert build_config() == TrainConfig.model_validate({})


def test_the_control_has_the_size_of_the_default():
    control, default = build_config("nanogpt").model, build_config("default").model
    for name in ("width", "depth", "context_patches", "patch_bits"):
        assert getattr(control, name) == getattr(default, name)
    assert control.head == "softmax"


def test_an_unknown_recipe_is_refused_with_a_guess():
    with pytest.raises(ConfigError, match=r"no recipe 'dmeo'; did you mean demo\?.*nanogpt"):
        find_recipe("dmeo")


def test_recipes_load_without_pytorch():
    code = (
        "import sys; from bit_transformer.recipes import build_config;"
        "build_config('demo'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
