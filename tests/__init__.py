"""Tests, one folder a room of ``src/bit_transformer``."""
