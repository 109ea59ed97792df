"""The same engine in PyTorch, for whole lanes: an independent second way to its integers.

It shares tables and weights with ``step`` and no code of the arithmetic, so that each is the
other's test, and it runs on a GPU. A lane is cut into rounds of ``window`` positions; a query sees
the keys of its own round up to itself, those of the round before that are less than a window away,
and the start, which takes the place of the oldest of them.

Invariants: every product of matrices is a sum of integers that its floats hold exactly, in any
order and even where float32 is computed from rounded inputs (TF32, bfloat16), since the inputs
have eight bits; products with attention's weights, which have fifteen, are in float64.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bit_transformer.archive.engine.interface import LOG_ODDS_LIMIT, LOG_ODDS_ONE, NUM_NODES
from bit_transformer.archive.engine.quantisation import EMBEDDED_ONE, VALUE_FRACTION
from bit_transformer.archive.engine.step import check_data
from bit_transformer.archive.engine.tables import (
    EXP_ONE,
    EXP_STEPS,
    ROTATION_BITS,
    cap_table,
    exp_table,
    rotation_tables,
)
from bit_transformer.archive.engine.weights import EngineWeights
from bit_transformer.model.patching import context_history, hashed_rows

__all__ = ["SequenceEngine"]

_LIMIT = 1 << 22
_RESIDUAL_LIMIT = (1 << 24) - 1
_TURN_ONE = 512
_BYTE = 127
_MAX_SCORES = 1 << 24


@dataclass
class _Past:
    """What one block keeps of the rounds before.

    Shapes: ``keys`` (L, H, W, C), turned as the next round sees them, and ``values`` of the last
    round; ``start_keys`` (L, H, W, C), the start's key as a query at each place sees it, and
    ``start_value`` (L, H, 1, C).
    """

    keys: Tensor
    values: Tensor
    start_keys: Tensor
    start_value: Tensor


class SequenceEngine:
    """Whole lanes at once, in PyTorch.

    Args:
        weights: checked weights.
        device: where it computes; a GPU needs float64, as CUDA has it.
    """

    def __init__(self, weights: EngineWeights, *, device: str | torch.device = "cpu") -> None:
        self.weights = weights
        self.device = torch.device(device)
        self._shape = weights.shape
        arrays = {
            name: torch.from_numpy(np.array(array)).to(self.device)
            for name, array in weights.arrays()
        }
        self._tables = arrays.pop("tables")
        self._integers = {n: a for n, a in arrays.items() if a.dtype in (torch.int32, torch.int16)}
        self._floats = {n: a.float() for n, a in arrays.items() if n not in self._integers}
        cosines, sines = rotation_tables(self._shape.window, self._shape.head_dim)
        self._cosines, self._sines = self._tensor(cosines), self._tensor(sines)
        self._exps = self._tensor(exp_table())
        self._caps = self._tensor(cap_table(self._shape.logit_cap, LOG_ODDS_ONE))

    @property
    def model_hash(self) -> bytes:
        """The SHA-256 of everything that decides this engine's integers."""
        return self.weights.model_hash

    @torch.no_grad()
    def sequence(self, data: np.ndarray) -> np.ndarray:
        """The predictions before each byte of whole lanes, (num_lanes, T, 256) int16.

        Raises:
            InputError: the data are not uint8 with two dimensions.
        """
        check_data(data)
        shape = self._shape
        window, size = shape.window, shape.num_heads * 2 * shape.window**2
        lanes_at_once = max(1, _MAX_SCORES // size)
        out = np.empty((*data.shape, NUM_NODES), np.int16)
        for lane in range(0, len(data), lanes_at_once):
            lanes = slice(lane, lane + lanes_at_once)
            values_LT = torch.from_numpy(data[lanes].astype(np.int64)).to(self.device)
            past: list[_Past | None] = [None] * shape.depth
            for first in range(0, data.shape[1], window):
                states = self._round(self._embedded(values_LT, first), past)
                out[lanes, first : first + window] = self._log_odds(states).cpu().numpy()
        return out

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array)).to(self.device)

    def _embedded(self, values_LT: Tensor, first: int) -> Tensor:
        """The trunk's input at the positions of one round, (L, N, D) int32."""
        last = min(first + self._shape.window, values_LT.shape[1])
        # A position holds the byte before the one that it predicts; eight more make its history.
        begin = max(0, first - 9)
        seen_LN = values_LT[:, begin : last - 1]
        if seen_LN.shape[1] == 0:
            return self._integers["start"].expand(len(values_LT), 1, -1)
        nothing = seen_LN.new_zeros(len(seen_LN))
        history_LN = context_history(seen_LN, 8, nothing, 64)
        skipped = max(0, first - 1) - begin
        x_LND = self._embed(seen_LN[:, skipped:], history_LN[:, skipped:])
        if first > 0:
            return x_LND
        start = self._integers["start"].expand(len(values_LT), 1, -1)
        return torch.cat([start, x_LND], dim=1)

    def _embed(self, values_LN: Tensor, history_LN: Tensor) -> Tensor:
        shape = self._shape
        x_LND = self._integers["pieces"][values_LN].int()
        if shape.context_hash_bits:
            rows_LNO = hashed_rows(history_LN, shape.context_hash_bits, shape.table_rows_log2)
            tables = torch.arange(rows_LNO.shape[-1], device=self.device)
            channels = self._tables[tables, rows_LNO].flatten(-2).float()
            x_LND = x_LND + _added(channels @ self._floats["mix"].T * self._floats["mix_scale"])
            x_LND = x_LND.clamp(-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT)
        scale = _root_scale(x_LND, EMBEDDED_ONE)
        return (x_LND.float() * scale).round().int()

    def _round(self, embedded: Tensor, past: list[_Past | None]) -> Tensor:
        """The normalised final states of one round of positions, as floats; keeps its past."""
        x = (embedded.float() * (self._shape.residual_one / EMBEDDED_ONE)).round().int()
        for block in range(self._shape.depth):
            skipped = _added(embedded.float() * self._floats["embedding_skip"][block])
            normed = self._normed((x + skipped).clamp(-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT))
            products = normed @ self._floats["project"][block].T
            read, past[block] = self._attend(products, embedded, block, past[block])
            x = self._add(x, *_by_largest(read), "read", block)
            products = self._normed(x) @ self._floats["expand"][block].T
            squares = (products.clamp(min=0) * self._floats["expand_scale"][block]).square()
            largest = squares.amax(-1, keepdim=True)
            factor = torch.where(largest > 0, _quotient(255, largest), 0.0)
            hidden = (squares * factor).round().clamp(max=255)
            x = self._add(x, hidden, largest, "reduce", block)
        return self._normed(x)

    def _normed(self, x: Tensor) -> Tensor:
        scale = _root_scale(x, self._shape.activation_one)
        return (x.float() * scale).round().clamp(-_BYTE, _BYTE)

    def _add(self, x: Tensor, rows: Tensor, scale: Tensor, name: str, block: int) -> Tensor:
        products = rows @ self._floats[name][block].T
        added = _added(products * (scale * self._floats[name + "_scale"][block]))
        return (x + added).clamp(-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT)

    def _attend(
        self, products: Tensor, embedded: Tensor, block: int, past: _Past | None
    ) -> tuple[Tensor, _Past]:
        """What each position reads, (L, N, D) float64 of integers; and this round as the past."""
        shape = self._shape
        length, window = products.shape[1], shape.window
        whole = _rounded(products * self._floats["project_scale"][block])
        queries, keys, values = whole.chunk(3, dim=-1)
        skipped = _rounded(embedded.float() * self._floats["value_skip"][block])
        values = (values + skipped + VALUE_FRACTION // 2) >> (VALUE_FRACTION.bit_length() - 1)
        values = self._heads(values.clamp(-_BYTE, _BYTE)).double()
        key_heads = self._heads(keys)
        here = slice(window, window + length)
        queries = self._turned(self._heads(queries), here)
        keys = self._turned(key_heads, here)
        keys_then = self._turned(key_heads, slice(0, length))
        place = torch.arange(length, device=self.device)[:, None]
        is_seen = place >= place.T
        if past is None:
            start_keys = self._turned(key_heads[:, :, :1], slice(1, window + 1))
            following = _Past(keys_then, values, start_keys, values[:, :, :1])
            scores = (queries.float() @ keys.float().mT).int()
        else:
            following = _Past(keys_then, values, past.start_keys, past.start_value)
            scores, is_seen = self._look_back(queries, keys, is_seen, place, past)
            values = torch.cat([past.start_value, past.values, values], dim=2)
        weights = self._weights(scores, is_seen)
        return (weights.double() @ values).transpose(1, 2).flatten(-2), following

    def _look_back(
        self, queries: Tensor, keys: Tensor, is_seen: Tensor, place: Tensor, past: _Past
    ) -> tuple[Tensor, Tensor]:
        """Scores and what is seen, of the start, the round before, and this one."""
        window = self._shape.window
        # The start takes the place of the oldest position that would be seen.
        has_room = window > 1
        oldest = place - window + 1
        before = torch.arange(window, device=self.device)[None] - window
        is_seen = is_seen & ((oldest != place.T) | (not has_room))
        is_seen = torch.cat([(place >= 0) & has_room, before > oldest, is_seen], dim=1)
        start_keys = past.start_keys[:, :, : queries.shape[2]]
        start_scores = (queries * start_keys).sum(-1, keepdim=True).int()
        others = torch.cat([past.keys, keys], dim=2).float()
        return torch.cat([start_scores, (queries.float() @ others.mT).int()], dim=-1), is_seen

    def _weights(self, scores: Tensor, is_seen: Tensor) -> Tensor:
        """What each key weighs for each query, as floats of whole numbers."""
        shape = self._shape
        scores = scores.masked_fill(~is_seen, -(1 << 30))
        below = scores.amax(-1, keepdim=True) - scores
        scale = np.float32(EXP_STEPS / (shape.query_one**2 * math.sqrt(shape.head_dim)))
        steps = (below.float() * torch.tensor(scale)).round().clamp(max=len(self._exps) - 1)
        exps = self._exps[steps.int()].masked_fill(~is_seen, 0)
        total = exps.sum(-1, keepdim=True, dtype=torch.int32)
        factor = _quotient(EXP_ONE, total.float())
        return (exps.float() * factor).round().clamp(max=EXP_ONE - 1)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self._shape.head_dim)).transpose(1, 2)

    def _turned(self, heads: Tensor, rows: slice) -> Tensor:
        """Heads (L, H, N, C), normalised and turned by rows of the tables, one or N of them."""
        shape = self._shape
        raw = (heads.float() * _root_scale(heads, _TURN_ONE)).round().int()
        cosines, sines = self._cosines[rows], self._sines[rows]
        left, right = raw.chunk(2, dim=-1)
        turned = [left * cosines - right * sines, right * cosines + left * sines]
        shift = ROTATION_BITS + (_TURN_ONE // shape.query_one).bit_length() - 1
        whole = (torch.cat(turned, dim=-1) + (1 << (shift - 1))) >> shift
        return whole.clamp(-_BYTE, _BYTE)

    def _log_odds(self, states: Tensor) -> Tensor:
        values = states @ self._floats["nodes"].T * self._floats["nodes_scale"]
        last = len(self._caps) - 1
        whole = values.round().clamp(-last, last).int()
        capped = self._caps[whole.abs()].clamp(max=LOG_ODDS_LIMIT)
        log_odds = torch.where(whole < 0, -capped, capped).to(torch.int16)
        log_odds[..., 0] = 0
        return log_odds


def _rounded(values: Tensor) -> Tensor:
    return values.round().clamp(-_LIMIT, _LIMIT).int()


def _added(values: Tensor) -> Tensor:
    return values.round().clamp(-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT).int()


def _root_scale(x: Tensor, one: int) -> Tensor:
    """What brings each row of integers to a root mean square of ``one``: float32, (..., 1)."""
    total = x.long().square().sum(-1, keepdim=True).clamp(min=1).double()
    return _quotient(one * math.sqrt(x.shape[-1]), total.sqrt()).float()


def _quotient(above: float, below: Tensor) -> Tensor:
    """The quotient, rounded once: PyTorch itself multiplies a plain number by ``1 / below``."""
    return torch.full_like(below, above) / below


def _by_largest(read: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of integers in eight bits, the largest as 127; and the largest, as floats."""
    largest = read.abs().amax(-1, keepdim=True).clamp(min=1).float()
    rows = (read.float() * _quotient(_BYTE, largest)).round()
    return rows.clamp(-_BYTE, _BYTE), largest
