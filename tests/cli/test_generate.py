import io
import subprocess
import sys

import pytest
import torch

from bit_transformer.bits import bits_to_bytes, text_to_bits
from bit_transformer.checkpoint import load_model
from bit_transformer.codecs import compress_bits, decompress_bits
from bit_transformer.generation import generate, generate_text


def test_the_continuation_goes_to_stdout(tiny_run, call):
    code, out, err = call(
        "generate", tiny_run, "--prompt", "the ", "--bytes", "40", "--seed", "1", "--top-p", "0.9"
    )
    expected = generate_text(load_model(tiny_run), "the ", num_bytes=40, seed=1, top_p=0.9)
    assert (code, out, err) == (0, expected + "\n", "")


def test_the_prompt_is_echoed_on_request(tiny_run, call):
    _, out, _ = call("generate", tiny_run, "--prompt", "the ", "--echo", "--bytes", "4")
    assert out.startswith("the ")


def test_the_seed_of_an_unseeded_sample_is_told(tiny_run, call):
    _, out, err = call("generate", tiny_run, "--bytes", "30")
    seed = err.split()[1]
    assert call("generate", tiny_run, "--bytes", "30", "--seed", seed)[1] == out


def test_prompts_of_bits_hex_files_and_stdin_are_alike(tiny_run, tmp_path, call, monkeypatch):
    options = ["--bytes", "12", "--seed", "3"]
    expected = call("generate", tiny_run, "--prompt", "fox", *options)[1]
    bits = "".join(map(str, text_to_bits("fox").tolist()))
    (tmp_path / "prompt").write_text("fox")
    for prompt in (
        ["--prompt-bits", bits[:9] + " " + bits[9:]],
        ["--prompt-hex", b"fox".hex()],
        ["--prompt-file", tmp_path / "prompt"],
    ):
        assert call("generate", tiny_run, *prompt, *options)[1] == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"fox")))
    assert call("generate", tiny_run, "--prompt-file", "-", *options)[1] == expected


def test_bits_in_bits_out(tiny_run, call):
    code, out, _ = call(
        "generate", tiny_run, "--prompt-bits", "01101", "--bits", "13", "--as", "bits",
        "--seed", "0", "--echo",
    )  # fmt: skip
    assert code == 0
    assert out.startswith("01101")
    assert len(out) == 5 + 13 + 1
    assert set(out.strip()) <= {"0", "1"}


def test_hexadecimal_output(tiny_run, call):
    _, out, _ = call("generate", tiny_run, "--bytes", "5", "--as", "hex", "--seed", "0")
    bits = generate(load_model(tiny_run), text_to_bits(""), num_bytes=5, seed=0)
    assert bytes.fromhex(out.strip()) == bits_to_bytes(bits)


def test_several_samples_are_told_apart(tiny_run, call):
    _, out, _ = call(
        "generate", tiny_run, "--num-samples", "3", "--bytes", "16", "--seed", "5", "--as", "hex"
    )
    heads, samples = out.splitlines()[::2], out.splitlines()[1::2]
    assert heads == [f"--- {number} of 3 ---" for number in (1, 2, 3)]
    assert len(set(samples)) == 3
    alone = call("generate", tiny_run, "--bytes", "16", "--seed", "6", "--as", "hex")[1]
    assert alone.strip() == samples[1]


def test_raw_bytes_go_into_files(tiny_run, tmp_path, call):
    path = tmp_path / "out.bin"
    assert call("generate", tiny_run, "--bytes", "9", "--seed", "0", "--out", path)[0] == 0
    bits = generate(load_model(tiny_run), text_to_bits(""), num_bytes=9, seed=0)
    assert path.read_bytes() == bits_to_bytes(bits)
    call("generate", tiny_run, "--bytes", "9", "--num-samples", "2", "--out", path)
    assert [len((tmp_path / f"out-{number}.bin").read_bytes()) for number in (1, 2)] == [9, 9]


def test_output_ends_behind_the_stop_text(tiny_run, call):
    free = call("generate", tiny_run, "--bytes", "60", "--temperature", "0", "--as", "hex")[1]
    data = bytes.fromhex(free.strip())
    stop = next(chr(byte) for byte in data if 32 < byte < 127)
    stopped = call(
        "generate", tiny_run, "--bytes", "60", "--temperature", "0", "--as", "hex", "--stop", stop
    )[1]
    assert bytes.fromhex(stopped.strip()) == data[: data.index(stop.encode()) + 1]


