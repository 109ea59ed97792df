"""Payloads that were made once: every release must decode them, and make the same ones."""

import json
from typing import Any

import pytest

from bit_transformer.archive.mixing import READABLE_VERSIONS, decode_blocks, encode_blocks
from tests.archive.mixing.golden import GOLDEN, blocks, engine_named, level_named, primer_named

ROWS: list[dict[str, Any]] = json.loads(GOLDEN.read_text("utf-8"))["payloads"]


def name_of(row: dict[str, Any]) -> str:
    return "-".join(
        str(row[key]) for key in ("version", "block", "level", "engine", "primer", "lanes")
    )


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_golden_payloads_decode_and_are_made_again(row: dict[str, Any]) -> None:
    block = blocks()[row["block"]]
    payload = bytes.fromhex(row["payload"])
    means = (level_named(row["level"]), engine_named(row["engine"]), primer_named(row["primer"]))
    version = row["version"]
    assert decode_blocks([payload], [len(block)], *means, version=version) == [block]
    assert encode_blocks([block], *means, lanes=row["lanes"], version=version) == [payload]


@pytest.mark.parametrize("version", READABLE_VERSIONS)
def test_every_level_kind_and_choice_is_among_them(version: int) -> None:
    rows = [row for row in ROWS if row["version"] == version]
    assert {row["block"] for row in rows} == set(blocks())
    assert {row["level"] for row in rows} == {"fast", "default", "best"}
    assert {row["engine"] for row in rows} == {"none", "fake"}
    assert {row["primer"] for row in rows} == {"none", "short", "long"}
    assert {row["lanes"] for row in rows} == {None, 3}
