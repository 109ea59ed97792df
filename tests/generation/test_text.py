from bit_transformer.bits import bits_to_bytes, bytes_to_bits, text_to_bits
from bit_transformer.generation import generate, generate_text, stream_text


def test_streamed_text_is_the_generated_bytes_as_text(byte_model):
    bits = generate(byte_model, text_to_bits("é"), num_bytes=60, seed=4)
    expected = bits_to_bytes(bits).decode(errors="replace")
    pieces = list(stream_text(byte_model, "é", num_bytes=60, seed=4))
    assert "".join(pieces) == expected
    assert all(pieces)
    assert generate_text(byte_model, "é", num_bytes=60, seed=4) == expected


def test_every_piece_is_valid_unicode(byte_model):
    for piece in stream_text(byte_model, "x", num_bytes=100, seed=1):
        piece.encode()


def test_a_character_begun_in_the_prompt_is_completed(byte_model, monkeypatch):
    begun, rest = "é".encode()[:1], "é!".encode()[1:]
    monkeypatch.setattr(
        "bit_transformer.generation.text.stream",
        lambda *_, **__: iter(bytes_to_bits(rest).split(3)),
    )
    pieces = list(stream_text(byte_model, bytes_to_bits(begun), num_bytes=2))
    assert "".join(pieces) == "é!"


def test_a_character_that_is_never_completed_is_replaced(byte_model, monkeypatch):
    monkeypatch.setattr(
        "bit_transformer.generation.text.stream",
        lambda *_, **__: iter([bytes_to_bits("a€".encode()[:3])]),
    )
    assert "".join(stream_text(byte_model, "", num_bytes=3)) == "a\N{REPLACEMENT CHARACTER}"


def test_text_options_are_those_of_generate(byte_model):
    greedy = generate_text(byte_model, "x", num_bytes=12, temperature=0)
    assert greedy == generate_text(byte_model, "x", num_bytes=12, top_k=1, seed=8)
    stopped = generate_text(
        byte_model, "x", num_bytes=12, temperature=0, stop=lambda bits: len(bits) > 8
    )
    # Two bytes may end within a character, which is then marked where it would have gone on.
    assert greedy.startswith(stopped.rstrip("\N{REPLACEMENT CHARACTER}"))
    assert len(stopped.encode()) < len(greedy.encode())
