import numpy as np
import pytest

from bit_transformer.codecs.zstd import ZstdCodec, train_dictionary
from bit_transformer.errors import InputError

MESSAGES = [
    f'{{"level": "info", "user": {n * 7919 % 1000}, "event": "sign-in", "ok": true}}'.encode()
    for n in range(2000)
]


def bits_of(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8))


@pytest.fixture(scope="module")
def dictionary() -> bytes:
    return train_dictionary(MESSAGES[:1500], 2048)


def test_a_frame_header_is_not_spent():
    assert len(ZstdCodec().encode(bits_of(b"a"))) == 8 * 4


def test_a_trained_dictionary_shortens_short_messages(dictionary):
    plain, helped = ZstdCodec(), ZstdCodec(dictionary=dictionary)
    bits = bits_of(MESSAGES[1700])
    payload = helped.encode(bits)
    assert len(payload) < 0.7 * len(plain.encode(bits))
    found = helped.decode(payload, len(bits))
    assert (found.problem, found.num_read) == (None, len(payload))
    assert np.array_equal(found.bits, bits)


def test_any_bytes_may_be_a_dictionary():
    bits = bits_of(MESSAGES[5])
    helped = ZstdCodec(dictionary=MESSAGES[4])
    assert len(helped.encode(bits)) < len(ZstdCodec().encode(bits))
    assert np.array_equal(helped.decode(helped.encode(bits), len(bits)).bits, bits)


def test_large_sources_come_back_with_a_dictionary(dictionary):
    rng = np.random.default_rng(1)
    data = b"".join(MESSAGES) * 3 + bytes(rng.integers(0, 256, 200_000, dtype=np.uint8))
    for level in (-7, 3, 19):
        codec = ZstdCodec(level, dictionary)
        found = codec.decode(codec.encode(bits_of(data)), 8 * len(data))
        assert found.problem is None
        assert np.array_equal(found.bits, bits_of(data))


def test_the_wrong_dictionary_is_noticed(dictionary):
    bits = bits_of(MESSAGES[3])
    payload = ZstdCodec(dictionary=dictionary).encode(bits)
    without = ZstdCodec().decode(payload, len(bits))
    other = ZstdCodec(dictionary=MESSAGES[0]).decode(payload, len(bits))
    needless = ZstdCodec(dictionary=dictionary).decode(ZstdCodec().encode(bits), len(bits))
    assert "needs the dictionary" in str(without.problem)
    assert "another one" in str(other.problem)
    assert "without the dictionary" in str(needless.problem)
    assert len(without.bits) == len(other.bits) == len(needless.bits) == 0


def test_every_payload_with_a_dictionary_begins_alike(dictionary):
    codec = ZstdCodec(dictionary=dictionary)
    prefix = codec.payload_prefix()
    assert len(prefix) == 40
    for message in MESSAGES[:3]:
        assert np.array_equal(codec.encode(bits_of(message))[:40], prefix)
    assert len(ZstdCodec().payload_prefix()) == 0


def test_settings_are_kept_one_by_one(dictionary):
    codec = ZstdCodec().configured(dictionary=dictionary).configured(level=19)
    assert (codec.level, codec.dictionary) == (19, dictionary)
    assert codec.configured() is codec


@pytest.mark.parametrize("dictionary", [b"", b"\x37\xa4\x30\xec and then nonsense"])
def test_what_cannot_be_a_dictionary_is_refused(dictionary):
    with pytest.raises(InputError, match="no dictionary"):
        ZstdCodec(dictionary=dictionary)


def test_too_few_samples_are_refused():
    with pytest.raises(InputError, match="give more samples"):
        train_dictionary([b"one"], 1024)


def test_training_is_repeatable():
    assert train_dictionary(MESSAGES[:500], 1024) == train_dictionary(MESSAGES[:500], 1024)
