"""Payloads that every release must decode: made once, with

    python -m tests.archive.mixing.golden

which writes tests/golden/mixing.json anew. Do that only together with a new ``MIXING_VERSION``: the
payloads of earlier versions stay.
"""

import json
from functools import cache
from typing import Any

from bit_transformer.archive.mixing import MIXING_VERSION, Level, encode_blocks
from tests.archive.mixing.fake_engine import FakeEngine
from tests.reference_page import ROOT

__all__ = ["GOLDEN", "blocks", "engine_named", "level_named", "primer_named"]

GOLDEN = ROOT / "tests" / "golden" / "mixing.json"


def blocks() -> dict[str, bytes]:
    """What the payloads hold, by name."""
    text = b"".join(
        b'%d, "%s": <b>%x</b> and the dog\n' % (n, b"quick brown fox".split()[n % 3], n * n)
        for n in range(40)
    )
    table = b"".join(bytes([1, n, 0, 255, n * n % 251, 0, 7 * n % 16, 3]) for n in range(150))
    return {
        "a byte": b"a",
        "zeros": bytes(2000),
        "text": text,
        "records": table,
        "utf-16": text.decode().encode("utf-16-le"),
        "values": bytes(range(256)),
        "log": b"".join(b"%05d INFO node-%d: block %d\n" % (i, i % 7, i % 89) for i in range(900)),
    }


@cache
def engine_named(name: str) -> FakeEngine | None:
    """``none`` or ``fake``."""
    return FakeEngine() if name == "fake" else None


def primer_named(name: str) -> bytes:
    """``none``, ``short`` or ``long``; of the long one, the engine sees a part."""
    if name == "none":
        return b""
    lines = b"".join(b"%d: the quick brown fox saw %d dogs\n" % (n, n * n) for n in range(600))
    return lines[:500] if name == "short" else lines


def level_named(name: str) -> Level:
    """The level of this name."""
    return Level(name)


def _main() -> None:
    choices = [
        (block, level, engine, primer, lanes)
        for block in blocks()
        for level in ("fast", "default", "best")
        for engine, primer, lanes in (
            [("none", "none", None)]
            + [("none", "short", 3)] * (block == "text")
            + [("fake", "none", None), ("fake", "long", 3)] * (level == "default")
            + [("fake", "long", None)] * (level == "default" and block in ("text", "log"))
        )
    ]
    rows = [row for row in _rows_before() if row["version"] != MIXING_VERSION]
    for block, level, engine, primer, lanes in choices:
        means = (Level(level), engine_named(engine), primer_named(primer))
        (payload,) = encode_blocks([blocks()[block]], *means, lanes=lanes)
        row = {"version": MIXING_VERSION, "block": block, "level": level, "engine": engine}
        rows.append(row | {"primer": primer, "lanes": lanes, "payload": payload.hex()})
    content = ",\n".join("    " + json.dumps(row) for row in rows)
    GOLDEN.write_text(f'{{\n  "payloads": [\n{content}\n  ]\n}}\n', "utf-8")


def _rows_before() -> list[dict[str, Any]]:
    return json.loads(GOLDEN.read_text("utf-8"))["payloads"]


if __name__ == "__main__":
    _main()
