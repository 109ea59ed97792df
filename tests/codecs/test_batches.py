import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.codecs import (
    compress_batch,
    compress_bits,
    decompress_batch,
    pad_frames,
    split_frames,
)
from bit_transformer.errors import BitsError, CodecError, InputError
from tests.strategies import bit_tensors


@given(st.lists(bit_tensors(), min_size=1, max_size=4), st.booleans())
def test_rows_of_any_lengths_come_back_from_a_list_and_from_padding(
    rows: list[Tensor], is_bool: bool
):
    rows = [row.bool() if is_bool else row for row in rows]
    frames = compress_batch(rows)
    padded, lengths = pad_frames(frames)
    assert padded.dtype == rows[0].dtype
    assert padded.shape == (len(rows), max(len(frame) for frame in frames))
    assert lengths.tolist() == [len(frame) for frame in frames]
    for restored in (decompress_batch(frames), decompress_batch(padded, lengths)):
        assert all(torch.equal(a, b) for a, b in zip(restored, rows, strict=True))


def test_a_batch_is_compressed_row_by_row():
    bits = torch.tensor([[0, 1, 1], [1, 1, 1]], dtype=torch.uint8)
    frames = compress_batch(bits, "rle")
    for frame, row in zip(frames, bits, strict=True):
        assert torch.equal(frame, compress_bits(row, "rle"))
    assert compress_batch(bits[:0]) == []


def test_lengths_may_be_numbers():
    frames = compress_batch(torch.eye(3, dtype=torch.uint8))
    padded, lengths = pad_frames(frames)
    parts = split_frames(padded, lengths.tolist())
    assert all(torch.equal(a, b) for a, b in zip(parts, frames, strict=True))


def test_a_frame_that_does_not_decompress_is_named_by_its_row():
    frames = compress_batch(torch.zeros(2, 40, dtype=torch.uint8), "rle")
    with pytest.raises(CodecError, match="row 1: ") as caught:
        decompress_batch([frames[0], frames[1][:-1]])
    assert caught.value.codec == "rle"
    assert caught.value.bit_position is not None
    with pytest.raises(CodecError, match=r"row 0: .*max_bits=39"):
        decompress_batch(frames, max_bits=39)


@pytest.mark.parametrize("lengths", [[1], [1, 2, 3], [-1, 2], [4, 1]])
def test_lengths_that_do_not_fit_are_refused(lengths: list[int]):
    with pytest.raises(InputError):
        split_frames(torch.zeros(2, 3, dtype=torch.uint8), lengths)


def test_padding_and_lengths_belong_together():
    padded = torch.zeros(2, 3, dtype=torch.uint8)
    with pytest.raises(InputError, match="lengths belong to a padded tensor"):
        decompress_batch(padded)
    with pytest.raises(InputError, match="lengths belong to a padded tensor"):
        decompress_batch([padded[0]], [3])
    with pytest.raises(InputError, match="no frames to pad"):
        pad_frames([])
    with pytest.raises(BitsError, match="frame 1"):
        pad_frames([padded[0], padded])
    with pytest.raises(BitsError):
        compress_batch(padded[0])
