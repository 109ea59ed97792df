"""A member of a package as plain documents: the text of a web page, a catalogue's messages.

Each way has a name, which the catalogue uses. All give pairs of a name and UTF-8 bytes; none
gives an empty document.
"""

import html
import io
import json
import re
import struct
import textwrap
import zipfile
import zlib
from collections.abc import Callable, Iterator

__all__ = ["WAYS", "Document", "html_text", "message_pairs", "r_strings"]

Document = tuple[str, bytes]
PART_BYTES = 32_768
LEAST_MESSAGE = 60  # characters: labels of buttons are no text


def html_text(page: str) -> str:
    """The words of a web page, with a line for each block and no marks."""
    body = re.sub(r"(?is)<(script|style|head|nav|header|footer)\b.*?</\1>|<!--.*?-->", " ", page)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(re.sub(r"<[^>]*>", "", match[0]))
        return f"\n\x00{len(kept) - 1}\x00\n"

    body = re.sub(r"(?is)<pre\b.*?</pre>", keep, body)
    body = re.sub(r"\s+", " ", body)
    body = re.sub(r"(?i)</?(p|div|h[1-6]|table|dl|ul|ol|section|blockquote)\b[^>]*>", "\n\n", body)
    body = re.sub(r"(?i)<(br|tr|dt|dd)\b[^>]*>", "\n", body)
    body = re.sub(r"(?i)<li\b[^>]*>", "\n- ", body)
    body = re.sub(r"<[^>]*>", "", body)
    body = re.sub(r" *\n *", "\n", body)
    body = re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], body)
    return re.sub(r"\n{3,}", "\n\n", html.unescape(body)).strip() + "\n"


def message_pairs(data: bytes) -> list[tuple[str, str]]:
    """Originals and translations of a compiled gettext catalogue, in the catalogue's order."""
    if len(data) < 20:
        return []
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, first, second = struct.unpack_from(f"{order}3I", data, 8)
    if max(first, second) + 8 * count > len(data):
        return []

    def string(table: int, index: int) -> str:
        length, start = struct.unpack_from(f"{order}2I", data, table + 8 * index)
        return data[start : start + length].split(b"\0")[0].decode("utf-8", "replace")

    return [(string(first, index), string(second, index)) for index in range(count)]


def r_strings(database: bytes) -> list[list[str]]:
    """The vectors of strings in one of R's lazy-load databases, in the order they are stored.

    The database is a row of objects, each a big-endian length and a zlib, bzip2 or xz stream.
    Where one begins is in an index that is not read here, so every place is tried.
    """
    vectors = []
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", database):
        start = match.start()
        try:
            plain = zlib.decompressobj().decompress(database[start:])
        except zlib.error:
            continue
        if start >= 4 and len(plain) == int.from_bytes(database[start - 4 : start], "big"):
            vectors.append(_r_vector(plain))
    return [vector for vector in vectors if vector]


def _r_vector(plain: bytes) -> list[str]:
    strings = []
    for match in re.finditer(rb"\x00\x04[\x00-\xff]\x09(?=\x00)", plain, re.DOTALL):
        length = int.from_bytes(plain[match.end() : match.end() + 4], "big")
        strings.append(plain[match.end() + 4 : match.end() + 4 + length].decode("utf-8", "replace"))
    return strings


def _as_it_is(name: str, data: bytes) -> Iterator[Document]:
    yield name, data


def _paragraphs(name: str, data: bytes) -> Iterator[Document]:
    """A text that is one long line in paragraphs of five sentences; half of all names wrapped."""
    sentences = re.split(r"(?<=[.?!]) +(?=[A-Z])", data.decode("utf-8", "replace").strip())
    groups = [" ".join(sentences[start : start + 5]) for start in range(0, len(sentences), 5)]
    if zlib.crc32(name.encode()) % 2:
        groups = [textwrap.fill(group, 72) for group in groups]
    yield name, ("\n\n".join(groups) + "\n").encode()


def _parts(name: str, data: bytes) -> Iterator[Document]:
    """A long list of entries in documents of some 30 KB each, cut at ends of lines."""
    start = 0
    while start < len(data):
        line = data.rfind(b"\n", start + PART_BYTES // 2, start + PART_BYTES)
        end = line + 1 if line >= 0 else start + PART_BYTES
        yield f"{name}@{start}", data[start:end]
        start = end


def _html(name: str, data: bytes) -> Iterator[Document]:
    text = html_text(data.decode("utf-8", "replace"))
    if len(text) > 200:
        yield name + ".txt", text.encode()


def _rejoined(texts: list[str]) -> bytes:
    tags = re.compile(r"</?[a-z]+[^>\n]*>")
    return "\n\n".join(tags.sub("", text) for text in texts).encode() + b"\n"


def _originals(name: str, data: bytes) -> Iterator[Document]:
    texts = [first for first, _ in message_pairs(data) if len(first) >= LEAST_MESSAGE]
    if texts:
        yield name + ".en.txt", _rejoined(texts)


def _translations(name: str, data: bytes) -> Iterator[Document]:
    texts = [
        second for first, second in message_pairs(data) if len(first) >= LEAST_MESSAGE and second
    ]
    if texts:
        yield name + ".txt", _rejoined(texts)


def _books_of_r(name: str, data: bytes) -> Iterator[Document]:
    for number, lines in enumerate(r_strings(data)):
        text = "\n".join(lines).encode()
        if len(text) > 100_000:
            yield f"{name}.{number}.txt", text + b"\n"


def _archive_of_java(name: str, data: bytes) -> Iterator[Document]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.filename.startswith("java.base/java/") and member.file_size:
                yield f"{name}/{member.filename}", archive.read(member)


def _glosses(name: str, data: bytes) -> Iterator[Document]:
    lines = []
    for line in data.decode("utf-8", "replace").splitlines():
        fields, _, gloss = line.partition(" | ")
        words = fields.split()
        if gloss and len(words) > 4 and not line.startswith("  "):
            lines.append(f"{words[4].replace('_', ' ')}: {gloss.strip()}")
    yield from _parts(name + ".txt", "\n".join(lines).encode() + b"\n")


def _compact_json(name: str, data: bytes) -> Iterator[Document]:
    try:
        value = json.loads(data)
    except ValueError:
        return
    items = value if isinstance(value, list) else [value]
    lines = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items]
    yield name + "l", "\n".join(lines).encode() + b"\n"


WAYS: dict[str, Callable[[str, bytes], Iterator[Document]]] = {
    "text": _as_it_is,
    "html": _html,
    "parts": _parts,
    "paragraphs": _paragraphs,
    "originals": _originals,
    "translations": _translations,
    "books of R": _books_of_r,
    "Java": _archive_of_java,
    "glosses": _glosses,
    "JSON lines": _compact_json,
}
