import json

import pytest


def test_the_model_stands_beside_the_compressors(tiny_run, call):
    code, out, _ = call("evaluate", tiny_run)
    assert code == 0
    for text in ("gzip -9", "bzip2 -9", "xz -9e", "bits per byte", "bit 7", "the test split"):
        assert text in out


def test_the_json_has_all_figures(tiny_run, texts, call):
    code, out, _ = call(
        "evaluate", tiny_run, texts / "fox.txt", "--limit", "3KB", "--json", "--quiet",
        "--context", "32", "--stride", "16", "--piece", "1000",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["model"]["num_bytes"] == 3000
    assert found["model"]["stride_bytes"] == 16
    assert found["model_in_pieces"]["piece_bytes"] == 1000
    assert found["model_in_pieces"]["bits_per_byte"] >= 0
    assert found["compressors"][0]["piece_bytes"] == 1000
    assert "the first 3,000 of" in found["source"]


def test_compressors_can_be_left_out(tiny_run, call):
    code, out, err = call("evaluate", tiny_run, "--no-compressors")
    assert code == 0
    assert "gzip" not in out + err
    assert "bits per byte" in out


def test_several_files_are_read_one_after_the_other(tiny_run, tmp_path, call):
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 100)
    code, out, _ = call("evaluate", tiny_run, tmp_path / "a", tmp_path / "b", "--json")
    assert code == 0
    assert json.loads(out)["model"]["num_bytes"] == 200


def test_parity_coding_is_taken_from_the_checkpoint(parity_run, call):
    code, out, _ = call("evaluate", parity_run, "--json", "--quiet")
    assert code == 0
    found = json.loads(out)["model"]
    assert found["encoding"] == "parity"
    assert len(found["per_position"]) == 9


def test_data_that_has_changed_since_is_not_held_out(train_run, texts, call):
    run = train_run("--budget", "2steps")
    assert call("evaluate", run, "--no-compressors")[0] == 0
    late = texts / "late.txt"
    late.write_text("something else entirely\n" * 50)
    try:
        code, _, err = call("evaluate", run)
    finally:
        late.unlink()
    assert code == 1
    assert "have changed since" in err
    assert "name the files" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--stride", "0"], 2, "stride_bytes"),
        (["--context", "8", "--stride", "9"], 2, "stride_bytes"),
        (["--batch-size", "0"], 2, "batch_size"),
        (["--piece", "0"], 2, "piece_bytes"),
        (["gone.txt"], 1, "gone.txt"),
        (["--device", "toaster"], 2, "toaster"),
    ],
)
def test_what_cannot_be_measured_is_refused(tiny_run, call, arguments, code, message):
    found, out, err = call("evaluate", tiny_run, *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_empty_files_and_folders_without_a_model_are_refused(tiny_run, tmp_path, call):
    (tmp_path / "empty").touch()
    code, _, err = call("evaluate", tiny_run, tmp_path / "empty")
    assert (code, "no bytes" in err) == (1, True)
    code, _, err = call("evaluate", tmp_path)
    assert (code, "no finished checkpoint" in err) == (1, True)


def test_views_stand_side_by_side_with_the_compressors(tiny_run, call):
    code, out, _ = call(
        "evaluate", tiny_run, "--limit", "2KB", "--quiet",
        "--views", "raw", "compressed", "direct", "--codec", "huffman:english", "rle",
    )  # fmt: skip
    assert code == 0
    table = out.split("Views of the data")[1]
    for text in ("raw", "compressed", "direct", "huffman:english", "rle", "gzip -9"):
        assert text in table


def test_views_are_in_the_json(tiny_run, call):
    code, out, _ = call(
        "evaluate", tiny_run, "--limit", "2KB", "--quiet", "--json", "--no-compressors",
        "--views", "raw", "compressed", "direct",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    raw, compressed, direct = found["views"]
    assert [one["view"] for one in found["views"]] == ["raw", "compressed", "direct"]
    assert raw["bits_per_bit"] == pytest.approx(found["model"]["bits_per_bit"])
    assert compressed["bits_per_bit"] == raw["bits_per_bit"]
    assert direct["codec"] == "huffman:english"
    assert direct["num_source_bits"] == 16_000
    assert direct["bits_per_source_bit"] == pytest.approx(
        direct["bits_per_bit"] * direct["compressed_fraction"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--views", "sideways"], "sideways"), (["--views", "direct", "--codec", "rel"], "rel")],
)
def test_views_and_codecs_that_are_not_there_are_refused(tiny_run, call, arguments, message):
    code, _, err = call("evaluate", tiny_run, "--limit", "1KB", "--no-compressors", *arguments)
    assert code == 2
    assert message in err
