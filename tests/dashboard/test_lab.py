"""Models and codecs through the interface: real checkpoints, real frames, real errors."""

import base64
import json
import urllib.request
from collections.abc import Generator
from typing import Any

import httpx
import numpy as np
import pytest

from bit_transformer.codecs.codec import pack
from bit_transformer.codecs.frame import read_frame, write_frame
from tests.dashboard.asking import LIMIT_S, Client
from tests.dashboard.conftest import Server
from tests.dashboard.trained_runs import PROMPT

TEXT = "the quick brown fox, the quick brown fox, and the quick brown fox again. " * 8


@pytest.fixture
def client(model_server: Server) -> Client:
    return Client(model_server.url)


def text(value: str) -> dict[str, str]:
    return {"kind": "text", "value": value}


def frame_of(data: bytes, codec: str) -> bytes:
    return write_frame(pack(np.unpackbits(np.frombuffer(data, np.uint8))), codec).data.tobytes()


def joined(events: list[dict[str, Any]]) -> tuple[bytes, str, list[float], str]:
    """Bytes, bits, byte surprises and text of all chunks."""
    chunks = [event for event in events if event["type"] == "chunk"]
    data = b"".join(base64.b64decode(chunk["bytes"]) for chunk in chunks)
    bits = "".join(chunk["bits"] for chunk in chunks)
    costs = [cost for chunk in chunks for cost in chunk["byte_surprise"]]
    return data, bits, costs, "".join(chunk["text"] for chunk in chunks)


def kinds(error: dict[str, Any]) -> list[str]:
    return [one["id"] for one in error["fallbacks"]]


def test_a_prompt_is_continued_with_the_surprise_of_every_bit_and_byte(client: Client):
    body = {"run": "plain", "prompt": text(PROMPT), "num_bytes": 60, "seed": 5}
    events = client.generate(**body)
    start, done = events[0], events[-1]
    assert start["type"] == "start"
    assert (start["view"], start["codec"], start["telemetry_of"]) == ("raw", None, "output")
    data, bits, costs, shown = joined(events)
    assert len(data) == done["num_bytes"] == len(costs) == 60
    assert bits == "".join(f"{value:08b}" for value in data)
    assert shown == data.decode(errors="replace")
    chunks = [event for event in events if event["type"] == "chunk"]
    bit_costs = [cost for chunk in chunks for cost in chunk["bit_surprise"]]
    assert np.allclose(np.reshape(bit_costs, (-1, 8)).sum(axis=1), costs, atol=1e-3)
    assert sum(costs) / 60 == pytest.approx(done["bits_per_byte"], abs=1e-3)
    for bit, cost, prob_one in zip(
        bits, bit_costs, (p for chunk in chunks for p in chunk["prob_one"]), strict=True
    ):
        assert 2**-cost == pytest.approx(prob_one if bit == "1" else 1 - prob_one, abs=1e-3)
    last = chunks[-1]
    assert 0 <= last["k"] <= 1
    assert last["s"] is not None
    assert done["compression"] is None
    download = client.http.get(f"/downloads/{done['download']['id']}")
    assert download.content == data
    assert "attachment" in download.headers["content-disposition"]
    assert joined(client.generate(**body))[0] == data  # the seed decides
    scored = client.post("/score", run="plain", source=text(PROMPT + data.decode(errors="ignore")))
    if data.isascii():
        again = scored["byte_surprise"][len(PROMPT) : len(PROMPT) + 20]
        assert np.allclose(again, costs[:20], atol=0.05)


def test_compression_reads_and_writes_through_the_codec_and_tells_the_sizes(client: Client):
    plain = client.generate(run="plain", prompt=text(PROMPT), num_bytes=30, seed=2)
    events = client.generate(
        run="plain", prompt=text(PROMPT), num_bytes=30, seed=2, compression=True
    )
    assert joined(events)[0] == joined(plain)[0]
    start, done = events[0], events[-1]
    assert start["view"] == "compressed"
    assert start["telemetry_of"] == "decompressed output"
    sizes = done["compression"]
    assert sizes["codec"] == start["codec"] == "huffman:english"
    assert sizes["prompt_bits"] == 8 * len(PROMPT)
    prompt = PROMPT.encode()
    frame = write_frame(pack(np.unpackbits(np.frombuffer(prompt, np.uint8))), "huffman:english")
    assert sizes["prompt_frame_bits"] == frame.num_bits
    whole = sizes["prompt_bits"] + sizes["output_bits"]
    assert sizes["compression_ratio"] == pytest.approx(
        whole / (sizes["prompt_frame_bits"] + sizes["output_frame_bits"])
    )


