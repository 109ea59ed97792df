import pytest
from pydantic import Field, ValidationError

from bit_transformer.errors import ConfigError
from bit_transformer.model import ModelConfig
from bit_transformer.settings import Settings, explain_validation


class Wheel(Settings):
    spokes: int = Field(default=20, ge=1)


class Cart(Settings):
    wheel: Wheel = Wheel()
    name: str = "cart"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nane": "x"}, r"^Cart: nane: there is no such setting; did you mean name\?$"),
        ({"wheel": {"spokes": 0}}, r"^Cart: wheel\.spokes: input should be .* 1, got 0$"),
        ({"wheel": {"spoke": 3}}, r"did you mean wheel\.spokes\?"),
    ],
)
def test_a_constructor_says_which_setting_is_wrong(settings, message):
    with pytest.raises(ConfigError, match=message):
        Cart(**settings)


def test_what_does_not_fit_together_is_told_in_the_words_of_the_check():
    with pytest.raises(ConfigError, match=r"^ModelConfig: width 100 is not a multiple of head_dim"):
        ModelConfig(width=100, head_dim=64)


def test_the_first_few_problems_have_a_line_each():
    with pytest.raises(ValidationError) as caught:
        Cart.model_validate({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
    assert len(explain_validation(caught.value, Cart).splitlines()) == 4
    assert explain_validation(caught.value, Cart).endswith("and 2 more")


def test_settings_that_are_right_make_an_object_that_stays_as_it_is():
    cart = Cart(wheel=Wheel(spokes=3))
    assert cart.wheel.spokes == 3
    with pytest.raises(ValidationError, match="frozen"):
        cart.name = "other"  # pyright: ignore[reportAttributeAccessIssue]
