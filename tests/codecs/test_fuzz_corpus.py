import numpy as np
import pytest

from bit_transformer.codecs.registry import get_codec
from tests.codecs.fuzzing import CORPUS, TARGETS, check, read_corpus, seeds, write_corpus


@pytest.mark.parametrize("target", TARGETS)
def test_every_kept_input_of_the_fuzzer_is_decoded_as_it_must_be(target):
    inputs = read_corpus(target)
    assert len(inputs) >= 2
    for data in inputs:
        check(target, data)


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzzer_begins_with_decodes(target):
    for data in seeds(target):
        check(target, data)


@pytest.mark.parametrize("target", TARGETS)
def test_random_changes_of_good_inputs_break_nothing(target):
    rng = np.random.default_rng(7)
    for data in seeds(target):
        for _ in range(10):
            changed = np.frombuffer(data, np.uint8).copy()
            for place in rng.integers(0, len(changed), 2):
                changed[place] = rng.integers(0, 256)
            check(target, changed.tobytes())


def test_there_is_a_corpus_for_each_target_and_no_other():
    names = {path.stem for path in CORPUS.iterdir()}
    assert names == {target.replace(":", "-") for target in TARGETS}


def test_a_corpus_is_read_as_it_was_written(tmp_path):
    write_corpus("lz", [b"\x01\x02\x03", b"\xff", b"\xff"], tmp_path)
    assert read_corpus("lz", tmp_path) == [b"\xff", b"\x01\x02\x03"]


def test_the_check_notices_a_decoder_that_gives_too_much(monkeypatch):
    codec = get_codec("stored")
    whole = codec.decode_packed
    monkeypatch.setattr(codec, "decode_packed", lambda payload, num: whole(payload, num + 8))
    with pytest.raises(AssertionError):
        check("stored", b"\x08\x00\x00\x00abcdef")
