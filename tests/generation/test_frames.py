"""Frames that a model writes: they begin with the prompt, decompress, and end where they end."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.bits import bits_to_bytes, bytes_to_bits, text_to_bits
from bit_transformer.codecs import (
    compress_bits,
    decompress_bits,
    frame_header,
    frame_info,
    get_codec,
)
from bit_transformer.errors import CodecError, InputError
from bit_transformer.generation import generate, generate_text, model_output_decompress, stream
from bit_transformer.generation.frames import PromptConstraint, open_frame
from tests.generation.models import build_model
from tests.strategies import bit_tensors

COMPLETE = ("stored", "rle", "lz", "huffman:english")


def random_bits(size, seed=0):
    return torch.randint(
        0, 2, (size,), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("codec", COMPLETE)
@pytest.mark.parametrize("prompt", ["", "the cat sat", "\0\0\0\0", "a" * 40])
def test_whatever_a_model_writes_in_a_complete_codec_decompresses(byte_model, codec, prompt):
    bits = text_to_bits(prompt)
    options: dict[str, Any] = {"num_bytes": 20, "codec": codec, "seed": 1}
    frame = generate(byte_model, bits, **options)
    data = generate(byte_model, bits, decompress=True, **options)
    assert frame_info(frame).codec == codec.partition(":")[0]
    whole = model_output_decompress(frame)
    assert torch.equal(whole, torch.cat([bits, data]))
    assert len(data) == 160


@settings(max_examples=25)
@given(prompt=bit_tensors(max_size=80), num_bits=st.integers(0, 60), seed=st.integers(0, 3))
@pytest.mark.parametrize("codec", ["stored", "rle"])
@pytest.mark.parametrize("patch_bits", [3, 8, 20])
def test_any_prompt_is_what_the_frame_begins_with(
    models, patch_bits, codec, prompt, num_bits, seed
):
    model = models[patch_bits]
    options: dict[str, Any] = {"num_bits": num_bits, "codec": codec, "seed": seed}
    frame = generate(model, prompt, **options)
    whole = decompress_bits(frame)
    assert len(whole) == len(prompt) + num_bits
    assert torch.equal(whole[: len(prompt)], prompt)
    data = generate(model, prompt, decompress=True, **options)
    assert torch.equal(data, whole[len(prompt) :])


@settings(max_examples=10)
@given(data=st.data(), seed=st.integers(0, 3))
def test_batches_and_streams_write_what_single_rows_write(byte_model, data, seed):
    prompts = data.draw(st.lists(bit_tensors(max_size=60), min_size=1, max_size=4))
    for decompress in (False, True):
        options: dict[str, Any] = {"num_bits": 30, "codec": "rle", "decompress": decompress}
        alone = [
            generate(byte_model, prompt, seed=seed + row, **options)
            for row, prompt in enumerate(prompts)
        ]
        together = generate(byte_model, prompts, seed=seed, **options)
        streamed = list(stream(byte_model, prompts, seed=seed, **options))
        for row, expected in enumerate(alone):
            assert torch.equal(together[row], expected)
            assert torch.equal(torch.cat([gains[row] for gains in streamed]), expected)


@pytest.fixture(scope="module")
def models():
    return {patch_bits: build_model(patch_bits) for patch_bits in (3, 8, 20)}


def test_the_model_reads_its_frame_as_a_frame(byte_model):
    prompt = frame_header("stored", 64)
    direct = generate(byte_model, prompt, num_bits=64, view="direct", temperature=0)
    raw = generate(byte_model, prompt, num_bits=64, view="raw", temperature=0)
    named = generate(
        byte_model, text_to_bits(""), num_bits=64, codec="stored", decompress=True, temperature=0
    )
    assert torch.equal(direct, named)
    assert not torch.equal(direct, raw)
    assert torch.equal(raw, generate(byte_model, prompt, num_bits=64, temperature=0))
    compressed = generate(byte_model, prompt, num_bits=64, view="compressed", temperature=0)
    assert torch.equal(raw, compressed)


def test_without_a_codec_the_prompt_is_the_beginning_of_a_frame(byte_model):
    frame = compress_bits(text_to_bits("hello world"), "huffman:english")
    opening = frame[:50]
    known = model_output_decompress(opening, strict=False).bits
    data = generate(byte_model, opening, num_bytes=3, decompress=True, seed=2)
    added = generate(byte_model, opening, num_bits=100, view="direct", seed=2)
    whole = model_output_decompress(torch.cat([opening, added]), strict=False).bits
    assert torch.equal(data, whole[len(known) : len(known) + 24])


def test_generation_ends_where_the_frame_does(byte_model):
    prompt = frame_header("huffman:english", 32)
    data = generate(byte_model, prompt, num_bytes=100, decompress=True, seed=0)
    assert len(data) == 32
    pieces = list(stream(byte_model, prompt, num_bytes=100, decompress=True, seed=0))
    assert torch.equal(torch.cat(pieces), data)


def test_a_damaged_frame_is_an_error_or_a_warning(byte_model):
    other_version = torch.tensor([1, 1, 1, 1], dtype=torch.uint8)
    options: dict[str, Any] = {"num_bytes": 4, "decompress": True, "seed": 0}
    with pytest.raises(CodecError, match=r"does not decompress: .*version.*") as caught:
        generate(byte_model, other_version, **options)
    assert "strict=False" in caught.value.fix
    with pytest.warns(UserWarning, match="only the valid part"):
        data = generate(byte_model, other_version, strict=False, **options)
    assert len(data) == 0
    with pytest.raises(CodecError, match="version"):
        list(stream(byte_model, other_version, **options))


def test_a_codec_that_decodes_at_its_end_is_read_when_its_frame_must_have_ended(byte_model):
    text = b"the quick brown fox jumps over the lazy dog; how vexingly quick daft zebras jump"
    opening = compress_bits(bytes_to_bits(text), "deflate")[:-40]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damage, unless what is drawn happens to be valid
        data = generate(
            byte_model, opening, num_bytes=len(text), decompress=True, strict=False, seed=0
        )
    assert bits_to_bytes(data)[:60] == text[:60]


def test_stops_are_looked_for_in_what_is_returned(byte_model):
    options: dict[str, Any] = {"num_bytes": 60, "codec": "huffman:english", "seed": 0}
    prompt = text_to_bits("ab")
    free = bits_to_bytes(generate(byte_model, prompt, decompress=True, **options))
    stop = free[5:6]
    cut = generate(byte_model, prompt, decompress=True, stop=stop, **options)
    assert bits_to_bytes(cut) == free[: free.index(stop) + 1]
    pieces = list(stream(byte_model, prompt, decompress=True, stop=stop, **options))
    assert torch.equal(torch.cat(pieces), cut)


def test_text_can_be_written_in_a_codec(byte_model):
    text = generate_text(byte_model, "the ", num_bytes=12, codec="huffman:english", seed=3)
    bits = generate(
        byte_model, text_to_bits("the "), num_bytes=12, codec="huffman:english", decompress=True,
        seed=3,
    )  # fmt: skip
    assert (
        text.encode(errors="replace")[:3]
        == bits_to_bytes(bits).decode(errors="replace").encode(errors="replace")[:3]
    )


def test_the_cache_changes_no_bit_of_a_frame(byte_model):
    options: dict[str, Any] = {"num_bytes": 30, "codec": "rle", "seed": 1}
    frames = [
        generate(byte_model, text_to_bits("xy "), use_cache=use_cache, **options)
        for use_cache in (False, True)
    ]
    assert torch.equal(*frames)


@pytest.mark.parametrize("num_zeros", [1, 2, 7, 100, 300])
def test_the_run_in_which_a_prompt_ends_can_go_on_unless_it_is_long(num_zeros):
    prompt = np.array([1, 1] + [0] * num_zeros, dtype=np.uint8)
    opening = open_frame(get_codec("rle"), prompt, num_source_bits=400)
    assert (opening.constraint is None) == (num_zeros > 256)
    if opening.constraint is not None:
        allowed = opening.constraint.allowed(np.empty(0, dtype=np.uint8), 12)
        codec = get_codec("rle")
        for value in range(0, 4096, 17):
            bits = np.array([value >> (11 - i) & 1 for i in range(12)], dtype=np.uint8)
            payload = np.concatenate([opening.bits, bits])
            found = codec.start_decoding(400)
            header = len(frame_header("rle", 400))
            data = found.feed(payload[header:])
            agrees = np.array_equal(data[: len(prompt)], prompt[: len(data)])
            # What already disagrees is not allowed; what has reached the end and agrees, is.
            assert agrees or not allowed[value]
            if agrees and len(data) >= len(prompt):
                assert allowed[value]


def test_a_constraint_leads_to_the_prompt_and_then_allows_everything():
    codec = get_codec("rle")
    prompt = np.array([0, 0, 0, 0, 0], dtype=np.uint8)
    constraint = PromptConstraint(codec, 50, prompt, np.zeros(1, dtype=np.uint8))
    generator = np.random.default_rng(0)
    while not constraint.is_met:
        allowed = constraint.allowed(np.empty(0, dtype=np.uint8), 1)
        assert allowed.any()
        constraint.follow(generator.choice(np.flatnonzero(allowed), 1).astype(np.uint8))
    assert constraint.allowed(np.empty(0, dtype=np.uint8), 3).all()


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ("ab", {"codec": "zstd"}, "complete codec, such as 'rle'"),
        ("ab", {"codec": "huffman"}, "not all that a model could write in 'huffman'"),
        ("ab", {"codec": "auto"}, "codec='auto' is for data that is there"),
        ("ab", {"codec": "gone"}, "there is no codec 'gone'"),
        ("ab", {"codec": "rle", "view": "raw"}, "codec is for a model that writes compressed"),
        ("ab", {"decompress": True, "view": "compressed"}, "decompress is for a model that"),
        ("ab", {"view": "zip"}, "unknown view 'zip'; choose one of raw, compressed, direct"),
    ],
)
@pytest.mark.parametrize("function", [generate, stream])
def test_what_does_not_fit_is_refused(byte_model, function, prompt, options, message):
    with pytest.raises(InputError, match=message):
        function(byte_model, text_to_bits(prompt), num_bytes=1, **options)


@pytest.mark.parametrize("codec", ["lz", "huffman:english"])
def test_codecs_of_bytes_take_prompts_of_bytes(byte_model, codec):
    with pytest.raises(InputError, match="codes whole bytes, and the prompt has 13 bits"):
        generate(byte_model, random_bits(13), num_bits=8, codec=codec)