def test_a_model_of_compressed_bits_writes_them_and_they_come_out_decompressed(client: Client):
    body = {"run": "direct", "prompt": text("the "), "num_bytes": 24, "seed": 3}
    events = client.generate(**body, compression=True)
    start, done = events[0], events[-1]
    assert (start["view"], start["codec"]) == ("direct", "huffman:english")
    data, bits, costs, _ = joined(events)
    assert len(data) == len(costs) == 24
    sizes = done["compression"]
    assert sizes["output_frame_bits"] == len(bits)
    assert sizes["output_bits"] == 8 * 24
    assert sum(costs) / 24 == pytest.approx(done["bits_per_byte"], rel=0.02)

    raw = client.generate(**body, compression=True, view="direct", codec="huffman:english",
                          raw_output=True)  # fmt: skip
    assert raw[0]["telemetry_of"] == "compressed output"
    frame = np.frombuffer(joined(raw)[0], np.uint8)
    content = read_frame(pack(np.unpackbits(frame)), wants_prefix=True)
    assert content.source.data.tobytes() == b"the " + data


def test_a_frame_that_does_not_decompress_is_told_with_ways_out_that_work(client: Client):
    body = {"run": "plain", "num_bytes": 40, "compression": True, "view": "direct"}
    seed = next(
        seed for seed in range(8) if client.generate(**body, seed=seed)[-1]["type"] == "error"
    )
    events = client.generate(**body, seed=seed)
    error = events[-1]["error"]
    assert error["kind"] == "CodecError"
    assert "bit" in error["where"] or "header" in error["where"]
    assert kinds(error) == ["raw_output", "valid_prefix", "without_compression", "other_codec"]
    raw = client.generate(**body, seed=seed, raw_output=True)
    assert raw[-1]["type"] == "done"
    part = client.generate(**body, seed=seed, strict=False)
    assert part[-1]["type"] == "done"
    assert part[-1]["warning"]["what"]
    plain = client.generate(**{**body, "compression": False, "view": None}, seed=seed)
    assert plain[-1]["num_bytes"] == 40
    other = client.generate(**body, seed=seed, codec="rle")
    assert other[-1]["num_bytes"] == 40


@pytest.mark.parametrize(
    ("body", "status", "kind", "fallbacks"),
    [
        ({"run": "nothing"}, 404, "NotFoundError", ["reload"]),
        ({"run": "plain", "compression": True, "codec": "zstd", "view": "direct"}, 422,
         "InputError", ["other_codec", "without_compression"]),
        ({"run": "plain", "compression": True, "codec": "nonesuch"}, 422, "InputError",
         ["other_codec", "without_compression"]),
        ({"run": "plain", "num_bytes": 10**9}, 422, "InputError", []),
        ({"run": "plain", "temperature": -1}, 422, "RequestError", []),
        ({"run": "plain", "prompt": {"kind": "hex", "value": "0"}}, 422, "InputError", []),
        ({"run": "plain", "prompt": {"kind": "upload", "value": "0"}}, 404, "NotFoundError",
         ["reload"]),
        ({"run": "plain", "raw_output": True}, 422, "InputError", []),
    ],
)  # fmt: skip
def test_requests_that_do_not_fit_are_refused_with_ways_out(
    client: Client, body: dict[str, Any], status: int, kind: str, fallbacks: list[str]
):
    client.generate(run="plain", num_bytes=0)  # so that loading is no event of its own
    error = client.error("/generate", status, **body)
    assert error["kind"] == kind
    assert kinds(error) == fallbacks


def test_a_run_without_a_checkpoint_says_so(client: Client, model_server: Server):
    model_server.write_run("empty", num_steps=3, state="stopped")
    error = client.error("/generate", 409, run="empty")
    assert error["kind"] == "CheckpointError"
    assert client.error("/score", 409, run="empty", source=text("x"))["fallbacks"]


def test_prompts_of_bits_and_files_are_taken(client: Client):
    upload = client.upload(b"the qu", "prompt.txt")
    of_file = client.generate(
        run="plain", prompt={"kind": "upload", "value": upload["id"]}, num_bytes=8, seed=1
    )
    assert joined(of_file)[0] == joined(
        client.generate(run="plain", prompt=text("the qu"), num_bytes=8, seed=1)
    )[0]  # fmt: skip
    odd = client.generate(
        run="plain", prompt={"kind": "bits", "value": "0111 0100 011"}, num_bytes=2, seed=1
    )
    data, bits, _, _ = joined(odd)
    assert len(bits) == 16
    assert f"{data[0]:08b}".startswith("011")
    assert odd[-1]["num_bits"] == 16


