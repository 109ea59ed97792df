"""The pages about archives against what archives are."""

import doctest

import pytest

from bit_transformer.archive import compress, decompress
from tests.reference_page import ROOT

GUIDE = ROOT / "docs" / "archives.md"
PAGE = ROOT / "docs" / "formats" / "archive.md"


def test_the_examples_of_the_guide_are_true(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    text = GUIDE.read_text("utf-8").replace("```", "").replace("PosixPath", "Path")
    examples = doctest.DocTestParser().get_doctest(text, {}, GUIDE.name, str(GUIDE), 0)
    checker = _AnyPath()
    results = doctest.DocTestRunner(checker=checker).run(examples)
    assert results.attempted > 15
    assert results.failed == 0


def test_the_examples_of_the_specification_are_true():
    examples = [line for line in PAGE.read_text("utf-8").splitlines() if " -> b742545a" in line]
    assert len(examples) == 2
    for example in examples:
        made, _, digits = example.partition(" -> ")
        level, _, content = made.strip().removeprefix("level ").partition(", ")
        archive = bytes.fromhex(digits)
        assert compress(content.strip('"').encode(), level=level, model="none") == archive
        assert decompress(archive) == content.strip('"').encode()


class _AnyPath(doctest.OutputChecker):
    """Paths are the system's own."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        for name in ("PosixPath", "WindowsPath"):
            got = got.replace(name, "Path")
        return super().check_output(want, got, optionflags)
