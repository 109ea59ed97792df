"""The pages in docs/ against the code that they describe."""

import json
import re
import tomllib
from pathlib import Path

from bit_transformer.checkpoint import Manifest as CheckpointManifest
from bit_transformer.data.manifest import Manifest as CorpusManifest
from bit_transformer.runs import RunFolder, RunStatus
from tests.reference_page import PAGE, ROOT, SOURCE, render

DOCS = ROOT / "docs"


def table_names(text: str) -> list[str]:
    """What stands in code type in the first column of tables."""
    cells = re.findall(r"^\| (`[^|]*`) \|", text, re.M)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def rooms_in_docs() -> list[str]:
    section = (DOCS / "index.md").read_text("utf-8").split("## The rooms")[1]
    return table_names(section)


def test_the_rooms_in_the_docs_are_those_of_the_source():
    folders = {p.parent.name for p in SOURCE.glob("*/__init__.py")}
    modules = {p.stem for p in SOURCE.glob("*.py")} - {"__init__", "__main__", "lazy"}
    assert set(rooms_in_docs()) == folders | modules


def test_the_rooms_are_listed_from_the_lowest_layer_to_the_highest():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    listed = [re.findall(r"\w+", layer) for layer in reversed(layers)]
    assert [room for rooms in listed for room in rooms if room != "lazy"] == rooms_in_docs()


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "zensical.toml").read_text("utf-8")
    pages = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    assert {page for page in pages if f'"{page}"' not in navigation} == set()


def test_the_reference_is_up_to_date():
    message = "run: python -m tests.reference_page"
    assert PAGE.read_text("utf-8") == render(), message


def test_the_example_of_a_corpus_manifest_is_one():
    page = (DOCS / "formats" / "corpus.md").read_text("utf-8")
    example = re.findall(r"```json\n(.*?)```", page, re.S)[0].replace("…", "0" * 64)
    manifest = CorpusManifest.model_validate_json(example)
    assert manifest.find_fault() is None
    assert set(json.loads(example)) == set(CorpusManifest.model_fields)


def test_the_fields_of_a_checkpoint_are_listed():
    page = (DOCS / "formats" / "checkpoint.md").read_text("utf-8")
    assert table_names(page) == list(CheckpointManifest.model_fields)


def test_the_fields_of_a_status_are_listed():
    page = (DOCS / "formats" / "run.md").read_text("utf-8")
    status = page.split("`status.json`:")[1].split("##")[0]
    assert set(table_names(status)) == set(RunStatus.model_fields)


def test_the_files_of_a_run_are_drawn():
    page = (DOCS / "formats" / "run.md").read_text("utf-8")
    run = RunFolder(Path("NAME"))
    names = [name for name, value in vars(RunFolder).items() if isinstance(value, property)]
    drawn = [getattr(run, name).name for name in names if name.endswith("_path")]
    assert drawn
    for name in [*drawn, run.checkpoint_path(100).name]:
        assert name in page.split("##")[0]
