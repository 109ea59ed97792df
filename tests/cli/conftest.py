"""Trained runs for the verbs to work on, made once by the verb ``train`` itself."""

from pathlib import Path

import pytest

from bit_transformer.cli.main import main

LINE = "the quick brown fox no. {} jumps over the lazy dog; ça va, merci.\n"


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of text."""
    folder = tmp_path_factory.mktemp("texts")
    text = "".join(LINE.format(number) for number in range(600))
    (folder / "fox.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def train_run(texts: Path, tmp_path_factory: pytest.TempPathFactory):
    """Trains a run of the recipe ``tiny``, with further options."""

    def train(*options: str) -> Path:
        root = tmp_path_factory.mktemp("trained")
        where = ["--run_dir", str(root / "run"), "--data.cache_dir", str(root / "cache")]
        assert main(["train", str(texts), "--recipe", "tiny", "--quiet", *where, *options]) == 0
        return root / "run"

    return train


@pytest.fixture(scope="session")
def tiny_run(train_run) -> Path:
    """A finished run on plain bytes."""
    return train_run()


@pytest.fixture(scope="session")
def parity_run(train_run) -> Path:
    """A finished run on bytes with parity."""
    return train_run(
        "--data.encoding", "parity", "--model.patch_bits", "9", "--model.phase_bits", "9",
        "--model.context_hash_bits", "18", "--batch_bytes", "640", "--budget", "5steps",
    )  # fmt: skip


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    """Runs the command; gives exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
