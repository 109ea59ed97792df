import pytest

from bit_transformer.cli.parser import Parser
from bit_transformer.cli.settings import add_settings, collect_settings
from bit_transformer.data.config import DataConfig
from bit_transformer.training.config import TrainConfig


@pytest.fixture(scope="module")
def parser():
    parser = Parser(prog="test")
    add_settings(parser, TrainConfig)
    return parser


def test_only_given_settings_make_the_layer(parser):
    assert collect_settings(parser.parse_args([])) == {}
    arguments = parser.parse_args(
        ["--seed", "3", "--model.width=64", "--model.context_hash_bits", "16", "24"]
    )
    assert collect_settings(arguments) == {
        "seed": "3",
        "model": {"width": "64", "context_hash_bits": ["16", "24"]},
    }


def test_every_setting_has_an_option_with_its_description_and_default(parser):
    text = " ".join(parser.format_help().split())
    assert "--model.width INT channels of the trunk [256]" in text
    assert "--model.head {bits,softmax}" in text
    assert "--data.paths [PATH ...]" in text
    assert "--budget BUDGET" in text
    assert "--run_dir PATH" in text
    assert "--compile {auto,on,off}" in text


def test_settings_can_be_left_out():
    parser = Parser(prog="test")
    add_settings(parser, DataConfig, without=("paths",))
    assert "--paths" not in parser.format_help()
    assert "--valid_paths" in parser.format_help()


def test_an_empty_list_can_be_given(parser):
    arguments = parser.parse_args(["--model.context_hash_bits", "--seed", "1"])
    assert collect_settings(arguments)["model"] == {"context_hash_bits": []}
