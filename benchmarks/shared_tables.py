"""The shared Huffman tables, made from the documentation and programs that come with Python.

    python benchmarks/shared_tables.py [--evaluate FILE ...]

Prints the lengths for ``src/bit_transformer/codecs/huffman_tables.py``. ``english`` counts the
prose in docstrings and in the language reference, ``python`` the source files, and ``bytes`` both
of these, compiled modules, shared libraries and evenly spread bytes, in equal shares. Every byte
is counted a little more than it occurs, so that each has a word. The tables in the repository
were made with Python 3.11; other releases give slightly different ones, so that they are never
made anew: frames refer to them. With ``--evaluate``, prints instead what the tables make of
files, in bits per byte, beside each file's own table, which is not counted.
"""

import argparse
import ast
import pydoc_data.topics
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bit_transformer.codecs.huffman_kernels import count_bytes, optimal_lengths
from bit_transformer.codecs.huffman_tables import SHARED_TABLES

LIBRARY = Path(sysconfig.get_path("stdlib"))
LEAST_SHARE = 1 / 30_000
"""Of all bytes, at least this part is taken to be any one value."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluate", type=Path, nargs="+", default=[], metavar="FILE")
    arguments = parser.parse_args()
    if arguments.evaluate:
        evaluate(arguments.evaluate)
        return
    english = shares(prose())
    python = shares(contents("*.py"))
    binary = shares(contents("*.pyc")) + shares(contents("*.so"))
    mixture = english + python + binary / 2 + np.full(256, 1 / 256)
    for name, distribution in {"english": english, "python": python, "bytes": mixture}.items():
        show(name, lengths_of(distribution))


def source_files(pattern: str) -> Iterator[Path]:
    return (p for p in sorted(LIBRARY.rglob(pattern)) if "site-packages" not in p.parts)


def contents(pattern: str) -> bytes:
    return b"".join(path.read_bytes() for path in source_files(pattern))


def prose() -> bytes:
    """Docstrings without the blanks that indent them, and the topics of ``help()``."""
    texts = list(pydoc_data.topics.topics.values())
    for path in source_files("*.py"):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue  # some test files are wrong on purpose
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        documented = (node for node in ast.walk(tree) if isinstance(node, kinds))
        texts.extend(ast.get_docstring(node) or "" for node in documented)
    lines = (line.strip() for text in texts for line in text.splitlines())
    return "\n".join(line for line in lines if line).encode(errors="ignore")


def shares(data: bytes) -> np.ndarray:
    return count_bytes(np.frombuffer(data, dtype=np.uint8)) / len(data)


def lengths_of(distribution: np.ndarray) -> np.ndarray:
    smoothed = distribution / distribution.sum() + LEAST_SHARE
    return optimal_lengths((smoothed * (1 << 40)).astype(np.int64))


def show(name: str, lengths: np.ndarray) -> None:
    print(f"{name}:")
    digits = "".join(f"{length:x}" for length in lengths)
    for start in range(0, 256, 64):
        print(f'    "{digits[start : start + 64]}"')


def evaluate(paths: list[Path]) -> None:
    for path in paths:
        distribution = shares(path.read_bytes())
        own = optimal_lengths((distribution * (1 << 40)).astype(np.int64))
        results = [f"own {distribution @ own:.3f}"]
        for name, table in SHARED_TABLES.items():
            results.append(f"{name} {distribution @ table.lengths():.3f}")
        print(f"{path.name}: {', '.join(results)}")


if __name__ == "__main__":
    main()
