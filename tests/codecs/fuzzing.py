"""What must hold of every decoder for any input: one function, for the fuzzer and the replay.

An input is bytes. For a codec: three bytes that give the declared length, one whose low three
bits say how many bits the last byte lacks, and the payload. For frames: the last two of these.
Lengths are small, since uncompiled loops are slow, unless their third byte says otherwise; and
not zero, since a frame of nothing has no payload.
"""

from pathlib import Path

import numpy as np

from bit_transformer.codecs.codec import Codec, Packed, first_bits, unpack
from bit_transformer.codecs.frame import read_frame, write_frame
from bit_transformer.codecs.registry import get_codec

__all__ = ["CORPUS", "MAX_BITS", "TARGETS", "check", "read_corpus", "seeds", "write_corpus"]

MAX_BITS = 1 << 20
"""Source bits that an input may declare: the bound on memory follows from it."""

TARGETS = (
    *("stored", "rle", "huffman", "huffman:english", "lz"),
    *("zstd", "deflate", "lz4", "brotli", "lzma", "frame"),
)

CORPUS = Path(__file__).with_name("corpus")
"""One file for each target, with one input in hexadecimal on each line."""

_SMALL_BITS = 1 << 12

_RE_ENCODED_BITS = 1 << 13
"""Sources up to this size are encoded again."""

_LENGTH_BYTES = 3
_SHORTEST_TEXT = b"to be, or not to be: that is the question"


def check(target: str, data: bytes) -> None:
    """Decode one input, and raise AssertionError if something is not as it must be."""
    if target == "frame":
        _check_frame(_payload(data))
        return
    value = int.from_bytes(data[: _LENGTH_BYTES - 1], "little")
    is_large = data[_LENGTH_BYTES - 1 : _LENGTH_BYTES] == b"\xff"
    num_bits = max(1, value << 4 if is_large else value % (_SMALL_BITS + 1))
    _check_codec(get_codec(target), _payload(data[_LENGTH_BYTES:]), num_bits)


def seeds(target: str) -> list[bytes]:
    """Inputs that decode: what the codec makes of some sources."""
    found = []
    rng = np.random.default_rng(0)
    texts = [_SHORTEST_TEXT, _SHORTEST_TEXT * 6, bytes(300), b"\xff" * 70, rng.bytes(40), b"a", b""]
    for text in texts:
        for num_cut in (0, 3) if text else (0,):
            num_bits = 8 * len(text) - num_cut
            source = first_bits(Packed(np.frombuffer(text, np.uint8), 8 * len(text)), num_bits)
            if not text and target != "frame":
                continue
            if target == "frame":
                names = ("stored", "rle", "huffman", "lz", "zstd", "deflate")
                found += [_input(write_frame(source, name)) for name in names]
            else:
                length = num_bits.to_bytes(_LENGTH_BYTES, "little")
                found.append(length + _input(get_codec(target).encode_packed(source)))
    return found


def read_corpus(target: str, folder: Path = CORPUS) -> list[bytes]:
    """The inputs that were kept for a target."""
    lines = _file(target, folder).read_text(encoding="ascii").split()
    return [bytes.fromhex(line) for line in lines]


def write_corpus(target: str, inputs: list[bytes], folder: Path = CORPUS) -> None:
    """Keep these inputs, the short ones first."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [data.hex() for data in sorted(set(inputs), key=lambda data: (len(data), data)) if data]
    _file(target, folder).write_text("\n".join(lines) + "\n", encoding="ascii")


def _file(target: str, folder: Path) -> Path:
    return folder / f"{target.replace(':', '-')}.hex"


def _input(packed: Packed) -> bytes:
    return bytes([-packed.num_bits % 8]) + packed.data.tobytes()


def _payload(data: bytes) -> Packed:
    num_missing = data[0] & 7 if len(data) > 1 else 0
    body = Packed(np.frombuffer(data[1:], dtype=np.uint8), 8 * max(0, len(data) - 1))
    return first_bits(body, body.num_bits - num_missing)


def _check_codec(codec: Codec, payload: Packed, num_bits: int) -> None:
    found = codec.decode_packed(payload, num_bits)
    _check_packed(found.source)
    assert found.source.num_bits <= num_bits
    assert 0 <= found.num_read <= payload.num_bits
    if found.problem is None:
        assert found.source.num_bits == num_bits
        assert found.problem_position is None
        again = codec.decode_packed(first_bits(payload, found.num_read), num_bits)
        assert again.problem is None
        assert np.array_equal(again.source.data, found.source.data)
    else:
        assert found.problem_position is not None
        assert 0 <= found.problem_position <= payload.num_bits
        assert not codec.is_complete or _is_excused(codec, payload, found.problem_position)
    if found.source.num_bits <= _RE_ENCODED_BITS:
        _check_round_trip(codec, found.source)
        _check_parts(codec, payload, num_bits, found.source, found.problem is None)


def _is_excused(codec: Codec, payload: Packed, position: int) -> bool:
    """Whether a complete code may fail: it was cut, or begins otherwise than it must."""
    prefix = codec.payload_prefix()
    begins_so = np.array_equal(unpack(payload)[: len(prefix)], prefix[: payload.num_bits])
    return position == payload.num_bits or not begins_so


def _check_packed(packed: Packed) -> None:
    assert len(packed.data) == -(-packed.num_bits // 8)
    if packed.num_bits % 8:
        assert not packed.data[-1] & (0xFF >> packed.num_bits % 8)


def _check_round_trip(codec: Codec, source: Packed) -> None:
    if not source.num_bits:
        return
    payload = codec.encode_packed(source)
    _check_packed(payload)
    assert payload.num_bits >= codec.min_payload_bits(source.num_bits)
    found = codec.decode_packed(payload, source.num_bits)
    assert (found.problem, found.num_read) == (None, payload.num_bits)
    assert np.array_equal(found.source.data, source.data)


def _check_parts(
    codec: Codec, payload: Packed, num_bits: int, source: Packed, is_whole: bool
) -> None:
    """A payload in two parts decodes as it does at once."""
    bits = unpack(payload)
    decoder = codec.start_decoding(num_bits)
    middle = len(bits) // 3
    parts = [decoder.feed(bits[:middle]), decoder.feed(bits[middle:]), decoder.finish()]
    assert np.array_equal(np.concatenate(parts), unpack(source))
    assert (decoder.problem is None) == is_whole


def _check_frame(frame: Packed) -> None:
    for is_padded in (False, True):
        found = read_frame(frame, max_bits=MAX_BITS, is_padded=is_padded)
        _check_packed(found.source)
        assert 0 <= found.num_read <= frame.num_bits
        assert found.source.num_bits <= (found.num_source_bits or 0) <= MAX_BITS
        if found.error is None:
            assert found.source.num_bits == found.num_source_bits
        else:
            assert found.error.reason
            assert found.error.fix
            assert found.error.bit_position is None or found.error.bit_position >= 0
