"""Files become a corpus folder, in a stream: no file, and no split, is ever held in memory.

Each file is read twice. The first reading hashes it: equal files are found, and the split is
chosen. The second copies it to its split and hashes it again, so a file that changes in between is
noticed. The folder gets its name only when it is complete; what a killed build leaves behind has a
temporary name.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from bit_transformer.bits.files import atomic_folder, user_cache_folder
from bit_transformer.data.config import DataConfig
from bit_transformer.data.corpus import Corpus, open_corpus
from bit_transformer.data.manifest import (
    MANIFEST_NAME,
    SPLIT_NAMES,
    VERSION,
    Duplicate,
    FilePart,
    Manifest,
    Method,
    Skipped,
    SourceRecord,
    SplitName,
    SplitRecord,
)
from bit_transformer.data.sources import (
    STANDARD_LIBRARY_RULES,
    Rules,
    SourceFile,
    find_files,
    reading_source,
    standard_library_root,
)
from bit_transformer.data.splitting import Part, Sized, choose_split
from bit_transformer.errors import ConfigError, DataError, StorageError

__all__ = ["BuildProgress", "build_corpus", "default_cache_dir", "prepare_corpus"]

_CHUNK_BYTES = 1 << 20


class BuildProgress(NamedTuple):
    """How far a build has come. While files are being found, the totals are not known yet: 0."""

    stage: Literal["finding", "reading", "writing"]
    num_files: int
    total_files: int
    num_bytes: int
    total_bytes: int


Report = Callable[[BuildProgress], None]


@dataclass
class _Sources:
    """The files of each split that was asked for; those under ``train`` are still to be split."""

    files: dict[SplitName, list[SourceFile]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[SplitName, SourceFile]]:
        """Every file with the split it was given for.

        The test comes first, then validation: of equal files the first is kept.
        """
        for name in reversed(SPLIT_NAMES):
            for file in self.files.get(name, ()):
                yield name, file


class _Kept(NamedTuple):
    given_for: SplitName
    file: SourceFile
    sha256: str


def build_corpus(config: DataConfig, out: Path, progress: Report | None = None) -> Corpus:
    """The corpus that ``config`` describes, built in the new folder ``out``.

    Equal files are kept once, in the test if they are given for it, else in validation, else in
    training, so no file's content stands on two sides.

    Args:
        progress: called after every file and every MiB or so.

    Raises:
        DataError: a source is missing, unreadable, empty or changing, or there are too few bytes
            for the splits that were asked for.
        StorageError: ``out`` exists, cannot be written, or the disk is full.
    """
    out = Path(out)
    if out.exists():
        raise StorageError(f"cannot write {out}: it exists; remove it or choose another name")
    return _build(config, _find(config, progress), out, progress)


def prepare_corpus(
    config: DataConfig, cache_dir: Path | None = None, progress: Report | None = None
) -> Corpus:
    """The corpus that ``config`` describes, opened; built only if it is not there already.

    If the only path is a built corpus, that is opened, with the split it was built with. Else
    corpora are kept in a cache under a name made of the configuration and of every file's path,
    size and time of writing; processes that build the same one at the same time get the same one.

    Args:
        cache_dir: where built corpora are kept; the configuration's or the user's if None.

    Raises:
        ConfigError: a built corpus is given together with other paths.
        DataError: see :func:`build_corpus`.
        StorageError: the cache cannot be written.
    """
    built = _built_corpus(config)
    if built is not None:
        return open_corpus(built)
    sources = _find(config, progress)
    cache_dir = cache_dir or config.cache_dir or default_cache_dir()
    folder = Path(cache_dir).expanduser() / _cache_key(config, sources)
    if folder.exists():
        try:
            return open_corpus(folder)
        except DataError:
            return _build(config, sources, folder, progress, replace=True)
    try:
        return _build(config, sources, folder, progress)
    except StorageError:
        if folder.exists():  # another process was faster, and built the same
            return open_corpus(folder)
        raise


def default_cache_dir() -> Path:
    """Where corpora are kept for this user, unless something else is said."""
    return user_cache_folder() / "corpora"


def _built_corpus(config: DataConfig) -> Path | None:
    """The built corpus that the configuration names, if it names one."""
    given = [*config.paths, *config.valid_paths, *config.test_paths]
    built = [path for path in given if (path / MANIFEST_NAME).is_file()]
    if built and len(given) > 1:
        raise ConfigError(
            f"{built[0]} is a built corpus with its own split; give it alone, or name the files "
            "it was built from"
        )
    return built[0] if built else None


def _find(config: DataConfig, progress: Report | None) -> _Sources:
    rules = Rules.of(config)
    given: dict[SplitName, tuple[Sequence[Path], Rules]] = {
        "train": (config.paths, rules) if config.paths else _standard_library(),
        "valid": (config.valid_paths, rules),
        "test": (config.test_paths, rules),
    }
    sources = _Sources()

    def report(num_files: int) -> None:
        if progress:
            progress(BuildProgress("finding", num_files, 0, 0, 0))

    for name, (paths, split_rules) in given.items():
        found = find_files(paths, split_rules, report)
        sources.files[name] = found.files
        sources.skipped += found.skipped
    return sources


def _standard_library() -> tuple[Sequence[Path], Rules]:
    return [standard_library_root()], STANDARD_LIBRARY_RULES


def _cache_key(config: DataConfig, sources: _Sources) -> str:
    files = [
        (name, str(file.path.absolute()), file.label, file.num_bytes, file.modified_ns)
        for name, file in sources
    ]
    description = [VERSION, config.cut_fractions, files]
    return hashlib.sha256(json.dumps(description).encode()).hexdigest()[:24]


def _build(
    config: DataConfig,
    sources: _Sources,
    out: Path,
    progress: Report | None,
    *,
    replace: bool = False,
) -> Corpus:
    kept, duplicates = _hash_all(sources, _Counter("reading", sources, progress))
    method, parts = _assign(kept, config)
    _check_not_empty(parts, config, len(duplicates))
    counter = _Counter("writing", [(item.given_for, item.file) for item in kept], progress)
    with atomic_folder(out, replace=replace) as folder:
        splits, files = _write_splits(folder, kept, parts, counter)
        manifest = Manifest(
            method=method,
            valid_fraction=config.cut_fractions[0],
            test_fraction=config.cut_fractions[1],
            splits=splits,
            files=files,
            duplicates=tuple(duplicates),
            skipped=tuple(sources.skipped),
        )
        (folder / MANIFEST_NAME).write_text(manifest.model_dump_json() + "\n", encoding="utf-8")
    return open_corpus(out)


def _hash_all(sources: _Sources, counter: "_Counter") -> tuple[list[_Kept], list[Duplicate]]:
    """Every file with its hash, the first of equal ones only; and the others."""
    kept: dict[str, _Kept] = {}
    duplicates = []
    for name, file in sources:
        digest = hashlib.sha256()
        for chunk in _chunks(file):
            digest.update(chunk)
            counter.add_bytes(len(chunk))
        counter.add_file()
        sha256 = digest.hexdigest()
        if sha256 in kept:
            duplicates.append(Duplicate(path=file.label, same_as=kept[sha256].file.label))
        else:
            kept[sha256] = _Kept(name, file, sha256)
    return list(kept.values()), duplicates


def _assign(kept: list[_Kept], config: DataConfig) -> tuple[Method, list[list[Part]]]:
    """The parts of each kept file: by the split it was given for, or by the asked fractions."""
    parts = [[Part(item.given_for, 0, item.file.num_bytes)] for item in kept]
    valid, test = config.cut_fractions
    if not valid and not test:
        return "given files", parts
    to_split = [i for i, item in enumerate(kept) if item.given_for == "train"]
    sized = [Sized(kept[i].sha256, kept[i].file.num_bytes) for i in to_split]
    method, chosen = choose_split(sized, valid, test)
    for i, file_parts in zip(to_split, chosen, strict=True):
        parts[i] = file_parts
    return method, parts


def _check_not_empty(parts: list[list[Part]], config: DataConfig, num_duplicates: int) -> None:
    """Refuse a build that would leave a split that was asked for without a byte."""
    filled = {part.split for file_parts in parts for part in file_parts}
    total = sum(part.num_bytes for file_parts in parts for part in file_parts)
    asked = {
        "train": 1.0,
        "valid": config.valid_fraction or len(config.valid_paths),
        "test": config.test_fraction or len(config.test_paths),
    }
    copies = f" (without {num_duplicates} that are copies of others)" if num_duplicates else ""
    for name, share in asked.items():
        if share and name not in filled:
            raise DataError(
                f"the files{copies} have {total} bytes in all, which leaves none for the {name} "
                "split; give more data, or change the split's share"
            )


def _write_splits(
    folder: Path, kept: list[_Kept], parts: list[list[Part]], counter: "_Counter"
) -> tuple[dict[SplitName, SplitRecord], tuple[SourceRecord, ...]]:
    """What the manifest says of the splits and of the files, after filling the splits."""
    with ExitStack() as stack:
        outputs: dict[SplitName, _SplitWriter] = {
            name: _SplitWriter(stack.enter_context((folder / f"{name}.bin").open("xb")))
            for name in SPLIT_NAMES
        }
        files = tuple(
            _copy(item, file_parts, outputs, counter)
            for item, file_parts in zip(kept, parts, strict=True)
        )
    return {name: output.record() for name, output in outputs.items()}, files


def _copy(
    item: _Kept, parts: list[Part], outputs: dict[SplitName, "_SplitWriter"], counter: "_Counter"
) -> SourceRecord:
    """The record of a file whose parts have been appended to their splits."""
    records = tuple(
        FilePart(
            split=part.split,
            start=part.start,
            num_bytes=part.num_bytes,
            offset=outputs[part.split].num_bytes,
        )
        for part in parts
    )
    digest = hashlib.sha256()
    position = 0
    for chunk in _chunks(item.file):
        digest.update(chunk)
        for part in parts:
            start = part.start - position
            outputs[part.split].write(chunk[max(0, start) : max(0, start + part.num_bytes)])
        position += len(chunk)
        counter.add_bytes(len(chunk))
    counter.add_file()
    if digest.hexdigest() != item.sha256:
        raise _changed(item.file)
    return SourceRecord(
        path=item.file.label, num_bytes=item.file.num_bytes, sha256=item.sha256, parts=records
    )


def _chunks(file: SourceFile) -> Iterator[memoryview]:
    """The content of a file that must have the size it was found with."""
    num_read = 0
    buffer = memoryview(bytearray(min(_CHUNK_BYTES, file.num_bytes + 1)))
    with reading_source(file.path), file.path.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            num_read += count
            if num_read > file.num_bytes:
                raise _changed(file)
            yield buffer[:count]
    if num_read != file.num_bytes:
        raise _changed(file)


def _changed(file: SourceFile) -> DataError:
    return DataError(
        f"{file.path} changed while the corpus was built; wait for what writes it to finish, or "
        "exclude the file"
    )


class _SplitWriter:
    """One split's file, being filled."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()
        self.num_bytes = 0

    def write(self, data: memoryview) -> None:
        self.stream.write(data)
        self.digest.update(data)
        self.num_bytes += len(data)

    def record(self) -> SplitRecord:
        return SplitRecord(num_bytes=self.num_bytes, sha256=self.digest.hexdigest())


class _Counter:
    """Counts files and bytes of one stage, and passes the counts on."""

    def __init__(
        self,
        stage: Literal["reading", "writing"],
        files: "_Sources | list[tuple[SplitName, SourceFile]]",
        progress: Report | None,
    ) -> None:
        sizes = [file.num_bytes for _, file in files]
        self.progress = progress
        self.state = BuildProgress(stage, 0, len(sizes), 0, sum(sizes))

    def add_bytes(self, count: int) -> None:
        self._advance(0, count)

    def add_file(self) -> None:
        self._advance(1, 0)

    def _advance(self, num_files: int, num_bytes: int) -> None:
        state = self.state
        self.state = state._replace(
            num_files=state.num_files + num_files, num_bytes=state.num_bytes + num_bytes
        )
        if self.progress:
            self.progress(self.state)
