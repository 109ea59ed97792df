"""The scripts that build the default model's corpus: what they let in, and what they do not."""

import io
import json
import re
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.default_model import build
from benchmarks.default_model.catalogue import CATALOGUE, KINDS, Package, Take
from benchmarks.default_model.checks import SHINGLE, Overlap, Seen, is_text, window_hashes
from benchmarks.default_model.extract import WAYS, html_text, message_pairs, r_strings
from benchmarks.default_model.fetch import FetchError, fetch, members, opened
from benchmarks.default_model.primer import (
    SHARES,
    Excerpt,
    choose_primer,
    cover,
    with_crlf,
)
from benchmarks.default_model.split import Text, cut, held_out, shuffled, within


def random_bytes(seed: int, num_bytes: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, num_bytes, dtype=np.uint8).tobytes()


def sentences(seed: int, num_words: int = 400) -> bytes:
    words = [f"word{number}" for number in range(300)]
    chosen = np.random.default_rng(seed).integers(0, 300, num_words)
    lines = [" ".join(words[i] for i in chosen[at : at + 8]) for at in range(0, num_words, 8)]
    return "\n".join(lines).encode() + b"\n"


def text(number: int, data: bytes, kind: str = "prose") -> Text:
    return Text(kind, "package", f"name{number}", data)


class TestWindows:
    @given(st.binary(min_size=32, max_size=200))
    def test_have_a_number_that_depends_on_their_bytes_alone(self, data: bytes):
        hashes = window_hashes(data)
        assert len(hashes) == len(data) - 31
        for place in (0, len(hashes) // 2, len(hashes) - 1):
            assert hashes[place] == window_hashes(data[place : place + 32])[0]

    def test_that_differ_in_one_bit_have_different_numbers(self):
        window = bytearray(random_bytes(0, 32))
        numbers = {int(window_hashes(bytes(window))[0])}
        for bit in range(256):
            window[bit // 8] ^= 1 << bit % 8
            numbers.add(int(window_hashes(bytes(window))[0]))
            window[bit // 8] ^= 1 << bit % 8
        assert len(numbers) == 257

    def test_of_data_that_is_too_short_do_not_exist(self):
        assert window_hashes(bytes(31)).shape == (0,)
        assert window_hashes(bytes(7), 8).shape == (0,)
        assert window_hashes(bytes(8), 8).shape == (1,)


class TestOverlap:
    benchmark = random_bytes(1, 3000)

    @given(start=st.integers(0, 3000 - SHINGLE), before=st.integers(0, 70), extra=st.integers(0, 9))
    def test_of_64_bytes_is_found_wherever_it_lies(self, start: int, before: int, extra: int):
        shared = self.benchmark[start : start + SHINGLE + extra]
        document = random_bytes(2, before) + shared + random_bytes(3, 40)
        found = Overlap([self.benchmark]).find(document, window_hashes(document))
        assert found is not None
        assert found in self.benchmark
        assert len(found) >= SHINGLE

    @given(start=st.integers(1, 3000 - SHINGLE))
    def test_of_63_bytes_is_not_one(self, start: int):
        shared = self.benchmark[start : start + SHINGLE - 1]
        around = bytes([self.benchmark[start - 1] ^ 1]), bytes([self.benchmark[start + 63] ^ 1])
        document = random_bytes(2, 40) + around[0] + shared + around[1] + random_bytes(3, 40)
        assert Overlap([self.benchmark]).find(document, window_hashes(document)) is None

    def test_of_dashes_is_nobodys(self):
        document = random_bytes(4, 100) + b"-" * 200
        benchmark = self.benchmark + b"-" * 300
        assert Overlap([benchmark]).find(document, window_hashes(document)) is None

    def test_is_found_behind_a_run_that_does_not_count(self):
        document = b"-" * 100 + self.benchmark[500:600]
        assert Overlap([b"-" * 300 + self.benchmark]).find(document, window_hashes(document))

    def test_does_not_run_from_one_benchmark_file_into_the_next(self):
        first, second = random_bytes(5, 64), random_bytes(6, 64)
        document = first[32:] + second[:32]
        assert Overlap([first, second]).find(document, window_hashes(document)) is None

    def test_with_nothing_is_nothing(self):
        document = random_bytes(7, 200)
        assert Overlap([]).find(document, window_hashes(document)) is None

    def test_reads_every_file_below_a_folder(self, tmp_path: Path):
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "file").write_bytes(self.benchmark)
        document = self.benchmark[100:200]
        assert Overlap.with_files([tmp_path]).find(document, window_hashes(document))


class TestSeen:
    @pytest.mark.parametrize("num_words", [10, 40, 4000])
    def test_refuses_the_same_document_twice(self, num_words: int):
        seen, document = Seen(), window_hashes(sentences(0, num_words))
        assert seen.add(document)
        assert not seen.add(document)

    def test_refuses_a_document_with_little_changed(self):
        seen, document = Seen(), sentences(1, 4000)
        assert seen.add(window_hashes(document))
        assert not seen.add(window_hashes(b"A new first line.\n" + document[100:]))

    def test_takes_a_document_that_quotes_another(self):
        seen = Seen()
        assert seen.add(window_hashes(sentences(2, 1000)))
        assert seen.add(window_hashes(sentences(2, 1000) + sentences(3, 4000)))

    def test_takes_what_it_has_refused_no_longer_into_account(self):
        seen, first = Seen(), sentences(4, 4000)
        assert seen.add(window_hashes(first))
        assert not seen.add(window_hashes(first + sentences(5, 1000)))
        assert seen.add(window_hashes(sentences(5, 1000)))


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"Some words.\nAnd some more.\n", True),
        ("Сказка про белого бычка\n".encode(), True),
        (b"tabs\tand\r\nreturns\x0c\x1b[0m\n", True),
        (b"\xff\xfe not UTF-8", False),
        (b"zero \0 byte", False),
        (b"var " + b"a=1; " * 2000, False),
        (b"QUJD" * 1000, False),
    ],
)
def test_text_is_what_somebody_reads(data: bytes, is_one: bool):
    assert is_text(data) == is_one


