import json

import pytest
import torch

from bit_transformer.bits import bytes_to_bits, pack_bits, text_to_bits
from bit_transformer.codecs import compress_bits
from bit_transformer.errors import BitsError, InputError
from bit_transformer.telemetry import measure, measure_compressed

TEXT = text_to_bits("the same words, again and again and again. " * 30)


def no_idea_of_streams(bits: torch.Tensor, kind: str) -> torch.Tensor | None:
    return torch.zeros(len(bits)) if kind == "stream" else None


def test_the_source_is_measured_unless_asked_otherwise():
    frame = compress_bits(TEXT, "huffman")
    found = measure_compressed(frame)
    assert found.source == measure(TEXT)
    assert (found.stream, found.codec, found.is_decodable) == (None, "huffman", True)
    assert found.num_decoded_bits == len(TEXT)
    assert measure_compressed(frame, which="stream").source is None
    both = measure_compressed(frame, which="both", predict=no_idea_of_streams, window=512)
    assert both.source is not None
    assert both.stream is not None
    assert both.source.s is None
    assert both.source.traces["k"].window_bits == 512
    assert both.stream.values() == measure(frame, logits=torch.zeros(len(frame))).values()


def test_compressed_bits_are_nearer_to_a_coin_than_their_source():
    letters = torch.randint(0, 90, (5000,), generator=torch.Generator().manual_seed(0)) ** 2 // 90
    source = bytes_to_bits((letters + 32).to(torch.uint8).numpy())
    found = measure_compressed(compress_bits(source, "huffman"), which="both")
    assert found.source is not None
    assert found.stream is not None
    assert found.stream.k < found.source.k - 0.1


def test_frames_in_bytes_are_unpacked():
    frame = compress_bits(TEXT, "huffman")
    found = measure_compressed(pack_bits(frame), packed=True, which="both")
    assert found.is_decodable
    assert found.source == measure(TEXT)


def test_what_does_not_decode_is_reported_and_its_valid_part_measured():
    frame = compress_bits(TEXT, "huffman")
    found = measure_compressed(frame[: len(frame) // 2], which="both")
    assert not found.is_decodable
    assert found.error is not None
    assert 0 < found.num_decoded_bits < len(TEXT)
    assert found.source == measure(TEXT[: found.num_decoded_bits])
    content = json.loads(json.dumps(found.as_dict()))
    assert "huffman" in content["error"]


def test_a_header_cut_off_leaves_nothing_to_measure():
    found = measure_compressed(compress_bits(TEXT, "huffman")[:2])
    assert (found.source, found.is_decodable, found.num_decoded_bits) == (None, False, 0)
    assert found.error is not None


def test_a_frame_that_declares_too_much_is_not_decompressed():
    found = measure_compressed(compress_bits(TEXT, "stored"), max_bits=100)
    assert (found.source, found.is_decodable) == (None, False)


def test_questions_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="which='all' must be one of source, stream, both"):
        measure_compressed(TEXT, which="all")  # type: ignore[arg-type]
    with pytest.raises(BitsError):
        measure_compressed(torch.zeros(2, 2, dtype=torch.uint8))
