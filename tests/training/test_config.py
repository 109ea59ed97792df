import subprocess
import sys

import pytest
from pydantic import ValidationError

from bit_transformer.errors import ConfigError
from bit_transformer.model import ModelConfig
from bit_transformer.training import ScheduleConfig, TrainConfig


def test_the_configuration_is_importable_without_pytorch():
    code = "import bit_transformer.training.config, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_half_of_the_sequences_go_through_a_codec_and_none_are_frames_by_default():
    config = TrainConfig()
    assert (config.compress_prob, config.direct_prob) == (0.5, 0.0)
    assert config.has_views
    assert config.measures_bits


def test_a_configuration_survives_json(make_config):
    config = make_config()
    assert TrainConfig.model_validate(config.model_dump(mode="json")) == config
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_a_window_is_what_fits_the_context(make_config):
    config = make_config()
    assert (config.window_bytes, config.batch_windows) == (16, 4)
    data = config.data.model_copy(update={"encoding": "parity"})
    model = ModelConfig(patch_bits=9, context_patches=16, context_hash_bits=())
    assert TrainConfig(data=data, model=model, batch_bytes=64).window_bytes == 16


@pytest.mark.parametrize(
    ("micro_batch_bytes", "world_size", "num_parts"),
    [(None, 1, 1), (64, 1, 1), (1000, 1, 1), (32, 1, 2), (16, 1, 4), (16, 2, 2), (32, 4, 1)],
)
def test_a_batch_is_cut_into_equal_parts(make_config, micro_batch_bytes, world_size, num_parts):
    config = make_config(micro_batch_bytes=micro_batch_bytes)
    assert config.micro_batches(world_size) == num_parts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_bytes": 50}, r"batch_bytes 50.*nearest is 48"),
        ({"micro_batch_bytes": 8}, "micro_batch_bytes 8"),
        ({"micro_batch_bytes": 48}, "micro_batch_bytes 48"),
        ({"model": ModelConfig(patch_bits=1, context_patches=4, context_hash_bits=())}, "4 bits"),
        ({"budget": "soon"}, "2min"),
        ({"batch_bytes": 0}, "batch_bytes"),
        ({"evaluate_every": 1.5}, "evaluate_every"),
        ({"speed": "high"}, "speed"),
        ({"precision": "fp8"}, "precision"),
        ({"trackers": ["carrier pigeon"]}, "trackers"),
        ({"compress_prob": 1.5}, r"compress_prob is 1\.5"),
        ({"compress_prob": 0.5, "direct_prob": 0.6}, "lower compress_prob to 0.4"),
        ({"direct_ramp": 2}, "direct_ramp"),
        ({"codecs": []}, "names no codec"),
        ({"codec_weights": [1, 2]}, "2 codec_weights for 1 codecs"),
        ({"loader_workers": -1}, "loader_workers"),
        ({"gates": ["s is small"]}, "'s is small' is no gate"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(make_config, changes, message):
    with pytest.raises((ConfigError, ValidationError), match=message):
        make_config(**changes)


def test_a_batch_that_does_not_divide_among_processes_is_refused(make_config):
    with pytest.raises(ConfigError, match="3 processes"):
        make_config().micro_batches(world_size=3)


def test_warming_up_and_cooling_down_fit_into_the_budget():
    with pytest.raises(ConfigError, match="exceed the whole budget"):
        ScheduleConfig(warmup_fraction=0.6, cooldown_fraction=0.5)
