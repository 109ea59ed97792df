"""Archives that every release must read: made once, with

    python -m tests.archive.golden

which writes tests/golden/archives.json anew. Do that only when the format or the arithmetic changes
on purpose, with the version that says so; then the old archives stay, beside the new ones, for as
long as they can be read.
"""

import json
from typing import Any

from bit_transformer.archive import ArchiveModel, MessageCodec, compress
from bit_transformer.archive.coding import to_level
from bit_transformer.archive.mixing import MIXING_VERSION
from bit_transformer.archive.models import choose_model
from tests.archive.simple_coder import random_bytes
from tests.reference_page import ROOT

__all__ = ["GOLDEN", "MESSAGES", "PRIMER", "contents", "model_named"]

GOLDEN = ROOT / "tests" / "golden" / "archives.json"
MODEL = ROOT / "tests" / "golden" / "engine.btm"

PRIMER = b"the quick brown fox jumps over the lazy dog\n" * 8
MESSAGES = [b"", b"x", PRIMER[:44], PRIMER[:200].upper(), random_bytes(30)]
LEVELS = ("fast", "default", "best")


def contents() -> dict[str, bytes]:
    """What the archives hold, by name."""
    lines = b"".join(b"%d: %s" % (n, PRIMER[n % 44 : n % 44 + 44]) for n in range(40))
    return {
        "nothing": b"",
        "a byte": b"\xff",
        "zeros": bytes(3000),
        "random": random_bytes(1500),
        "text": lines,
        "everything": lines + random_bytes(1200) + bytes(range(256)) * 4 + lines[::-1],
        "much": lines * 40,
    }


def model_named(name: str) -> ArchiveModel | None:
    """``none``, ``primer``, or ``engine``."""
    if name == "primer":
        return ArchiveModel(primer=PRIMER)
    return None if name == "none" else choose_model(MODEL, to_level("default"))


def _archives() -> list[dict[str, Any]]:
    rows = [
        _archive(name, level, "none", block_bytes)
        for name in contents()
        if name != "much"
        for level in LEVELS
        for block_bytes in (None, 1024)
    ]
    for model in ("primer", "engine"):
        for level in LEVELS:
            rows.append(_archive("text", level, model, None))
            rows.append(_archive("everything", level, model, 2048))
    rows.append(_archive("much", "fast", "none", None))
    return rows


def _archive(name: str, level: str, model: str, block_bytes: int | None) -> dict[str, Any]:
    content, chosen = contents()[name], model_named(model)
    archive = compress(content, level=level, model=chosen, block_bytes=block_bytes)
    return {
        "content": name,
        "level": level,
        "model": model,
        "block_bytes": block_bytes,
        "archive": archive.hex(),
    }


def _messages() -> list[dict[str, Any]]:
    rows = []
    for model in ("none", "primer"):
        codec = MessageCodec(level="fast", model=model_named(model))
        compressed = codec.compress_all(MESSAGES)
        told = {"version": MIXING_VERSION, "model": model}
        rows.append(told | {"messages": [one.hex() for one in compressed]})
    return rows


def main() -> None:
    """Write the file; archives that would be made otherwise now are kept as earlier ones."""
    before = json.loads(GOLDEN.read_text("utf-8"))
    archives = _archives()
    replaced = [row for row in before["archives"] if row not in archives]
    messages = _messages()
    earlier_messages = [row for row in before["messages"] if row["version"] != MIXING_VERSION]
    golden = {
        "archives": archives,
        "earlier": before.get("earlier", []) + replaced,
        "messages": messages,
        "earlier_messages": before.get("earlier_messages", []) + earlier_messages,
    }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
