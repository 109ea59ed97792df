"""Levels spend what they say: more contexts and fewer lanes the more they may take."""

from bit_transformer.archive.mixing import MAX_BLOCK_BYTES, MAX_LANES, READABLE_VERSIONS, Level
from bit_transformer.archive.mixing.contexts import NUM_CONTEXTS
from bit_transformer.archive.mixing.levels import default_lanes, level_settings

SIZES = (0, 1, 20_000, 30_000, 300_000, 1 << 21, MAX_BLOCK_BYTES)


def test_higher_levels_use_all_that_lower_ones_do() -> None:
    fast, default, best = (level_settings(level) for level in Level)
    for lower, higher in ((fast, default), (default, best)):
        assert set(lower.text_contexts) < set(higher.text_contexts)
        assert set(lower.binary_contexts) <= set(higher.binary_contexts)
        assert lower.max_log_buckets < higher.max_log_buckets


def test_every_context_that_is_used_is_one_that_there_is() -> None:
    for level in Level:
        settings = level_settings(level)
        for contexts in (settings.text_contexts, settings.binary_contexts):
            assert len(set(contexts)) == len(contexts)
            assert set(contexts) <= set(range(NUM_CONTEXTS))


def test_memory_grows_with_the_block_up_to_the_level() -> None:
    for level in Level:
        settings = level_settings(level)
        logs = [settings.log_buckets(size) for size in SIZES]
        assert logs == sorted(logs)
        assert logs[0] == 10
        assert logs[-1] == settings.max_log_buckets


def test_blocks_are_one_lane_but_with_an_engine_up_to_version_3() -> None:
    for level in Level:
        for version in READABLE_VERSIONS:
            settings = level_settings(level, version)
            lanes = [default_lanes(settings, size, has_engine=True) for size in SIZES]
            assert lanes == sorted(lanes)
            assert lanes[:3] == [1, 1, 1]
            assert lanes[-1] <= MAX_LANES if version < 4 else lanes[-1] == 1
            assert default_lanes(settings, MAX_BLOCK_BYTES, has_engine=False) == 1
    assert default_lanes(level_settings(Level.DEFAULT, 3), 1 << 21, has_engine=True) == 8