def test_structured_data_may_be_one_line():
    assert is_text(b'{"a":[' + b"1," * 5000 + b"1]}", is_structured=True)


class TestWebPages:
    def test_become_their_words(self):
        page = """<html><head><title>x</title></head><body><script>var a;</script>
            <h1>Of &lt;cats&gt;</h1><p>They <b>purr</b>,\n   often.</p><ul><li>one</li><li>two</li>
            </ul><!-- no --></body></html>"""
        assert html_text(page) == "Of <cats>\n\nThey purr, often.\n\n- one\n- two\n"

    def test_keep_the_lines_of_examples(self):
        assert "if x:\n    y = <b>" in html_text(
            "<p>So</p><pre>if x:\n    y = &lt;<i>b</i>&gt;</pre>"
        )

    @given(st.text(max_size=200))
    def test_may_hold_anything(self, page: str):
        assert isinstance(html_text(page), str)


def catalogue_of_messages(pairs: list[tuple[str, str]], order: str) -> bytes:
    strings = [first.encode() for first, _ in pairs] + [second.encode() for _, second in pairs]
    count, table, body = len(pairs), b"", b""
    start = 28 + 16 * count
    for string in strings:
        table += struct.pack(f"{order}2I", len(string), start + len(body))
        body += string + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, start)
    return head + table + body


class TestMessages:
    pairs = [("One cat", "Eine Katze"), ("Two", "Zwei – ü")]

    @pytest.mark.parametrize("order", "<>")
    def test_are_read_in_either_byte_order(self, order: str):
        assert message_pairs(catalogue_of_messages(self.pairs, order)) == self.pairs

    @given(st.binary(max_size=100))
    def test_of_something_else_are_few_and_do_no_harm(self, data: bytes):
        assert len(message_pairs(b"\xde\x12\x04\x95" + data)) <= 20

    def test_of_a_cut_catalogue_are_no_error(self):
        whole = catalogue_of_messages(self.pairs, "<")
        for length in range(len(whole)):
            message_pairs(whole[:length])

    def test_that_are_short_are_left_out(self):
        long = "A sentence that is long enough to be read as a text by somebody, somewhere."
        data = catalogue_of_messages([("Quit", "Ende"), (long, "Ein <b>Satz</b>.")], "<")
        assert list(WAYS["originals"]("x.mo", data)) == [("x.mo.en.txt", long.encode() + b"\n")]
        assert list(WAYS["translations"]("x.mo", data)) == [("x.mo.txt", b"Ein Satz.\n")]


def database_of_r(lines: list[str]) -> bytes:
    strings = [line.encode() for line in lines]
    plain = b"X\n" + struct.pack(">5I", 2, 0, 0, 16, len(lines))
    for string in strings:
        plain += b"\x00\x04\x00\x09" + struct.pack(">I", len(string)) + string
    return struct.pack(">I", len(plain)) + zlib.compress(plain)


