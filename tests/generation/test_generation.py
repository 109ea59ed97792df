import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bit_transformer.bits import bits_to_bytes, bytes_to_bits, text_to_bits
from bit_transformer.errors import BitsError, InputError
from bit_transformer.generation import generate, stream
from tests.generation.models import build_model
from tests.strategies import bit_tensors

PATCH_SIZES = (1, 3, 8, 9, 12, 32)


def _prompts(patch_bits):
    """Prompts that end before, in and behind a patch, and beyond the context of 16 patches."""
    generator = torch.Generator().manual_seed(0)
    lengths = (0, 1, patch_bits, 3 * patch_bits + patch_bits // 2, 20 * patch_bits + 1)
    return [
        torch.randint(0, 2, (length,), generator=generator, dtype=torch.uint8) for length in lengths
    ]


def _equal(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


@pytest.mark.parametrize("patch_bits", PATCH_SIZES)
def test_cached_generation_gives_the_same_bits_as_recomputing(patch_bits):
    model, prompts = build_model(patch_bits), _prompts(patch_bits)
    options = {"num_bits": 24 * patch_bits + 1, "seed": 3}
    cached = generate(model, prompts, **options)
    assert _equal(cached, generate(model, prompts, use_cache=False, **options))
    assert [len(bits) for bits in cached] == [24 * patch_bits + 1] * len(prompts)


@pytest.mark.parametrize("patch_bits", PATCH_SIZES)
def test_a_row_of_a_batch_is_what_it_would_be_alone(patch_bits):
    model, prompts = build_model(patch_bits), _prompts(patch_bits)
    together = generate(model, prompts, num_bits=5 * patch_bits, seed=7, top_p=0.9)
    alone = [
        generate(model, prompt, num_bits=5 * patch_bits, seed=7 + row, top_p=0.9)
        for row, prompt in enumerate(prompts)
    ]
    assert _equal(together, alone)


@pytest.mark.parametrize("patch_bits", PATCH_SIZES)
def test_streaming_gives_the_whole_in_parts(patch_bits):
    model, prompts = build_model(patch_bits), _prompts(patch_bits)
    whole = generate(model, prompts, num_bits=4 * patch_bits + 1, seed=1)
    gains = list(stream(model, prompts, num_bits=4 * patch_bits + 1, seed=1))
    assert all(0 < max(len(bits) for bits in gain) <= patch_bits for gain in gains)
    assert _equal([torch.cat(parts) for parts in zip(*gains, strict=True)], whole)


def test_streaming_one_prompt_yields_tensors(byte_model):
    parts = list(stream(byte_model, text_to_bits("ab"), num_bytes=3, seed=1))
    assert [part.shape for part in parts] == [(8,)] * 3
    whole = generate(byte_model, text_to_bits("ab"), num_bytes=3, seed=1)
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize(("patch_bits", "head"), [(8, "softmax"), (4, "bits"), (12, "bits")])
def test_greedy_bits_are_the_most_probable_pieces_of_the_full_forward_pass(patch_bits, head):
    model = build_model(patch_bits, head=head)
    prompt = torch.tensor([0, 1] * patch_bits, dtype=torch.uint8)
    piece_bits = model.config.piece_bits[0]
    bits = generate(model, prompt, num_bits=piece_bits, temperature=0)
    scores = []
    for value in range(2**piece_bits):
        piece = torch.tensor([int(b) for b in f"{value:0{piece_bits}b}"], dtype=torch.uint8)
        logits = model(torch.cat([prompt, piece]))[len(prompt) :]
        signs = 2 * piece.float() - 1
        scores.append(torch.nn.functional.logsigmoid(signs * logits).sum().item())
    best = max(range(len(scores)), key=scores.__getitem__)
    assert "".join(map(str, bits.tolist())) == f"{best:0{piece_bits}b}"


@pytest.mark.parametrize("patch_bits", [8, 12])
def test_samples_inside_a_patch_follow_the_predictions_given_its_first_bits(patch_bits):
    model = build_model(patch_bits)
    prompt = torch.tensor([0, 1, 1] * 4, dtype=torch.uint8)[: patch_bits + patch_bits // 2]
    num = 2000
    rows = generate(model, [prompt] * num, num_bits=1, seed=0)
    share = torch.cat(rows).float().mean().item()
    following = torch.cat([prompt, torch.zeros(1, dtype=torch.uint8)])
    expected = torch.sigmoid(model(following)[-1]).item()
    # Four standard errors of 2,000 independent draws.
    assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / num) ** 0.5 + 1e-6)


def test_a_seed_repeats_and_another_does_not(byte_model):
    prompt = text_to_bits("x")
    first, again, other = (
        generate(byte_model, prompt, num_bytes=16, seed=seed) for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_a_seed_every_call_draws_anew(byte_model):
    prompt = text_to_bits("x")
    first, second = (generate(byte_model, prompt, num_bytes=32) for _ in range(2))
    assert not torch.equal(first, second)


def test_the_global_random_state_is_neither_read_nor_moved(byte_model):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = generate(byte_model, text_to_bits("x"), num_bytes=8, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert torch.equal(first, generate(byte_model, text_to_bits("x"), num_bytes=8, seed=1))


def test_equal_prompts_of_a_batch_get_different_samples(byte_model):
    first, second = generate(byte_model, [text_to_bits("x")] * 2, num_bytes=16, seed=0)
    assert not torch.equal(first, second)


def test_each_row_may_have_its_own_seed(byte_model):
    prompt = text_to_bits("x")
    rows = generate(byte_model, [prompt, prompt], num_bytes=8, seed=[4, 4])
    assert torch.equal(*rows)


def test_a_matrix_of_prompts_is_a_batch(byte_model):
    prompts = torch.stack([text_to_bits("ab"), text_to_bits("cd")])
    rows = generate(byte_model, prompts, num_bytes=4, seed=2)
    assert _equal(rows, generate(byte_model, list(prompts), num_bytes=4, seed=2))


def test_no_prompts_give_no_rows_and_no_bits_give_an_empty_row(byte_model):
    assert generate(byte_model, [], num_bits=3) == []
    assert generate(byte_model, text_to_bits("a"), num_bits=0).shape == (0,)
    assert list(stream(byte_model, text_to_bits("a"), num_bits=0)) == []


def test_a_prompt_beyond_the_context_is_read_from_its_latest_part(byte_model):
    # 16 patches of context and windows that begin at multiples of 8: byte 40 sees 32 to 39.
    data = bytes(range(60, 100))
    whole = generate(byte_model, bytes_to_bits(data), num_bytes=1, seed=0)
    latest = generate(byte_model, bytes_to_bits(data[32:]), num_bytes=1, seed=0)
    assert torch.equal(whole, latest)


def test_learned_positions_slide_too():
    model = build_model(position="learned")
    bits = generate(model, text_to_bits("a" * 30), num_bytes=40, seed=0)
    assert torch.equal(
        bits, generate(model, text_to_bits("a" * 30), num_bytes=40, seed=0, use_cache=False)
    )


def test_a_context_of_one_patch_generates():
    model = build_model(context_patches=1)
    assert generate(model, text_to_bits("ab"), num_bytes=3, seed=0).shape == (24,)


def test_dropout_is_off_while_generating_and_the_mode_is_kept():
    model = build_model(dropout=0.5)
    quiet = generate(model, text_to_bits("ab"), num_bytes=8, seed=0)
    model.train()
    assert torch.equal(quiet, generate(model, text_to_bits("ab"), num_bytes=8, seed=0))
    assert model.training


def test_text_ends_a_row_behind_its_first_occurrence(byte_model):
    prompts = [text_to_bits("a"), text_to_bits("bc"), torch.tensor([1, 0, 1], dtype=torch.uint8)]
    free = generate(byte_model, prompts, num_bytes=20, seed=0)
    wanted = bits_to_bytes(free[0])[4:6]
    stopped = generate(byte_model, prompts, num_bytes=20, seed=0, stop=wanted)
    assert bits_to_bytes(stopped[0]).endswith(wanted)
    assert len(stopped[0]) <= 6 * 8
    for full, cut in zip(free, stopped, strict=True):
        assert torch.equal(full[: len(cut)], cut)


def test_a_bit_pattern_ends_a_row_inside_a_patch():
    model = build_model(32)
    pattern = torch.tensor([1, 0, 1], dtype=torch.uint8)
    free = generate(model, text_to_bits("abcd"), num_bits=320, seed=0)
    cut = generate(model, text_to_bits("abcd"), num_bits=320, seed=0, stop=pattern)
    first = next(i for i in range(318) if free[i : i + 3].tolist() == [1, 0, 1])
    assert torch.equal(cut, free[: first + 3])


def test_a_pattern_in_the_prompt_does_not_count(byte_model):
    bits = generate(byte_model, text_to_bits("zz"), num_bytes=4, seed=0, stop="zz")
    assert len(bits) == 32 or bits_to_bytes(bits).endswith(b"zz")


def test_a_function_ends_a_row_after_the_patch_it_was_asked_about(byte_model):
    seen = []

    def enough(bits):
        seen.append(bits.clone())
        return len(bits) >= 24

    bits = generate(byte_model, text_to_bits("a"), num_bytes=9, seed=0, stop=enough)
    assert len(bits) == 24
    assert [len(one) for one in seen] == [8, 16, 24]
    assert torch.equal(seen[-1], bits)


def test_a_function_cannot_change_what_was_generated(byte_model):
    free = generate(byte_model, text_to_bits("a"), num_bytes=9, seed=0)
    spoiled = generate(
        byte_model, text_to_bits("a"), num_bytes=9, seed=0, stop=lambda bits: bool(bits.zero_()[0])
    )
    assert torch.equal(free, spoiled)


@settings(max_examples=15)
@given(prompt=bit_tensors(max_size=300), num_bits=st.integers(0, 40))
def test_any_bit_string_is_a_prompt_and_any_length_is_made(byte_model, prompt, num_bits):
    bits = generate(byte_model, prompt, num_bits=num_bits, seed=0)
    assert bits.shape == (num_bits,)
    assert bits.dtype == torch.uint8
    assert set(bits.tolist()) <= {0, 1}


def test_bool_prompts_are_bits(byte_model):
    prompt = text_to_bits("ab")
    rows = [generate(byte_model, one, num_bytes=4, seed=0) for one in (prompt, prompt.bool())]
    assert torch.equal(*rows)


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        (torch.zeros(3), {"num_bits": 1}, "uint8"),
        (torch.tensor([0, 2], dtype=torch.uint8), {"num_bits": 1}, "2"),
        (torch.zeros(1, 1, 1, dtype=torch.uint8), {"num_bits": 1}, "shape"),
        ([torch.zeros(1, 1, dtype=torch.uint8)], {"num_bits": 1}, r"prompt_bits\[0\]"),
        ("text", {"num_bits": 1}, "text_to_bits"),
        (b"bytes", {"num_bits": 1}, "bytes_to_bits"),
        (torch.zeros(1, dtype=torch.uint8), {}, "exactly one of num_bits and num_bytes"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "num_bytes": 1}, "exactly one"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": -1}, "num_bits must be .* got -1"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bytes": 1.5}, "num_bytes must be .* got 1.5"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": True}, "got True"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "seed": -1}, "seed must be"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "seed": [1, 2]}, "2 seeds for 1"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "temperature": -1}, "temperature"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "top_p": 0}, "top_p"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "top_k": 0}, "top_k"),
        (torch.zeros(1, dtype=torch.uint8), {"num_bits": 1, "stop": ""}, "stop"),
    ],
)
@pytest.mark.parametrize("function", [generate, stream])
def test_wrong_arguments_are_refused_at_the_call(byte_model, function, prompt, options, message):
    with pytest.raises(InputError, match=message):
        function(byte_model, prompt, **options)


def test_prompts_that_are_no_bits_raise_bits_error(byte_model):
    with pytest.raises(BitsError):
        generate(byte_model, torch.zeros(3), num_bits=1)