def test_whoever_hangs_up_ends_the_generation(client: Client, model_server: Server):
    num_bytes = 59_999  # which no other test asks for
    body = json.dumps({"run": "plain", "num_bytes": num_bytes}).encode()
    request = urllib.request.Request(
        f"{model_server.url}/api/v1/generate", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        for _ in range(4):
            assert answer.readline()
    client.post("/score", run="plain", source=text("hello"))  # done by the same worker, after it
    results = (model_server.config.state_dir / "results").rglob("*")
    assert num_bytes not in {path.stat().st_size for path in results if path.is_file()}


def test_a_second_viewer_is_told_that_it_waits(client: Client, model_server: Server):
    client.generate(run="plain", num_bytes=0)

    def follow(num_bytes: int) -> Generator[dict[str, Any], None, None]:
        body = {"run": "plain", "num_bytes": num_bytes}
        url = f"{model_server.url}/api/v1/generate"
        with httpx.Client(timeout=LIMIT_S) as http, http.stream("POST", url, json=body) as answer:
            for line in answer.iter_lines():
                yield json.loads(line)

    first = follow(50_000)
    assert next(first)["type"] == "start"
    second = follow(2)
    assert next(second) == {"type": "preparing", "message": "waiting for another job to end"}
    first.close()
    assert [event["type"] for event in second][-1] == "done"


def test_scores_tell_how_a_model_reads_given_data(client: Client):
    known = client.post("/score", run="plain", source=text(PROMPT * 3))
    noise = client.post("/score", run="plain", source={"kind": "hex", "value": "f7a3" * 30})
    assert known["bits_per_byte"] < noise["bits_per_byte"]
    assert len(known["byte_surprise"]) == 3 * len(PROMPT)
    assert len(known["bit_surprise"]) == known["num_bits"] == len(known["bits"])
    assert base64.b64decode(known["bytes"]).decode() == PROMPT * 3 == known["text"]
    assert not known["is_cut"]
    odd = client.post("/score", run="plain", source={"kind": "bits", "value": "01110"})
    assert len(odd["byte_surprise"]) == 1
    assert client.error("/score", 422, run="plain", source=text(""))["kind"] == "InputError"


def test_codecs_are_compared_and_the_smallest_is_marked(client: Client):
    answer = client.post("/codecs/compare", source=text(TEXT))
    results = answer["results"]
    assert answer["num_source_bits"] == 8 * len(TEXT)
    assert {"stored", "rle", "huffman", "huffman:english", "lz", "zstd"} <= {
        one["name"] for one in results
    }
    sizes = [one["num_bits"] for one in results]
    assert sizes == sorted(sizes)
    assert [one["is_smallest"] for one in results].index(True) == 0
    for one in results:
        assert one["error"] is None
        assert one["compression_ratio"] == pytest.approx(8 * len(TEXT) / one["num_bits"])
        assert one["encode_s"] >= 0
        assert one["decode_s"] >= 0
    stored = next(one for one in results if one["name"] == "stored")
    assert stored["num_bits"] == 8 * len(TEXT) + stored["header_bits"]


def test_a_codec_that_fails_does_not_hide_the_others(client: Client):
    answer = client.post(
        "/codecs/compare", source=text(TEXT), codecs=["lz", "nonesuch", "zstd"], level=99
    )
    by_name = {one["name"]: one for one in answer["results"]}
    assert by_name["nonesuch"]["error"]["kind"] == "InputError"
    assert kinds(by_name["nonesuch"]["error"]) == ["other_codec"]
    assert "level" in by_name["zstd"]["error"]["what"]
    assert by_name["nonesuch"]["num_bits"] is None


@pytest.mark.parametrize("codec", ["auto", "stored", "rle", "huffman", "lz", "zstd"])
def test_data_goes_to_a_frame_and_back(client: Client, codec: str):
    upload = client.upload(TEXT.encode(), "fox.txt")
    source = {"kind": "upload", "value": upload["id"]}
    made = client.post("/codecs/compress", source=source, codec=codec)
    assert made["download"]["name"] == "fox.txt.frame"
    frame = client.http.get(f"/downloads/{made['download']['id']}").content
    assert len(frame) == made["download"]["num_bytes"]
    assert made["frame"]["num_source_bits"] == 8 * len(TEXT)
    back = client.upload(frame, "fox.txt.frame")
    opened = client.post("/codecs/decompress", source={"kind": "upload", "value": back["id"]})
    assert opened["is_complete"]
    # The file's padding is none of the frame's.
    assert opened["num_frame_bits"] == sum(
        made["frame"][part] for part in ("header_bits", "num_payload_bits")
    )
    assert opened["download"]["name"] == "fox.txt"
    assert opened["preview"]["text"] == TEXT[:4096]
    assert client.http.get(f"/downloads/{opened['download']['id']}").content == TEXT.encode()


def test_a_cut_frame_is_an_error_whose_longest_valid_part_can_be_had(client: Client):
    frame = frame_of(TEXT.encode(), "huffman:english")
    source = {"kind": "hex", "value": frame[:200].hex()}
    error = client.error("/codecs/decompress", 422, source=source)
    assert error["kind"] == "CodecError"
    assert error["where"].startswith("bit ")
    assert kinds(error) == ["valid_prefix", "raw_data"]
    part = client.post("/codecs/decompress", source=source, mode="prefix")
    assert not part["is_complete"]
    assert part["error"]["kind"] == "CodecError"
    assert 0 < part["num_decoded_bits"] < part["num_source_bits"]
    assert TEXT.startswith(part["preview"]["text"][:-1])
    raw = client.post("/telemetry", source=source, window_bytes=64)
    assert raw["measured"]["data"]["num_bits"] == 1600


@pytest.mark.parametrize("value", ["ff" * 30, "", "f0"])
def test_what_is_no_frame_is_told_so(client: Client, value: str):
    source = {"kind": "hex", "value": value}
    for mode in ("strict", "prefix"):
        error = client.error("/codecs/decompress", 422, source=source, mode=mode)
        assert error["kind"] == "CodecError"
        assert "header" in error["where"]
        assert kinds(error) == ["raw_data"]
        assert "valid part" not in error["fix"]
    assert client.error("/codecs/inspect", 422, source=source)["kind"] == "CodecError"


def test_a_frame_that_declares_more_than_is_allowed_is_refused_before_memory_is_taken(
    client: Client,
):
    huge = write_frame(pack(np.zeros(300_000_000, dtype=np.uint8)), "rle").data.tobytes()
    assert len(huge) < 20_000
    error = client.error("/codecs/decompress", 422, source={"kind": "hex", "value": huge.hex()})
    assert "300000000 source bits" in error["what"]


def test_a_bit_stream_is_shown_with_what_its_bits_mean(client: Client):
    for codec in ("rle", "huffman", "lz", "zstd"):
        shown = client.post("/codecs/inspect", source=text(TEXT), codec=codec, max_bits=300)
        assert len(shown["bits"]) == min(300, shown["num_bits"])
        first, last = shown["segments"][0], shown["segments"][-1]
        assert first["start"] == 0
        assert last["start"] < 300 <= last["start"] + last["num_bits"] or not shown["is_cut"]
        for one, two in zip(shown["segments"], shown["segments"][1:], strict=False):
            assert one["start"] + one["num_bits"] == two["start"]
    later = client.post(
        "/codecs/inspect", source=text(TEXT), codec="rle", first_bit=500, max_bits=90
    )
    assert later["segments"][0]["start"] <= 500
    whole = client.post("/codecs/inspect", source=text(TEXT), codec="rle", max_bits=600)
    assert later["bits"] == whole["bits"][500:590]
    far = client.error("/codecs/inspect", 422, source=text(TEXT), codec="rle", first_bit=10**9)
    assert far["kind"] == "InputError"


def test_telemetry_is_of_the_data_or_of_a_frame_s_source_and_stream(client: Client):
    plain = client.post("/telemetry", source=text(TEXT), window_bytes=64)
    assert plain["expected_by"] == "the rest of the data"
    assert set(plain["measured"]) == {"data"}
    windows = plain["measured"]["data"]["windows"]
    assert len(windows["k"]) == len(windows["c"]) == len(windows["s"]) == len(windows["starts"])
    frame = {"kind": "hex", "value": frame_of(TEXT.encode(), "zstd").hex()}
    both = client.post("/telemetry", source=frame, is_frame=True, which="both", window_bytes=16)
    assert set(both["measured"]) == {"source", "stream"}
    assert both["codec"] == "zstd"
    assert both["measured"]["source"]["k"] == pytest.approx(plain["measured"]["data"]["k"])
    assert both["measured"]["stream"]["k"] < both["measured"]["source"]["k"]
    modelled = client.post("/telemetry", source=text(TEXT), run="plain", window_bytes=64)
    assert "the model of step" in modelled["expected_by"]
    broken = client.post(
        "/telemetry", source={"kind": "hex", "value": "ff" * 9}, is_frame=True, which="both"
    )
    assert broken["problem"]["kind"] == "CodecError"
    error = client.error(
        "/telemetry", 422, source={"kind": "hex", "value": "00" * 30_000}, window_bytes=1
    )
    assert "windows" in error["what"]
    client.error("/telemetry", 422, source=text(""))


def test_data_that_is_too_large_is_refused_with_its_limit(client: Client, model_server: Server):
    error = client.http.post(
        "/uploads",
        params={"name": "big"},
        content=b"x" * 200_001,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert error.status_code == 413
    assert "200,000" in error.json()["error"]["what"]
    long = client.error("/codecs/compare", 413, source=text("x" * 4_100_000))
    assert kinds(long) == ["upload", "shorter"]
