import json

import pytest

from bit_transformer.codecs import codec_names

TEXT = b"It was the best of times, it was the worst of times. " * 30


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A text file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "book.txt"
    path.write_bytes(TEXT)
    return path


def test_a_file_is_compressed_and_comes_back(book, call):
    code, out, _ = call("codec", "compress", "book.txt")
    frame = book.with_name("book.txt.frame")
    assert code == 0
    assert f"to {frame.stat().st_size} bytes by " in out
    assert frame.stat().st_size < len(TEXT) / 5
    book.unlink()
    code, out, _ = call("codec", "decompress", "book.txt.frame")
    assert (code, book.read_bytes()) == (0, TEXT)
    assert "book.txt: 1.6 KB by " in out


@pytest.mark.parametrize("name", ["stored", "rle", "huffman:english", "lz", "lz:9", "zstd:19"])
def test_the_codec_is_the_one_that_was_named(book, call, name):
    code, out, _ = call("codec", "compress", "book.txt", "--codec", name, "--out", "x", "--json")
    facts = json.loads(out)
    assert (code, facts["codec"]) == (0, name.partition(":")[0])
    assert facts["compressed_fraction"] == (book.with_name("x").stat().st_size) / len(TEXT)
    assert call("codec", "decompress", "x", "--out", "y")[0] == 0
    assert book.with_name("y").read_bytes() == TEXT


def test_an_empty_file_comes_back(book, call):
    book.write_bytes(b"")
    assert call("codec", "compress", "book.txt")[0] == 0
    assert call("codec", "decompress", "book.txt.frame", "--out", "empty")[0] == 0
    assert book.with_name("empty").read_bytes() == b""


def test_what_is_there_is_replaced_only_by_force(book, call):
    call("codec", "compress", "book.txt")
    code, out, err = call("codec", "decompress", "book.txt.frame")
    assert (code, out) == (2, "")
    assert "book.txt exists; choose another name with --out, or pass --force" in err
    assert call("codec", "decompress", "book.txt.frame", "--force")[0] == 0


def test_a_damaged_frame_is_refused_or_kept_in_part(book, call):
    call("codec", "compress", "book.txt", "--codec", "lz", "--out", "x")
    whole = book.with_name("x").read_bytes()
    book.with_name("cut.frame").write_bytes(whole[: len(whole) // 2])
    code, out, err = call("codec", "decompress", "cut.frame")
    assert (code, out) == (1, "")
    assert "the lz frame is wrong at bit" in err
    assert not book.with_name("cut").exists()
    code, out, err = call("codec", "decompress", "cut.frame", "--partial", "--json")
    kept = book.with_name("cut").read_bytes()
    facts = json.loads(out)
    assert code == 1
    assert "damaged: the lz frame" in err
    assert (facts["is_complete"], facts["num_declared_bytes"]) == (False, len(TEXT))
    assert facts["num_bytes"] == len(kept) > 0
    assert TEXT.startswith(kept)


def test_a_frame_that_declares_too_much_is_refused(book, call):
    call("codec", "compress", "book.txt")
    code, _, err = call("codec", "decompress", "book.txt.frame", "--out", "x", "--max-size", "0")
    assert code == 1
    assert "max_bits=0" in err


def test_bits_that_are_no_whole_bytes_are_not_written(book, call):
    from bit_transformer.bits import bytes_to_bits
    from bit_transformer.codecs import compress_bits

    frame = compress_bits(bytes_to_bits(TEXT)[:-3], packed=True)
    book.with_name("odd.frame").write_bytes(frame.numpy().tobytes())
    code, _, err = call("codec", "decompress", "odd.frame")
    assert code == 2
    assert "whole bytes" in err


def test_the_list_names_every_codec(call):
    code, out, _ = call("codec", "list")
    assert code == 0
    assert all(f"\n{name} " in out for name in codec_names())
    rows = {row["codec"]: row for row in json.loads(call("codec", "list", "--json")[1])}
    assert rows["lz"]["is_complete"]
    assert not rows["zstd"]["is_complete"]
    assert rows["zstd"]["levels"] == "-7 to 22"


def test_the_list_says_what_is_not_installed(call, monkeypatch):
    from bit_transformer.codecs import registry

    def missing(name):
        from bit_transformer.errors import MissingDependencyError

        raise MissingDependencyError(name, "codecs", f"the codec {name}")

    monkeypatch.setattr(registry, "_load", missing)
    _, out, _ = call("codec", "list")
    assert "pip install 'bit-transformer[codecs]'" in out


def test_codecs_are_compared(book, call):
    code, out, _ = call("codec", "bench", "book.txt", "--codecs", "lz", "stored", "auto", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [row["codec"] for row in rows][-1] == "stored"
    for row in rows:
        assert row["compressed_fraction"] * row["compression_ratio"] == pytest.approx(1)
        assert row["compressed_fraction"] == row["num_bits"] / (8 * len(TEXT))
        assert row["compress_mb_per_s"] > 0
    _, out, _ = call("codec", "bench", "book.txt", "book.txt", "--piece", "100")
    assert "3.2 KB in pieces of 100 bytes" in out
    assert "less is better" in out
    assert all(f"\n{name} " in out for name in ["auto", *codec_names()])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["compress"], 2, "takes one file, got 0"),
        (["compress", "book.txt", "gone"], 2, "takes one file, got 2"),
        (["compress", "gone"], 1, "cannot read gone"),
        (["compress", "book.txt", "--codec", "zip"], 2, "no codec 'zip'"),
        (["compress", "book.txt", "--codec", "lz:12"], 2, "lz has no level 12"),
        (["decompress", "book.txt"], 2, "does not end in .frame"),
        (["decompress", "book.txt", "--out", "x"], 1, "frame"),
        (["list", "book.txt"], 2, "list takes no files"),
        (["bench"], 2, "at least one file"),
        (["bench", "book.txt", "--piece", "0"], 2, "--piece must be at least 1"),
        (["squeeze"], 2, "squeeze"),
    ],
)
def test_wrong_arguments_are_refused(book, call, arguments, code, message):
    found, out, err = call("codec", *arguments)
    assert (found, out) == (code, "")
    assert message in err
