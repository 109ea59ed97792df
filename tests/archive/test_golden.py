"""Archives that were made once: every release reads them, and makes the same."""

import io
import json
from typing import Any

import pytest

from bit_transformer.archive import MessageCodec, compress, decompress, list_archive
from tests.archive.golden import GOLDEN, MESSAGES, contents, model_named

ROWS: dict[str, list[dict[str, Any]]] = json.loads(GOLDEN.read_text("utf-8"))


def name_of(row: dict[str, Any]) -> str:
    return " ".join(str(row[key]) for key in ("content", "level", "model", "block_bytes"))


@pytest.mark.parametrize("row", ROWS["archives"], ids=name_of)
def test_archives_that_were_made_once_come_back(row: dict[str, Any]):
    archive, content = bytes.fromhex(row["archive"]), contents()[row["content"]]
    model = model_named(row["model"])
    assert decompress(archive, model=model) == content
    listing = list_archive(io.BytesIO(archive))
    assert (listing.level, listing.num_content_bytes) == (row["level"], len(content))
    options = {"level": row["level"], "block_bytes": row["block_bytes"]}
    for num_threads in (1, 3):
        assert compress(content, model=model, num_threads=num_threads, **options) == archive


@pytest.mark.parametrize("row", ROWS["earlier"], ids=name_of)
def test_archives_that_would_be_made_otherwise_today_come_back(row: dict[str, Any]):
    archive, model = bytes.fromhex(row["archive"]), model_named(row["model"])
    assert decompress(archive, model=model) == contents()[row["content"]]


@pytest.mark.parametrize(
    "row",
    ROWS["messages"] + ROWS["earlier_messages"],
    ids=lambda row: f"{row['version']} {row['model']}",
)
def test_messages_that_were_made_once_come_back(row: dict[str, Any]):
    model = model_named(row["model"])
    codec = MessageCodec(level="fast", model=model, version=row["version"])
    compressed = [bytes.fromhex(one) for one in row["messages"]]
    assert codec.decompress_all(compressed) == MESSAGES
    assert codec.compress_all(MESSAGES) == compressed


def test_the_golden_archives_are_of_both_forms_and_of_every_kind():
    archives = ROWS["archives"]
    starts = [bytes.fromhex(row["archive"])[4:6] for row in archives]
    assert {(version, flags & 16) for version, flags in starts} == {(1, 0), (1, 16), (2, 16)}
    kinds = {(row["level"], row["model"]) for row in archives}
    assert len(kinds) == 9
