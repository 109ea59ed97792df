"""Which bytes a corpus is made of and how they are split, as typed data; without PyTorch."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from bit_transformer.errors import ConfigError
from bit_transformer.settings import Settings

__all__ = ["DataConfig", "Encoding", "check_views"]

Encoding = Literal["bytes", "parity"]


class DataConfig(Settings):
    """The sources of a corpus, its split, and how its bytes become bits.

    A pattern without a slash is matched against a file's own name and, where it excludes, also
    against the name of every folder on the way to it. A pattern with a slash is matched against
    the path within the given folder; there, too, ``*`` stands for any characters. Patterns
    choose among what folders hold: a file that is named outright is always taken.
    """

    paths: list[Path] = Field(
        default_factory=list,
        description="files and folders, or one built corpus; "
        "nothing: the source of Python's standard library",
    )
    valid_paths: list[Path] = Field(
        default_factory=list,
        description="files and folders that are the validation split; nothing is cut for it then",
    )
    test_paths: list[Path] = Field(
        default_factory=list,
        description="files and folders that are the test split; nothing is cut for it then",
    )
    valid_fraction: float = Field(
        default=0.05, ge=0, lt=1, description="share of the bytes of paths that validation gets"
    )
    test_fraction: float = Field(
        default=0.05, ge=0, lt=1, description="share of the bytes of paths that the test gets"
    )
    encoding: Encoding = Field(
        default="bytes", description="8 bits a byte, or 9 with a bit of even parity after each"
    )
    include: list[str] = Field(
        default_factory=list, description="patterns: take only these files out of folders"
    )
    exclude: list[str] = Field(
        default_factory=list, description="patterns: leave out these files and folders"
    )
    include_hidden: bool = Field(
        default=False, description="also take names that begin with a dot, and __pycache__"
    )
    cache_dir: Path | None = Field(
        default=None, description="where built corpora are kept; the user's cache folder if unset"
    )

    @property
    def cut_fractions(self) -> tuple[float, float]:
        """Shares of ``paths`` to hold out for validation and test, after explicit paths."""
        return (
            0.0 if self.valid_paths else self.valid_fraction,
            0.0 if self.test_paths else self.test_fraction,
        )

    @property
    def bits_per_byte(self) -> int:
        """Bits that one byte of the data takes in a bit tensor."""
        return 9 if self.encoding == "parity" else 8

    @field_validator("paths", "valid_paths", "test_paths")
    @classmethod
    def _know_the_home_folder(cls, paths: list[Path]) -> list[Path]:
        return [path.expanduser() for path in paths]

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> Self:
        valid, test = self.cut_fractions
        if valid + test >= 1:
            raise ConfigError(
                f"valid_fraction {valid} and test_fraction {test} leave nothing to train on; "
                "lower them until they add up to less than 1"
            )
        return self


def check_views(
    compress_prob: float,
    direct_prob: float,
    codecs: Sequence[str],
    codec_weights: Sequence[float],
) -> None:
    """Refuse a mixture of views that does not fit together; codecs are not looked up.

    Raises:
        ConfigError: a probability is not from 0 to 1, both add up to more than 1, no codec is
            named, or there are not as many positive weights as codecs.
    """
    for name, value in (("compress_prob", compress_prob), ("direct_prob", direct_prob)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} is {value}; a probability is from 0 to 1")
    if compress_prob + direct_prob > 1 + 1e-9:
        raise ConfigError(
            f"compress_prob {compress_prob} and direct_prob {direct_prob} add up to more than 1, "
            f"and a sequence has one view; lower compress_prob to {1 - direct_prob:g} or less"
        )
    if not codecs or not all(codecs):
        raise ConfigError("codecs names no codec; give at least one, such as huffman")
    if codec_weights and len(codec_weights) != len(codecs):
        raise ConfigError(
            f"there are {len(codec_weights)} codec_weights for {len(codecs)} codecs; give one for "
            "each, or none for equal shares"
        )
    if not all(math.isfinite(weight) and weight > 0 for weight in codec_weights):
        raise ConfigError(
            f"codec_weights are {', '.join(map(str, codec_weights))}; each must be above 0: leave "
            "out the codecs that are not wanted"
        )
