import pytest

from bit_transformer.model import BitTransformerLM
from tests.generation.models import build_model


@pytest.fixture(scope="session")
def byte_model() -> BitTransformerLM:
    """A model of 8-bit patches."""
    return build_model()