def test_vectors_of_strings_come_out_of_a_database_of_r():
    first, second = ["It is a truth", "", "universally"], ["zweiter"] * 300
    database = b"junk x\x9c junk" + database_of_r(first) + database_of_r(second)
    assert r_strings(database) == [first, second]


def test_a_speech_gets_paragraphs_and_keeps_its_words():
    speech = " ".join(f"Sentence number {number} is said." for number in range(40)).encode()
    for name in ("a.txt", "b.txt", "c.txt", "d.txt"):
        [(_, data)] = WAYS["paragraphs"](name, speech)
        assert data.split() == speech.split()
        assert data.count(b"\n\n") == 7


@given(st.lists(st.integers(1, 50_000), max_size=6))
def test_parts_of_a_list_join_to_the_list(lengths: list[int]):
    data = b"\n".join(b"x" * length for length in lengths)
    parts = list(WAYS["parts"]("list", data))
    assert b"".join(part for _, part in parts) == data
    assert all(0 < len(part) <= 32_768 for _, part in parts)
    assert len({name for name, _ in parts}) == len(parts)


def test_glosses_stand_beside_their_words():
    line = b"00001740 03 n 01 dark_horse 0 001 ~ 00001930 n 0000 | a candidate little known  \n"
    [(_, data)] = WAYS["glosses"]("data.noun", b"  1 licence | text\n" + line)
    assert data == b"dark horse: a candidate little known\n"


class TestPieces:
    @given(st.lists(st.integers(0, 90_000), max_size=6), st.booleans())
    def test_are_small_and_join_to_the_document(self, lengths: list[int], has_lines: bool):
        data = (b"\n" if has_lines else b" ").join(b"x" * length for length in lengths)
        pieces = cut(text(0, data))
        assert b"".join(piece.data for piece in pieces) == data
        assert all(0 < len(piece.data) <= 65_536 for piece in pieces)
        assert len({piece.name for piece in pieces}) == len(pieces)

    def test_end_with_lines(self):
        pieces = cut(text(0, sentences(0, 40_000)))
        assert len(pieces) > 3
        assert all(piece.data.endswith(b"\n") for piece in pieces)


class TestHoldingOut:
    texts = [text(number, bytes(100 + number)) for number in range(500)] + [text(-1, bytes(30_000))]

    def test_takes_the_share_and_hardly_more(self):
        names = held_out(self.texts, 0.1, seed=0)
        num_bytes = sum(len(each.data) for each in self.texts if (each.package, each.name) in names)
        wanted = 0.1 * sum(len(each.data) for each in self.texts)
        assert wanted <= num_bytes <= wanted + 600

    def test_does_not_depend_on_the_order(self):
        assert held_out(self.texts, 0.1, 0) == held_out(self.texts[::-1], 0.1, 0)
        assert held_out(self.texts, 0.1, 0) != held_out(self.texts, 0.1, 1)

    def test_leaves_large_documents_in_training(self):
        assert all(("package", "name-1") not in held_out(self.texts, 0.1, s) for s in range(20))

    def test_of_nothing_is_nothing(self):
        assert held_out([], 0.01, 0) == set()


def test_a_mixture_keeps_to_its_size_and_to_no_order():
    texts = [text(number, bytes(100)) for number in range(100)]
    kept = within(texts, 3050, seed=0)
    assert len(kept) == 30
    assert kept == within(texts[::-1], 3050, seed=0)
    assert shuffled(texts, 1) == shuffled(texts[::-1], 1) != texts


def joined(excerpts: list[Excerpt]) -> bytes:
    return b"".join(excerpt.data for excerpt in excerpts)


