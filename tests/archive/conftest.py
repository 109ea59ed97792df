"""A coder that is quick and simple, so that what is tested is the archive around it."""

import pytest

from bit_transformer.archive import coding
from bit_transformer.archive.coding import ArchiveModel
from tests.archive.simple_coder import Engine, decode, encode


@pytest.fixture
def simple_coder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deflate in the place of context mixing."""
    monkeypatch.setattr(coding, "encode_blocks", encode)
    monkeypatch.setattr(coding, "decode_blocks", decode)


@pytest.fixture
def model() -> ArchiveModel:
    """A model for the simple coder."""
    return ArchiveModel(Engine("first"), b"primer", "the first model")  # type: ignore[arg-type]


@pytest.fixture
def other_model() -> ArchiveModel:
    """Another one."""
    return ArchiveModel(Engine("second"), b"", "the second model")  # type: ignore[arg-type]
