"""Frames that were written once: every release must read them, and write the same header."""

import doctest
import json
from typing import Any

import pytest
import torch

from bit_transformer.codecs import (
    codec_names,
    compress_bits,
    decompress_bits,
    frame_header,
    registry,
)
from tests.reference_page import ROOT

GOLDEN: list[dict[str, Any]] = json.loads(
    (ROOT / "tests" / "golden" / "frames.json").read_text("utf-8")
)
PAGE = ROOT / "docs" / "formats" / "frame.md"
GUIDE = ROOT / "docs" / "codecs.md"
FIXED = ("stored", "rle", "huffman")
"""What these write is fixed too; the others may find better ways of writing the same."""


def bits_of(text: str) -> torch.Tensor:
    return torch.tensor([int(c) for c in text if c in "01"], dtype=torch.uint8)


def name_of(golden: dict[str, Any]) -> str:
    return f"{golden['codec']} {golden['title']}"


@pytest.mark.parametrize("golden", GOLDEN, ids=name_of)
def test_frames_that_were_written_once_are_read(golden: dict[str, Any]):
    pytest.importorskip(golden.get("package", "numpy"))
    source = bits_of(golden["source"])
    frame = bits_of(golden["frame"])
    assert torch.equal(decompress_bits(frame), source)
    header = frame_header(golden["codec"], len(source))
    assert torch.equal(frame[: len(header)], header)


@pytest.mark.parametrize(
    "golden", [g for g in GOLDEN if g["codec"].split(":")[0] in FIXED], ids=name_of
)
def test_codecs_without_a_choice_write_the_same_bits_as_ever(golden: dict[str, Any]):
    frame = compress_bits(bits_of(golden["source"]), golden["codec"])
    assert "".join(map(str, frame.tolist())) == golden["frame"]


def test_the_examples_of_the_specification_are_true():
    text = PAGE.read_text("utf-8")
    examples = [line for line in text.splitlines() if line.startswith("    compress ")]
    assert len(examples) >= 3
    for example in examples:
        _, codec, source, arrow, frame = example.split(maxsplit=4)
        assert arrow == "->"
        assert torch.equal(compress_bits(bits_of(source), codec), bits_of(frame)), example


def test_the_examples_of_the_guide_are_true(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    parser = doctest.DocTestParser()
    examples = parser.get_doctest(
        GUIDE.read_text("utf-8").replace("```", ""), {}, GUIDE.name, str(GUIDE), 0
    )
    results = doctest.DocTestRunner().run(examples)
    assert results.attempted > 10
    assert results.failed == 0


def test_the_codecs_in_the_guide_and_in_the_format_are_those_there_are():
    for page in (PAGE, GUIDE):
        text = page.read_text("utf-8")
        assert [name for name in codec_names() if name not in text] == []