class TestPrimer:
    def test_holds_what_many_documents_share(self):
        common = b"2024-01-01 00:00:00 INFO service started on port 8080 without any trouble\n"
        texts = [text(number, sentences(number, 800) + common * 14) for number in range(30)]
        primer = joined(cover(texts, 6000))
        assert common in primer
        assert 3000 < len(primer) <= 6000

    def test_does_not_repeat_itself(self):
        same = sentences(0, 150)
        primer = joined(
            cover([text(number, same + sentences(number, 2000)) for number in range(30)], 8000)
        )
        assert primer.count(same[:500]) <= 1

    def test_is_made_of_every_kind_and_not_too_long(self):
        texts = [
            text(
                number,
                sentences(hash_of(kind) + number).replace(b"word1", f"{kind}ü".encode()),
                kind,
            )
            for kind in KINDS
            for number in range(20)
        ]
        primer = joined(choose_primer(texts, 40_000))
        assert 30_000 < len(primer) <= 40_000
        assert all(kind.encode() in primer for kind in KINDS)
        assert primer == joined(choose_primer(texts, 40_000))

    def test_ends_some_lines_of_logs_as_windows_does(self):
        line = b"%d worker %d of %d said nothing new\n"
        logs = [
            text(number, b"".join(line % (i * number, i, number) for i in range(300)), "logs")
            for number in range(1, 40)
        ]
        excerpts = choose_primer(logs, 60_000)
        ends = [excerpt.data.count(b"\r\n") for excerpt in excerpts]
        lines = [excerpt.data.count(b"\n") for excerpt in excerpts]
        assert len(joined(excerpts)) <= SHARES["logs"] * 60_000
        assert all(
            end == (count if i % 4 == 0 else 0)
            for i, (end, count) in enumerate(zip(ends, lines, strict=True))
        )
        again = with_crlf(excerpts, 4)
        assert again == excerpts

    def test_quotes_other_languages_in_their_letters(self):
        texts = [
            text(0, sentences(0), "languages"),
            text(1, "Съешь ещё этих мягких французских булок\n".encode() * 40, "languages"),
        ]
        assert "Съешь".encode() in joined(choose_primer(texts, 40_000))
        assert b"word" not in joined(choose_primer(texts, 40_000))

    def test_says_whom_it_quotes(self):
        texts = [Text("logs", f"package{number}", "x", sentences(number)) for number in range(5)]
        for excerpt in cover(texts, 6000):
            [index] = [number for number in range(5) if excerpt.package == f"package{number}"]
            assert excerpt.data in sentences(index)

    def test_shares_are_those_of_the_kinds(self):
        assert set(SHARES) == set(KINDS)
        assert sum(SHARES.values()) == pytest.approx(1)


def hash_of(kind: str) -> int:
    return zlib.crc32(kind.encode()) % 10_000


class TestCatalogue:
    def test_asks_for_what_can_be_done(self):
        for package in CATALOGUE:
            assert package.licence
            for take in package.takes:
                assert take.kind in KINDS
                assert take.way in WAYS
                re.compile(take.pattern)
                re.compile(take.without)

    def test_names_no_package_twice(self):
        names = [package.name for package in CATALOGUE]
        assert len(set(names)) == len(names)

    def test_knows_whose_text_may_be_quoted(self):
        quotable = {package.name: package.is_quotable for package in CATALOGUE}
        assert quotable["sympy"]
        assert quotable["rust-src"]
        assert quotable["r-cran-janeaustenr"]
        assert not quotable["dict-jargon"]
        assert not quotable["git-doc"]
        assert not quotable["gnome-user-docs"]
        assert not quotable["dict-foldoc"]
        assert not quotable["openjdk-17-source"]

    def test_has_something_to_quote_of_every_kind(self):
        packages = [package for package in CATALOGUE if package.is_quotable]
        assert {take.kind for package in packages for take in package.takes} == set(KINDS)

    def test_names_no_package_of_benchmark_texts(self):
        forbidden = {"bible-kjv-text", "dict-gcide", "findutils", "samba", "gensim", "fortunes"}
        assert not forbidden & {package.name for package in CATALOGUE}

    @pytest.mark.parametrize(
        "name", ["html/_sources/library/asyncio-task.rst.txt", "asyncio-stream.rst.txt"]
    )
    def test_takes_nothing_of_asyncios_manual(self, name: str):
        [package] = [each for each in CATALOGUE if each.name == "python3.11-doc"]
        assert all(re.search(take.without, name) for take in package.takes)


