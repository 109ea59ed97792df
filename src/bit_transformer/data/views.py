"""Which view each sequence of a step has, as a pure function of the seed, the step and the place.

Unlike ``sampler``, which says which bytes a sequence is made of, this module says how they reach
the model: as they are (``raw``), compressed and decompressed (``compressed``), or as the bits of a
codec's frame (``direct``). It chooses; ``compression`` does.

Invariants: nothing is remembered from step to step, so a resumed run chooses as one that never
stopped; the place is that in the global batch, so any number of processes chooses alike; with
both probabilities at zero everything is raw.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bit_transformer.data.config import check_views
from bit_transformer.data.permutation import mix
from bit_transformer.errors import InputError

__all__ = ["COMPRESSED", "DIRECT", "RAW", "VIEW_NAMES", "ViewChoice", "ViewMixture"]

VIEW_NAMES = ("raw", "compressed", "direct")
"""The views, in the order of the model's own list of them."""

RAW, COMPRESSED, DIRECT = range(3)

_VIEW_DRAW, _CODEC_DRAW = np.uint64(0x76696577), np.uint64(0x636F6465)
_SEED_MARK = np.uint64(0xC0DEC)


class ViewChoice(NamedTuple):
    """The view of every row, and which of the mixture's codecs it uses, if any.

    Shapes: views (B,) int64, places in ``VIEW_NAMES``; codecs (B,) int64, places in
    :attr:`ViewMixture.codecs`, drawn for raw rows too.
    """

    views: NDArray[np.int64]
    codecs: NDArray[np.int64]


@dataclass(frozen=True)
class ViewMixture:
    """How probable each view and each codec is.

    Args:
        compress_prob: probability of the view ``compressed``.
        direct_prob: probability of the view ``direct``.
        compress_ramp: share of the training over which ``compress_prob`` rises from zero.
        direct_ramp: the same for ``direct_prob``.
        codecs: names of codecs, as :func:`~bit_transformer.codecs.get_codec` takes them, or
            ``auto``.
        codec_weights: how often each is used, in any unit; equally often if empty.
        seed: chooses the draws.

    Raises:
        ConfigError: a number is out of range, the probabilities add up to more than 1, there is
            no codec, or there are not as many weights as codecs.

    Example:
        >>> mixture = ViewMixture(compress_prob=0.5, direct_prob=0.5, codecs=("rle", "huffman"))
        >>> mixture.choose(step=3, first=0, num_rows=4).views
        array([1, 1, 2, 2])
    """

    compress_prob: float = 0.0
    direct_prob: float = 0.0
    compress_ramp: float = 0.0
    direct_ramp: float = 0.0
    codecs: tuple[str, ...] = ("huffman",)
    codec_weights: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_views(self.compress_prob, self.direct_prob, self.codecs, self.codec_weights)

    @property
    def is_off(self) -> bool:
        """Whether every row is raw."""
        return self.compress_prob == 0 and self.direct_prob == 0

    def choose(self, step: int, first: int, num_rows: int, spent_share: float = 1.0) -> ViewChoice:
        """The views of ``num_rows`` rows of the global batch of ``step``, from row ``first`` on.

        Args:
            spent_share: how much of the training is over, from 0 to 1, for the ramps.

        Raises:
            InputError: a number is negative.
        """
        if min(step, first, num_rows) < 0:
            raise InputError(
                f"step {step}, first {first} and num_rows {num_rows} must not be negative"
            )
        direct = self.direct_prob * _risen(self.direct_ramp, spent_share)
        compressed = self.compress_prob * _risen(self.compress_ramp, spent_share)
        keys = self._keys(step, first, num_rows)
        draws = _uniform(mix(keys ^ _VIEW_DRAW))
        views = np.where(draws < direct, DIRECT, np.where(draws < direct + compressed, 1, RAW))
        codecs = np.searchsorted(self._codec_edges(), _uniform(mix(keys ^ _CODEC_DRAW)), "right")
        return ViewChoice(views.astype(np.int64), codecs.astype(np.int64))

    def _keys(self, step: int, first: int, num_rows: int) -> NDArray[np.uint64]:
        seed = mix(np.array([self.seed % 2**64], np.uint64) ^ _SEED_MARK)
        of_step = mix(seed ^ mix(np.array([step], np.uint64)))
        return mix(of_step ^ mix(np.arange(first, first + num_rows, dtype=np.uint64)))

    def _codec_edges(self) -> NDArray[Any]:
        """Where, between 0 and 1, the share of each codec but the last ends."""
        weights = np.asarray(self.codec_weights or [1.0] * len(self.codecs), np.float64)
        return np.cumsum(weights)[:-1] / weights.sum()


def _risen(ramp: float, spent_share: float) -> float:
    return 1.0 if ramp == 0 else min(1.0, spent_share / ramp)


def _uniform(hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers from 0 up to 1 out of hashes, 53 bits each."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
