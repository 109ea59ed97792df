import pytest
import torch

from bit_transformer.bits import text_to_bits
from bit_transformer.codecs import compress_batch, compress_bits, pad_frames
from bit_transformer.errors import BitsError, CodecError, InputError
from bit_transformer.generation import model_output_decompress

SOURCES = [text_to_bits(text) for text in ("", "a", "hello", "good morning")]


def test_one_frame_gives_its_data():
    for source in SOURCES:
        assert torch.equal(model_output_decompress(compress_bits(source)), source)


@pytest.mark.parametrize("strict", [True, False])
def test_several_frames_give_theirs_as_a_list_or_as_rows(strict):
    frames = compress_batch(SOURCES, "huffman:english")
    padded, lengths = pad_frames(frames)
    for found in (
        model_output_decompress(frames, strict=strict),
        model_output_decompress(tuple(frames), strict=strict),
        model_output_decompress(padded, lengths=lengths, strict=strict),
        model_output_decompress(padded, lengths=lengths.tolist(), strict=strict),
    ):
        data = found if strict else [part.bits for part in found]
        assert all(torch.equal(*pair) for pair in zip(data, SOURCES, strict=True))


def test_rows_without_lengths_are_frames_up_to_their_end():
    frames = compress_batch(torch.stack([text_to_bits("ab"), text_to_bits("cd")]), "stored")
    found = model_output_decompress(torch.stack(frames))
    assert [part.tolist() for part in found] == [
        text_to_bits("ab").tolist(),
        text_to_bits("cd").tolist(),
    ]


def test_strict_names_row_codec_position_reason_and_fix():
    frame = compress_bits(text_to_bits("hello"), "huffman:english")
    with pytest.raises(CodecError) as caught:
        model_output_decompress([frame, frame[:-3]])
    error = caught.value
    assert error.codec == "huffman"
    assert error.bit_position == len(frame) - 3
    assert "row 1" in error.reason
    assert error.fix
    for part in ("huffman", str(error.bit_position), error.reason, error.fix):
        assert part in str(error)
    with pytest.raises(CodecError, match="follow"):
        model_output_decompress(torch.cat([frame, frame[:4]]))


def test_lenient_gives_the_longest_valid_prefix_and_says_so():
    source = text_to_bits("hello")
    frame = compress_bits(source, "huffman:english")
    whole, cut = model_output_decompress([frame, frame[:-3]], strict=False)
    assert (whole.is_complete, whole.error) == (True, None)
    assert not cut.is_complete
    assert isinstance(cut.error, CodecError)
    assert cut.num_source_bits == 40
    assert torch.equal(cut.bits, source[: len(cut.bits)])
    assert len(cut.bits) == 32


def test_a_frame_that_holds_too_much_is_refused():
    frame = compress_bits(torch.zeros(10_000, dtype=torch.uint8), "rle")
    with pytest.raises(CodecError, match="max_bits=100"):
        model_output_decompress(frame, max_bits=100)
    assert len(model_output_decompress(frame, max_bits=100, strict=False).bits) == 0


def test_what_is_no_frame_is_refused():
    with pytest.raises(BitsError):
        model_output_decompress(torch.zeros(8))
    with pytest.raises(BitsError):
        model_output_decompress(torch.tensor([0, 2], dtype=torch.uint8), strict=False)
    with pytest.raises(InputError, match="rows of one tensor"):
        model_output_decompress(compress_bits(SOURCES[1]), lengths=[3])