def packed(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


class TestPackages:
    def test_in_the_cache_are_not_fetched(self, tmp_path: Path):
        path = packed(tmp_path / "npm" / "types-node-26.6.6.tgz", {"a": b"b"})
        packed(tmp_path / "npm" / "types-node-fetch-2.0.0.tgz", {"a": b"b"})
        assert fetch("npm", "@types/node", tmp_path) == (path, "26.6.6")
        path = packed(tmp_path / "pypi" / "ansible_core-2.19-py3-none-any.whl", {"a": b"b"})
        assert fetch("pypi", "ansible-core", tmp_path) == (path, "2.19")
        path = packed(tmp_path / "debian-source" / "jc_1.22.5.orig.tar.gz", {"a": b"b"})
        assert fetch("debian-source", "jc", tmp_path) == (path, "1.22.5")

    def test_that_cannot_be_had_are_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(build.fetch.__globals__["COMMANDS"], "npm", ["false"])
        with pytest.raises(FetchError, match="did not bring nothing: no message"):
            fetch("npm", "nothing", tmp_path)

    @pytest.mark.parametrize("name", ["x.whl", "x.tgz"])
    def test_give_their_members(self, tmp_path: Path, name: str):
        files = {"a/b.txt": b"one", "c": b"two"}
        assert dict(members(packed(tmp_path / name, files))) == files

    def test_open_members_that_are_compressed(self):
        with pytest.raises(FetchError, match=r"a\.txt\.gz is not readable"):
            opened("a.txt.gz", b"not gzip")
        assert opened("a.txt", b"plain") == ("a.txt", b"plain")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two packages, a catalogue that names them, and a folder of benchmark data."""
    novels = {f"text/{number}.txt": sentences(number) for number in range(150)}
    novels["text/secret.txt"] = sentences(900)[:600] + sentences(901)
    novels["text/again.txt"] = sentences(7)
    novels["text/image.txt"] = b"\xff\0\xff" * 200
    packed(tmp_path / "cache" / "npm" / "novels-1.0.0.tgz", novels)
    code = {f"pkg/{number}.py": b"# code\n" + sentences(1000 + number) for number in range(150)}
    packed(tmp_path / "cache" / "pypi" / "code-2.0-py3-none-any.whl", code)
    catalogue = (
        Package("npm", "novels", "MIT", (Take(r"\.txt$", "prose", 700),)),
        Package("pypi", "code", "GPL-2.0", (Take(r"\.py$", "source", 100, document_kb=1),)),
    )
    monkeypatch.setattr(build, "CATALOGUE", catalogue)
    monkeypatch.setattr(build, "VALID_SHARE", 0.1)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "file").write_bytes(sentences(900)[100:300])
    return tmp_path


def built(small: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> dict[str, bytes]:
    words = ["build", str(small / name), "--against", str(small / "benchmarks")]
    monkeypatch.setattr("sys.argv", [*words, "--cache", str(small / "cache")])
    build.main()
    paths = [path for path in (small / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(small / name)): path.read_bytes() for path in paths}


def test_a_corpus_holds_every_document_once_and_no_benchmark_data(
    small: Path, monkeypatch: pytest.MonkeyPatch
):
    files = built(small, monkeypatch, "out")
    train = b"".join(data for name, data in files.items() if name.startswith("train"))
    valid = [data for name, data in files.items() if name.startswith("valid/prose")]
    manifest = json.loads(files["manifest.json"])
    for number in range(150):
        document = sentences(number)
        assert train.count(document) + valid.count(document) == 1
    assert valid
    assert all(document not in train for document in valid)
    assert sentences(900)[100:164] not in train
    assert manifest["left_out"] == {"benchmark data": 1, "duplicate": 1, "not text": 1}
    assert manifest["shared_with_benchmarks"][0]["name"] == "text/secret.txt"
    kinds = manifest["kinds"]
    assert kinds["prose"]["documents"] == 150
    assert 90_000 < kinds["source"]["train_bytes"] + kinds["source"]["valid_bytes"] <= 100_000
    assert [package["version"] for package in manifest["packages"]] == ["1.0.0", "2.0"]
    assert manifest["packages"][1]["bytes"]["source"] == sum(
        kinds["source"][name] for name in ("train_bytes", "valid_bytes")
    )
    assert 0 < len(files["primer.bin"]) <= build.PRIMER_BYTES
    assert manifest["primer"] == {"novels": len(files["primer.bin"])}
    assert b"# code" in train
    assert b"# code" not in files["primer.bin"]  # its licence does not let it be quoted


def test_a_corpus_is_the_same_when_it_is_built_again(small: Path, monkeypatch: pytest.MonkeyPatch):
    assert built(small, monkeypatch, "first") == built(small, monkeypatch, "second")
    assert built(small, monkeypatch, "first") == built(small, monkeypatch, "first")


def test_a_package_that_is_missing_ends_the_build(small: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(build.fetch.__globals__["COMMANDS"], "npm", ["false"])
    (small / "cache" / "npm" / "novels-1.0.0.tgz").unlink()
    with pytest.raises(SystemExit, match="--skip-missing goes on without it"):
        built(small, monkeypatch, "out")
    assert not (small / "out").exists()
