"""The predictor: from what is known of a lane to the probability of its next bit, and learning.

``code_steps`` is the one loop that priming, encoding and decoding share, so that they cannot
differ: step by step, for each lane in turn, it looks the byte's contexts up, predicts and codes
eight bits, learns from each, and takes the byte into the lane's registers.

Invariants: the same integers on both sides; every index is masked or bounded; time is the same
for every byte, whatever the payload holds.
"""

import numpy as np
from numba import njit

from bit_transformer.archive.mixing.coder import decode_bit, encode_bit
from bit_transformer.archive.mixing.contexts import (
    END,
    LAST4,
    LINE,
    LONG,
    LONG_LENGTH,
    MATCH,
    MATCH_LENGTH,
    POSITION,
    follow_byte,
    hash2,
    hash_contexts,
)
from bit_transformer.archive.mixing.maps import (
    find_bucket,
    note_byte,
    refine,
    refine_train,
    train_entry,
    train_node,
)
from bit_transformer.archive.mixing.matching import expected_byte, follow_match
from bit_transformer.archive.mixing.mixer import mix, train_weights
from bit_transformer.archive.mixing.model import (
    INPUTS_PER_CONTEXT,
    REFINE_ROWS,
    SET_SIZES,
    Model,
)
from bit_transformer.archive.mixing.tables import Array

__all__ = ["DECODE", "ENCODE", "PRIME", "code_steps"]

PRIME, ENCODE, DECODE = range(3)
# fmt: off
(
    EXPECTED, EXPECTED_LONG, SEEN, ODDS, FINAL_ROW, FINAL_ODDS, MATCH_ROW, LONG_ROW,
    ENGINE_ROW, HAS_ENGINE, R0, R1, R2, R3, USES, MATCH_BUCKET,
) = range(16)
# fmt: on
_NODE_LIMIT = 30
_MAP_LIMIT = 255
_RATE = 40
_FINAL_RATE = 6
_REFINE_SHIFT = 6


@njit(cache=True)
def _begin_byte(
    m: Model,
    registers: Array,
    lane: int,
    history: Array,
    primer_bytes: int,
    lane_bytes: int,
) -> None:
    """Look up what the byte's contexts know, for its first four bits."""
    row = registers[lane]
    short = expected_byte(registers, lane, MATCH, history, primer_bytes, lane_bytes)
    long = expected_byte(registers, lane, LONG, history, primer_bytes, lane_bytes)
    m.scratch[EXPECTED] = short
    m.scratch[EXPECTED_LONG] = long
    length = max(row[LONG_LENGTH], row[MATCH_LENGTH])
    best = long if long >= 0 else short
    expected = 0 if best < 0 else (best + 1) | (min(length, 15) << 9)
    hash_contexts(row, history, m.indirect, expected, m.hashes)
    num_buckets = m.buckets.shape[0] >> 4
    for i in range(m.chosen.shape[0]):
        key = m.hashes[m.chosen[i]]
        head = find_bucket(m.buckets, (key >> 7) & (num_buckets - 1), key & 0xFFFF)
        m.heads[i] = head
        m.slots[i] = head


@njit(cache=True)
def _begin_second_half(m: Model, node: int) -> None:
    """Look up the contexts again, with the first four bits of the byte among them."""
    num_buckets = m.buckets.shape[0] >> 4
    for i in range(m.chosen.shape[0]):
        key = hash2(m.hashes[m.chosen[i]], node)
        m.slots[i] = find_bucket(m.buckets, (key >> 7) & (num_buckets - 1), key & 0xFFFF)


