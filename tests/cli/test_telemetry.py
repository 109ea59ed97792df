import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bit_transformer.bits import bytes_to_bits, text_to_bits
from bit_transformer.checkpoint import load_model
from bit_transformer.cli.coding import Coding
from bit_transformer.cli.predicting import predict_bits
from bit_transformer.cli.spark import spark_line
from bit_transformer.codecs import compress_bits
from bit_transformer.telemetry import measure, rest_logits

TEXT = "".join(
    f"the {number % 89}th line, not unlike line {number % 53}\n" for number in range(800)
)


@pytest.fixture
def mixed_file(tmp_path: Path) -> Path:
    """Text with a kilobyte of noise in it, from byte 4096 on."""
    path = tmp_path / "mixed"
    text = TEXT.encode()[:16384]
    path.write_bytes(text[:4096] + random.Random(0).randbytes(1024) + text[5120:])
    return path


def test_the_table_shows_where_the_noise_is(mixed_file, call):
    code, out, _ = call("telemetry", mixed_file, "--window", "1024")
    assert code == 0
    assert "all 16,384 bytes" in out
    assert "as the rest of the data would expect" in out
    assert out.count("4,096") >= 3  # K and S are lowest there, C is highest
    assert "█" in out


def test_the_json_holds_the_same_as_the_functions(mixed_file, call):
    code, out, _ = call("telemetry", mixed_file, "--window", "1024", "--stride", "512", "--json")
    assert code == 0
    found = json.loads(out)
    bits = bytes_to_bits(mixed_file.read_bytes())
    expected = measure(bits, logits=rest_logits(bits, window=8192), window=8192, stride=4096)
    assert found["data"] == expected.as_dict()
    assert found["expected_by"] == "the rest of the data"
    assert (found["problem"], found["num_bytes"]) == (None, 16384)


def test_gates_say_where_they_close_and_open(mixed_file, call):
    arguments = ["--window", "1024", "--gate", "s<0.5", "--gate", "warn:c>0.97"]
    code, out, _ = call("telemetry", mixed_file, *arguments)
    assert code == 0
    assert "stop at byte 4,096 of the data: s is" in out
    assert "pass at byte 5,120 of the data" in out
    _, out, _ = call("telemetry", mixed_file, "--gate", "k>0.999")
    assert "pass: no gate closes anywhere in the data" in out
    _, out, _ = call("telemetry", mixed_file, *arguments, "--json")
    assert [change["byte"] for change in json.loads(out)["gates"]["data"]] == [4096, 5120]


def test_files_shorter_than_two_windows_have_nothing_to_expect_them(tmp_path, call):
    (tmp_path / "short").write_bytes(b"a")
    code, out, _ = call("telemetry", tmp_path / "short", "--json")
    assert code == 0
    assert set(json.loads(out)["data"]) == {"num_bits", "k", "c", "windows"}


def test_only_the_first_bytes_are_read(mixed_file, call):
    _, out, _ = call("telemetry", mixed_file, "--limit", "2000")
    assert "2,000 of 16,384 bytes" in out


@pytest.mark.parametrize(("which", "headings"), [("source", 1), ("stream", 1), ("both", 2)])
def test_a_frame_is_measured_decompressed_or_as_it_is(tmp_path, call, which, headings):
    path = tmp_path / "frame"
    path.write_bytes(bytes(compress_bits(text_to_bits(TEXT), "huffman", packed=True).tolist()))
    code, out, _ = call(
        "telemetry", path, "--frame", "--which", which, "--window", "1024", "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert found["problem"] is None
    assert len({"source", "stream"} & set(found)) == headings
    if which != "stream":
        assert found["source"]["num_bits"] == 8 * len(TEXT)


def test_an_undecodable_frame_is_reported_and_its_prefix_measured(tmp_path, call):
    path = tmp_path / "frame"
    frame = bytes(compress_bits(text_to_bits(TEXT), "huffman", packed=True).tolist())
    path.write_bytes(frame[: len(frame) // 2])
    code, out, _ = call("telemetry", path, "--frame", "--which", "both", "--window", "1024")
    assert code == 0
    assert "not decodable" in out
    assert "source" in out
    assert "stream" in out


def test_a_model_says_what_it_expected(tiny_run, texts, call):
    code, out, _ = call(
        "telemetry", texts / "fox.txt", "--model", tiny_run, "--limit", "3000",
        "--window", "1000", "--json", "--quiet",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["expected_by"] == str(tiny_run)
    content = bytes_to_bits((texts / "fox.txt").read_bytes()[:3000])
    logits = predict_bits(load_model(tiny_run), content, Coding(False), is_quiet=True)
    assert found["data"]["s"] == pytest.approx(measure(content, logits=logits).s or 0)


def test_every_bit_is_predicted_from_what_came_before_it(tiny_run, parity_run):
    bits = text_to_bits(TEXT)[:4003]
    model = load_model(tiny_run)
    logits = predict_bits(model, bits, Coding(False), batch_size=3, is_quiet=True)
    assert logits.shape == bits.shape
    context = model.config.context_bits
    assert torch.allclose(logits[:context], model(bits[:context]).detach(), atol=1e-4)
    other = bits.clone()
    other[2000:] ^= 1
    changed = predict_bits(model, other, Coding(False), batch_size=3, is_quiet=True)
    assert torch.allclose(changed[:2001], logits[:2001], atol=1e-4)
    parity = predict_bits(load_model(parity_run), bits, Coding(True), is_quiet=True)
    assert parity.shape == bits.shape


def test_a_plot_is_drawn(mixed_file, tmp_path, call):
    pytest.importorskip("matplotlib")
    code, _, _ = call("telemetry", mixed_file, "--window", "2048", "--plot", tmp_path / "out.png")
    assert code == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_line_that_installs_it_is_printed(mixed_file, monkeypatch, call):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = call("telemetry", mixed_file, "--plot", "out.png")
    assert (code, out) == (1, "")
    assert "pip install 'bit-transformer[plots]'" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--gate", "s=1"], 2, "'s=1' is no gate"),
        (["--window", "0"], 2, "at least one byte"),
        (["--stride", "5000"], 2, "--stride 5000 must lie between 1 and the window"),
        (["--which", "both"], 2, "add --frame"),
        (["--model", "nowhere"], 1, "nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(mixed_file, call, arguments, code, message):
    found, out, err = call("telemetry", mixed_file, *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_missing_and_empty_files_are_refused(tmp_path, call):
    assert call("telemetry", tmp_path / "gone")[0] == 1
    (tmp_path / "empty").touch()
    code, _, err = call("telemetry", tmp_path / "empty")
    assert (code, "is empty" in err) == (1, True)


def test_bars_fit_the_width_and_the_encoding():
    assert spark_line([0.0, 1.0, 0.5]) == "▁█▅"
    assert spark_line([0.0, 1.0], encoding="ascii") == "_#"
    assert spark_line([]) == ""
    assert len(spark_line([0.3] * 1000, width=20)) == 20


def test_help_needs_no_numba():
    program = (
        "import sys; from bit_transformer.cli.telemetry import build_parser;"
        "build_parser().format_help(); sys.exit('numba' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