def test_parity_is_added_to_the_prompt_and_stripped_from_the_output(parity_run, call):
    code, out, _ = call(
        "generate", parity_run, "--prompt", "the", "--bytes", "7", "--as", "hex", "--seed", "0"
    )
    assert code == 0
    assert len(bytes.fromhex(out.strip())) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bits", "5"], "--bytes, not --bits"),
        (["--prompt-bits", "101"], "multiple of 8"),
    ],
)
def test_parity_models_take_whole_bytes(parity_run, call, arguments, message):
    code, _, err = call("generate", parity_run, *arguments)
    assert (code, message in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--bytes", "-1"], 2, "got -1"),
        (["--bits", "-1"], 2, "got -1"),
        (["--num-samples", "0"], 2, "got 0"),
        (["--temperature", "-1"], 2, "temperature"),
        (["--top-p", "0"], 2, "top_p"),
        (["--top-k", "0"], 2, "top_k"),
        (["--seed", "-1"], 2, "seed"),
        (["--stop", ""], 2, "empty stop"),
        (["--prompt-bits", "0120"], 2, "position 2 is '2'"),
        (["--prompt-hex", "xyz"], 2, "hexadecimal"),
        (["--prompt-file", "gone.txt"], 1, "gone.txt"),
        (["--device", "toaster"], 2, "toaster"),
        (["--out", "file/out"], 1, "file/out"),
    ],
)
def test_wrong_arguments_are_refused(
    tiny_run, call, tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    found, _, err = call("generate", tiny_run, *arguments)
    assert (found, message in err) == (code, True), err
    assert "Traceback" not in err


def test_a_named_codec_writes_compressed_bits_and_shows_their_data(tiny_run, call):
    options = {"num_bytes": 20, "seed": 1, "codec": "huffman:english"}
    code, out, err = call(
        "generate", tiny_run, "--prompt", "the ", "--bytes", "20", "--seed", "1",
        "--codec", "huffman:english", "--as", "hex",
    )  # fmt: skip
    model = load_model(tiny_run)
    data = generate(model, text_to_bits("the "), decompress=True, **options)
    assert (code, out, err) == (0, bits_to_bytes(data).hex() + "\n", "")
    shown = call(
        "generate", tiny_run, "--prompt", "the ", "--bytes", "20", "--seed", "1", "--decompress",
        "--codec", "huffman:english", "--view", "direct", "--echo",
    )[1]  # fmt: skip
    assert shown == "the " + generate_text(model, "the ", **options) + "\n"


def test_the_compressed_bits_themselves_are_a_frame(tiny_run, call, tmp_path):
    options = ["--prompt", "the ", "--bytes", "20", "--seed", "1", "--codec", "rle"]
    path = tmp_path / "frame.bin"
    code, out, _ = call("generate", tiny_run, *options, "--raw-output")
    assert code == 0
    frame = torch.tensor([int(bit) for bit in out.strip()], dtype=torch.uint8)
    assert bits_to_bytes(decompress_bits(frame)).startswith(b"the ")
    assert call("generate", tiny_run, *options, "--raw-output", "--out", path)[0] == 0
    packed = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    assert torch.equal(decompress_bits(packed, packed=True), decompress_bits(frame))


def test_without_a_codec_the_prompt_is_the_beginning_of_a_frame(tiny_run, call):
    frame = compress_bits(text_to_bits("the quick"), "huffman:english")
    prompt = "".join(map(str, frame[:40].tolist()))
    code, out, err = call(
        "generate", tiny_run, "--view", "direct", "--prompt-bits", prompt, "--echo", "--seed", "0",
        "--bytes", "2",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.startswith("the ")
    code, out, _ = call(
        "generate", tiny_run, "--view", "direct", "--prompt-bits", prompt, "--raw-output",
        "--bits", "17", "--echo", "--seed", "0",
    )  # fmt: skip
    assert out.startswith(prompt)
    assert len(out) == 40 + 17 + 1


def test_damaged_output_is_an_error_or_its_valid_part(tiny_run, call):
    options = ["--view", "direct", "--prompt-bits", "1111", "--bytes", "4", "--seed", "0"]
    code, _, err = call("generate", tiny_run, *options)
    assert (code, "does not decompress" in err) == (1, True)
    code, out, err = call("generate", tiny_run, *options, "--lenient")
    assert (code, out, "only the valid part" in err) == (0, "\n", True)


def test_a_gate_stops_what_strays_and_says_why(tiny_run, call):
    options = ["--bytes", "200", "--seed", "0", "--num-samples", "2", "--attempts", "2"]
    code, out, err = call("generate", tiny_run, *options, "--gate", "k<1", "--as", "hex")
    assert code == 1
    assert err.count("stop: k is") == 2
    assert "sample 2: stop" in err
    assert "attempt 2" in err
    assert len(out.splitlines()) == 4
    code, out, err = call("generate", tiny_run, *options, "--gate", "warn:k<1", "--as", "hex")
    assert code == 0
    assert "sample 1: warn: k is" in err
    code, out, err = call("generate", tiny_run, *options, "--gate", "s<0", "--as", "hex")
    assert (code, err) == (0, "")
    free = call("generate", tiny_run, "--bytes", "200", "--seed", "0", "--as", "hex")[1]
    assert out.splitlines()[1] == free.strip()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--raw-output"], "--raw-output and --decompress need --codec or --view direct"),
        (["--decompress", "--view", "raw"], "need --codec or --view direct"),
        (["--codec", "rle", "--raw-output", "--stop", "x"], "--stop looks for text"),
        (["--view", "direct", "--prompt", "x"], "beginning of a frame; name the --codec"),
        (["--codec", "zstd"], "complete codec"),
        (["--codec", "rle", "--view", "raw"], "writes compressed bits"),
        (["--gate", "x<1"], "x"),
        (["--gate", "s<0.5", "--attempts", "0"], "at least 1, got 0"),
    ],
)
def test_options_of_compression_and_gates_that_do_not_fit_are_refused(
    tiny_run, call, arguments, message
):
    code, _, err = call("generate", tiny_run, *arguments)
    assert (code, message in err) == (2, True), err


def test_a_reader_that_leaves_in_the_middle_is_no_error(tiny_run):
    process = subprocess.Popen(
        [sys.executable, "-m", "bit_transformer", "generate", str(tiny_run), "--bytes", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=240) == 141
