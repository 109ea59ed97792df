import subprocess
import sys
from pathlib import Path

import pytest

from bit_transformer.data import DataConfig
from bit_transformer.errors import ConfigError


def test_the_defaults_hold_out_a_twentieth_for_validation_and_for_the_test():
    assert DataConfig().cut_fractions == (0.05, 0.05)


def test_explicit_files_for_a_split_mean_that_nothing_is_cut_for_it():
    config = DataConfig(valid_paths=[Path("v")], valid_fraction=0.9, test_fraction=0.3)
    assert config.cut_fractions == (0.0, 0.3)


@pytest.mark.parametrize(
    "settings",
    [
        {"valid_fraction": 1.0},
        {"valid_fraction": -0.1},
        {"valid_fraction": float("nan")},
        {"encoding": "utf-8"},
        {"pahts": ["a"]},
    ],
)
def test_settings_out_of_range_or_unknown_are_refused(settings: dict):
    with pytest.raises(ConfigError):
        DataConfig(**settings)


def test_fractions_that_leave_nothing_to_train_on_are_refused_with_both_values():
    with pytest.raises(ConfigError, match=r"0\.6 and test_fraction 0\.4 leave nothing"):
        DataConfig(valid_fraction=0.6, test_fraction=0.4)


def test_a_tilde_stands_for_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert DataConfig(paths=[Path("~/books")]).paths == [tmp_path / "books"]


@pytest.mark.parametrize(("encoding", "bits"), [("bytes", 8), ("parity", 9)])
def test_a_byte_takes_as_many_bits_as_its_encoding_says(encoding, bits: int):
    assert DataConfig(encoding=encoding).bits_per_byte == bits


def test_a_configuration_survives_json():
    config = DataConfig(paths=[Path("a"), Path("b")], exclude=["*.bin"])
    assert DataConfig.model_validate_json(config.model_dump_json()) == config


def test_corpora_are_configured_and_read_without_loading_pytorch():
    program = (
        "import sys, bit_transformer.data.build, bit_transformer.data.sampler;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
