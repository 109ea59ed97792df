"""The tables of the model card, printed from a corpus's manifest.

python -m benchmarks.default_model.card OUT/manifest.json
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REGISTRIES = {
    "debian": "Debian",
    "debian-source": "Debian source",
    "pypi": "PyPI",
    "npm": "npm",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Tables for docs/default-model.md.")
    parser.add_argument("manifest", type=Path)
    manifest = json.loads(parser.parse_args().manifest.read_text("utf-8"))
    print("\n".join([*kinds(manifest), "", *packages(manifest)]))


def kinds(manifest: dict[str, Any]) -> Iterator[str]:
    """Lines of the table of kinds."""
    yield "| kind | documents | bytes to train on | share | held out: documents | bytes |"
    yield "|---|---:|---:|---:|---:|---:|"
    total = sum(row["train_bytes"] for row in manifest["kinds"].values())
    sums: Counter[str] = Counter()
    for kind, row in manifest["kinds"].items():
        yield _kind(kind, row, total)
        sums.update(row)
    yield _kind("**all**", dict(sums), total)


def _kind(kind: str, row: dict[str, int], total: int) -> str:
    return (
        f"| {kind} | {row['documents']:,} | {row['train_bytes']:,} "
        f"| {row['train_bytes'] / total:.1%} | {row['valid_documents']} "
        f"| {row['valid_bytes']:,} |"
    )


def packages(manifest: dict[str, Any]) -> Iterator[str]:
    """Lines of the table of packages, those of each registry by name."""
    yield "| package | version | licence of what is taken | KB by kind |"
    yield "|---|---|---|---|"
    for record in sorted(manifest["packages"], key=lambda each: (each["registry"], each["name"])):
        parts = ", ".join(f"{kind} {size / 1000:,.0f}" for kind, size in record["bytes"].items())
        if parts:
            where = f"{REGISTRIES[record['registry']]}: {record['name']}"
            yield f"| {where} | {record['version']} | {record['licence']} | {parts} |"


if __name__ == "__main__":
    main()