@njit(cache=True)
def _context_inputs(m: Model, node: int, place: int, bit_index: int) -> int:
    """Fill in each context's inputs; how many contexts knew anything comes back."""
    num_seen = 0
    for i in range(m.chosen.shape[0]):
        at = i * INPUTS_PER_CONTEXT
        cell = m.buckets[m.slots[i] + place]
        state = cell & 255
        if state == 0:
            m.inputs[at] = 0
            m.inputs[at + 1] = 0
            m.inputs[at + 2] = 0
        else:
            num_seen += 1
            prob = m.state_maps[i, state] >> 20
            m.inputs[at] = m.stretch[prob]
            m.inputs[at + 1] = (prob - 2048) >> 1
            m.inputs[at + 2] = m.stretch[(cell >> 20) ^ 0x800]
        head = m.buckets[m.heads[i]]
        run = head & 255
        if run > 0 and (((head >> 8) & 255) | 256) >> (8 - bit_index) == node:
            bit = ((head >> 8) >> (7 - bit_index)) & 1
            prob = m.run_maps[i, min(run, 15) * 2 + 0] >> 20
            odds = m.stretch[prob]
            m.inputs[at + 3] = odds if bit else -odds
        else:
            m.inputs[at + 3] = 0
    return num_seen


@njit(cache=True)
def _match_input(
    m: Model, row: Array, model: int, expected: int, node: int, bit_index: int, at: int
) -> int:
    """Fill in a match's two inputs; the row of its map comes back, or -1."""
    m.inputs[at] = 0
    m.inputs[at + 1] = 0
    if expected < 0 or (expected | 256) >> (8 - bit_index) != node:
        return -1
    length = row[model + 1]
    bucket = min(length, 8) if length < 8 else min(8 + (length - 8) // 4, 15)
    index = ((bucket << 4) | (row[model + 2] & 15)) * 2
    if model == LONG:
        index += 512
    bit = (expected >> (7 - bit_index)) & 1
    odds = m.stretch[m.match_maps[index] >> 20]
    m.inputs[at] = odds if bit else -odds
    spread = min(length, 32) * 16
    m.inputs[at + 1] = spread if bit else -spread
    return index


@njit(cache=True)
def _predict(m: Model, row: Array, node: int, bit_index: int, odds: int) -> int:
    """The 16-bit probability that the next bit is one."""
    place = (
        node if bit_index < 4 else (node & ((1 << (bit_index - 4)) - 1)) | (1 << (bit_index - 4))
    )
    seen = _context_inputs(m, node, place, bit_index)
    c1 = row[LAST4] & 0xFF
    c2 = (row[LAST4] >> 8) & 0xFF
    at = m.chosen.shape[0] * INPUTS_PER_CONTEXT
    s = m.scratch
    s[MATCH_ROW] = _match_input(m, row, MATCH, s[EXPECTED], node, bit_index, at)
    s[LONG_ROW] = _match_input(m, row, LONG, s[EXPECTED_LONG], node, bit_index, at + 2)
    m.inputs[at + 4] = m.stretch[m.order0[node] >> 20]
    m.inputs[at + 5] = m.stretch[m.order1[(c1 << 8) | node] >> 20]
    m.inputs[at + 6] = 256
    m.inputs[at + 7] = 0
    m.inputs[at + 8] = 0
    s[ENGINE_ROW] = 0
    if s[HAS_ENGINE]:
        m.inputs[at + 7] = odds
        bucket = (min(max(odds, -2047), 2047) + 2048) >> 6
        s[ENGINE_ROW] = (bucket << 6) | (min(seen * 8 // m.chosen.shape[0], 7) << 3) | bit_index
        m.inputs[at + 8] = m.stretch[m.engine_maps[s[ENGINE_ROW]] >> 20]
    _select_rows(m, row, node, bit_index, seen, c1, c2, odds)
    for k in range(m.rows.shape[0]):
        m.outputs[k] = mix(m.inputs, m.weights, m.rows[k])
    s[FINAL_ROW] = min(seen * 8 // m.chosen.shape[0], 7) * 8 + bit_index
    mixed = mix(m.outputs, m.final_weights, s[FINAL_ROW])
    s[FINAL_ODDS] = mixed
    return _refined(m, row, node, c1, mixed)


@njit(cache=True)
def _select_rows(
    m: Model,
    row: Array,
    node: int,
    bit_index: int,
    seen: int,
    c1: int,
    c2: int,
    odds: int,
) -> None:
    """Which set of weights each of the mixers uses for this bit."""
    match = max(
        row[MATCH_LENGTH] if m.scratch[MATCH_ROW] >= 0 else 0,
        row[LONG_LENGTH] if m.scratch[LONG_ROW] >= 0 else 0,
    )
    if match == 0:
        bucket = 0
    elif match < 16:
        bucket = 1 + match // 8
    elif match < 32:
        bucket = 3
    else:
        bucket = 4 + (match >= 64)
    known = min(seen * 8 // m.chosen.shape[0], 7)
    class1 = m.char_class[c1]
    class2 = m.char_class[c2]
    expected = m.scratch[EXPECTED_LONG]
    if expected < 0:
        expected = m.scratch[EXPECTED]
    m.rows[0] = node
    m.rows[1] = (bucket * 8 + known) * 8 + bit_index
    m.rows[2] = c1
    m.rows[3] = (class1 * 16 + class2) * 8 + bit_index
    m.rows[4] = expected + 1 if bucket else 0
    m.rows[5] = min(_column(row), 127) * 8 + bit_index
    m.rows[6] = (c2 << 3) | bit_index
    strength = 0
    if m.scratch[HAS_ENGINE]:
        strength = 1 + (min(abs(odds), 2047) >> 7)
    m.rows[7] = strength * 8 + bit_index
    first = 0
    for k in range(m.rows.shape[0]):
        m.rows[k] = min(max(m.rows[k], 0), SET_SIZES[k] - 1) + first
        first += SET_SIZES[k]


@njit(cache=True)
def _column(row: Array) -> int:
    return row[POSITION] - row[LINE]


@njit(cache=True)
def _refined(m: Model, row: Array, node: int, c1: int, mixed: int) -> int:
    s = m.scratch
    s[R0] = node
    s[R1] = REFINE_ROWS[0] + (hash2(c1, node) & 0x3FFF)
    first = REFINE_ROWS[0] + REFINE_ROWS[1]
    s[R2] = first + (hash2(row[LAST4] & 0xFFFF, node) & 0x3FFF)
    first += REFINE_ROWS[2]
    s[R3] = first + (hash2(row[LAST4] & 0xFFFFFF, node) & 0x3FFF)
    p = m.squash[mixed + 3072]
    p0 = refine(m.points, s[R0], mixed)
    p1 = refine(m.points, s[R1], mixed)
    p2 = refine(m.points, s[R2], mixed)
    p3 = refine(m.points, s[R3], mixed)
    return min(max((2 * p + p0 + p1 + 2 * p2 + 2 * p3 + 4) >> 3, 1), 65535)


@njit(cache=True)
def _learn(m: Model, row: Array, node: int, bit_index: int, bit: int) -> None:
    """Move everything that predicted the bit towards what it was."""
    s = m.scratch
    place = (
        node if bit_index < 4 else (node & ((1 << (bit_index - 4)) - 1)) | (1 << (bit_index - 4))
    )
    target = bit << 16
    error = target - m.squash[s[FINAL_ODDS] + 3072]
    train_weights(m.outputs, m.final_weights, s[FINAL_ROW], error, _FINAL_RATE)
    for k in range(m.rows.shape[0]):
        error = target - m.squash[m.outputs[k] + 3072]
        train_weights(m.inputs, m.weights, m.rows[k], error, _RATE)
    for r in range(R0, R3 + 1):
        refine_train(m.points, s[r], s[FINAL_ODDS], bit, _REFINE_SHIFT)
    for i in range(m.chosen.shape[0]):
        cell = m.slots[i] + place
        state = m.buckets[cell] & 255
        train_entry(m.state_maps[i], state, bit, m.rates, _MAP_LIMIT)
        train_node(m.buckets, cell, bit, m.next_state, m.rates, _NODE_LIMIT)
        head = m.buckets[m.heads[i]]
        run = head & 255
        if run > 0 and (((head >> 8) & 255) | 256) >> (8 - bit_index) == node:
            is_right = 1 if ((head >> 8) >> (7 - bit_index)) & 1 == bit else 0
            train_entry(m.run_maps[i], min(run, 15) * 2, is_right, m.rates, _MAP_LIMIT)
    train_entry(m.order0, node, bit, m.rates, _MAP_LIMIT)
    train_entry(m.order1, ((row[LAST4] & 0xFF) << 8) | node, bit, m.rates, _MAP_LIMIT)
    if s[MATCH_ROW] >= 0:
        is_right = 1 if (s[EXPECTED] >> (7 - bit_index)) & 1 == bit else 0
        train_entry(m.match_maps, s[MATCH_ROW], is_right, m.rates, 1023)
    if s[LONG_ROW] >= 0:
        is_right = 1 if (s[EXPECTED_LONG] >> (7 - bit_index)) & 1 == bit else 0
        train_entry(m.match_maps, s[LONG_ROW], is_right, m.rates, 1023)
    if s[HAS_ENGINE]:
        train_entry(m.engine_maps, s[ENGINE_ROW], bit, m.rates, 1023)


@njit(cache=True)
def _end_byte(
    m: Model,
    registers: Array,
    lane: int,
    history: Array,
    value: int,
    primer_bytes: int,
    lane_bytes: int,
) -> None:
    """Take the byte into the history, the contexts' heads, the registers and the matches."""
    history[registers[lane, POSITION]] = value
    for i in range(m.chosen.shape[0]):
        note_byte(m.buckets, m.heads[i], value)
    follow_byte(registers[lane], value, m.indirect, m.char_class)
    follow_match(registers, lane, MATCH, 5, history, m.positions, primer_bytes, lane_bytes)
    follow_match(registers, lane, LONG, 8, history, m.long_positions, primer_bytes, lane_bytes)


@njit(cache=True, nogil=True)
def code_steps(
    m: Model,
    registers: Array,
    history: Array,
    primer_bytes: int,
    lane_bytes: int,
    num_steps: int,
    task: int,
    source: Array,
    coder: Array,
    payload: Array,
    odds: Array,
    costs: Array,
) -> None:
    """Code ``num_steps`` bytes of every lane, lanes in turn.

    Args:
        task: ``PRIME`` learns ``source`` and codes nothing, ``ENCODE`` codes it into ``payload``,
            ``DECODE`` codes the payload's bytes into ``history``.
        source: what the history is to hold, from ``primer_bytes`` on; read unless decoding.
        odds: the engine's log-odds, int16 (steps, lanes, 256) by node when decoding and
            (steps, lanes, 8) along the byte's path otherwise; no steps at all without an engine.
        costs: float64 (1,), to which each bit's code length is added.
    """
    m.scratch[HAS_ENGINE] = 1 if odds.shape[0] > 0 else 0
    for step in range(num_steps):
        for lane in range(registers.shape[0]):
            position = registers[lane, POSITION]
            if position >= registers[lane, END]:
                continue
            row = registers[lane]
            _begin_byte(m, registers, lane, history, primer_bytes, lane_bytes)
            value = 0 if task == DECODE else source[position]
            node = 1
            for bit_index in range(8):
                if bit_index == 4:
                    _begin_second_half(m, node)
                guess = 0
                if odds.shape[0] > 0:
                    guess = odds[step, lane, node if task == DECODE else bit_index]
                prob_one = _predict(m, row, node, bit_index, guess)
                if task == DECODE:
                    bit = decode_bit(coder, payload, prob_one)
                else:
                    bit = (value >> (7 - bit_index)) & 1
                    if task == ENCODE:
                        encode_bit(coder, payload, bit, prob_one)
                        costs[0] -= np.log2((prob_one if bit else 65536 - prob_one) / 65536.0)
                _learn(m, row, node, bit_index, bit)
                node = (node << 1) | bit
            _end_byte(m, registers, lane, history, node & 0xFF, primer_bytes, lane_bytes)
