from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bit_transformer.codecs import compress_batch, compress_bits, pad_frames
from bit_transformer.errors import BitsError, CodecError, InputError
from bit_transformer.model import BitTransformerLM
from tests.model.models import build_model, random_bits
from tests.strategies import bit_tensors

CODECS = ("auto", "stored", "rle", "huffman", "huffman:english", "lz", "deflate", "zstd", "lzma")


@pytest.fixture(scope="module")
def model() -> BitTransformerLM:
    return build_model()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool])
def test_one_frame_has_the_logits_of_its_source(
    model: BitTransformerLM, codec: str, dtype: torch.dtype
) -> None:
    bits = random_bits(77).to(dtype)
    assert torch.equal(model.forward_compressed(compress_bits(bits, codec)), model(bits))


@given(bits=bit_tensors(max_size=80))
def test_the_frame_of_any_bits_has_their_logits(model: BitTransformerLM, bits: Tensor) -> None:
    assert torch.equal(model.forward_compressed(compress_bits(bits)), model(bits))


@pytest.mark.parametrize("settings", [{"head": "softmax"}, {"reversible": True}])
def test_the_logits_are_the_same_in_every_kind_of_model(settings: dict[str, Any]) -> None:
    model = build_model(**settings)
    bits = random_bits(3, 60)
    assert torch.equal(model.forward_compressed(compress_batch(bits)), model(bits))


def test_a_list_and_a_padded_batch_have_the_logits_of_their_sources(
    model: BitTransformerLM,
) -> None:
    bits = random_bits(4, 50)
    bits[1] = 0
    frames = compress_batch(bits, "rle")
    assert len({len(frame) for frame in frames}) > 1
    padded, lengths = pad_frames(frames)
    assert torch.equal(model.forward_compressed(frames), model(bits))
    assert torch.equal(model.forward_compressed(padded, lengths), model(bits))


@given(data=st.data())
def test_sources_of_many_lengths_have_the_logits_of_their_padded_batch(
    model: BitTransformerLM, data: st.DataObject
) -> None:
    sources = data.draw(st.lists(bit_tensors(max_size=60), min_size=1, max_size=4))
    logits, num_bits = model.forward_compressed(compress_batch(sources), return_lengths=True)
    assert num_bits.tolist() == [len(source) for source in sources]
    padded, lengths = pad_frames(sources)
    assert torch.equal(logits, model(padded, lengths=lengths))
    for row, source in enumerate(sources):
        # A batch sums in another order than a row alone: equal up to the rounding of float32.
        assert torch.allclose(logits[row, : len(source)], model(source), atol=2e-5)
        assert not logits[row, len(source) :].any()


def test_the_length_of_one_source_is_told_too(model: BitTransformerLM) -> None:
    logits, num_bits = model.forward_compressed(
        compress_bits(random_bits(13), "stored"), return_lengths=True
    )
    assert (logits.shape, num_bits.shape, num_bits.item()) == ((13,), (), 13)


def test_no_frames_have_no_logits(model: BitTransformerLM) -> None:
    logits, num_bits = model.forward_compressed([], return_lengths=True)
    assert (logits.shape, num_bits.shape) == ((0, 0), (0,))


def test_gradients_flow_as_they_do_from_raw_bits() -> None:
    model = build_model()
    bits = random_bits(24)
    found = []
    for logits in (model(bits), model.forward_compressed(compress_bits(bits))):
        model.zero_grad()
        logits.sum().backward()
        gradient = model.start.weight.grad
        assert gradient is not None
        found.append(gradient.clone())
    assert torch.equal(*found)


def test_a_frame_that_is_cut_or_damaged_is_refused(model: BitTransformerLM) -> None:
    frame = compress_bits(random_bits(40), "stored")
    with pytest.raises(CodecError, match="stored"):
        model.forward_compressed(frame[:-1])
    with pytest.raises(CodecError, match="row 1"):
        model.forward_compressed([frame, frame[:-1]])


def test_a_frame_that_holds_too_much_is_refused(model: BitTransformerLM) -> None:
    frame = compress_bits(torch.zeros(1000, dtype=torch.uint8), "rle")
    with pytest.raises(CodecError, match="max_bits=999"):
        model.forward_compressed(frame, max_bits=999)
    with pytest.raises(CodecError, match="max_bits=999"):
        model.forward_compressed([frame], max_bits=999)


def test_lengths_go_with_rows_and_rows_with_lengths(model: BitTransformerLM) -> None:
    frame = compress_bits(random_bits(40), "stored")
    with pytest.raises(InputError, match=r"shape \(1, \d+\) and lengths is missing"):
        model.forward_compressed(frame[None])
    with pytest.raises(InputError, match=r"shape \(\d+,\) and lengths is given"):
        model.forward_compressed(frame, torch.tensor([len(frame)]))
    with pytest.raises(InputError, match="lengths"):
        model.forward_compressed([frame], torch.tensor([len(frame)]))


@pytest.mark.parametrize("frame", [torch.zeros(8), torch.tensor([0, 2], dtype=torch.uint8)])
def test_what_is_not_bits_is_refused(model: BitTransformerLM, frame: Tensor) -> None:
    with pytest.raises(BitsError):
        model.forward_compressed(frame)
