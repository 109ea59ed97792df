"""Runs that were really trained, for pages that ask a model: small, quick, and all alike.

``written_runs`` beside this writes folders without training; these hold checkpoints.
"""

from pathlib import Path

from bit_transformer.cli.main import main

__all__ = ["PROMPT", "train_run", "write_text"]

PROMPT = "the quick brown fox no. "
LINE = "the quick brown fox no. {} jumps over the lazy dog; ça va, merci.\n"


def write_text(folder: Path) -> Path:
    """A file of text in a folder, for trainings."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(LINE.format(number) for number in range(600))
    (folder / "fox.txt").write_text(text, encoding="utf-8")
    return folder / "fox.txt"


def train_run(runs: Path, name: str, text: Path, *options: str) -> Path:
    """A finished run of the recipe ``tiny`` in the folder of all runs."""
    where = ["--run_dir", str(runs / name), "--data.cache_dir", str(text.parent / "cache")]
    arguments = ["train", str(text), "--recipe", "tiny", "--quiet", *where, *options]
    assert main(arguments) == 0
    return runs / name
