"""The predictor: from what is known of a lane to the probability of its next bit, and learning.

``code_steps`` is the one loop that priming, encoding and decoding share, so that they cannot
differ: step by step, for each lane in turn, it looks the byte's contexts up, predicts and codes
eight bits, learns from each, and takes the byte into the lane's registers.

Invariants: the same integers on both sides; every index is masked or bounded; time is the same
for every byte, whatever the payload holds.
"""

import numpy as np

from bit_transformer.archive.mixing.coder import decode_bit, encode_bit
from bit_transformer.archive.mixing.contexts import (
    AGREEMENT,
    AGREEMENTS,
    END,
    FIELD_BYTES,
    LAST4,
    LAST_FORM,
    LINE_FORM,
    LONG,
    LONG_LENGTH,
    LONG_MISSES,
    MATCH,
    MATCH_LENGTH,
    MATCH_MISSES,
    POSITION,
    RUN_BYTES,
    SHAPE,
    WORD,
    follow_byte,
    hash2,
    hash_contexts,
)
from bit_transformer.archive.mixing.forms import (
    counterpart_byte,
    follow_form,
    hash_form_contexts,
    place_key,
)
from bit_transformer.archive.mixing.inputs import (
    begin_half,
    context_inputs,
    learn_contexts,
    match_inputs,
    note_bytes,
)
from bit_transformer.archive.mixing.kernels import kernel
from bit_transformer.archive.mixing.layout import (
    CONSTANT_INPUT,
    COUNTERPART_INPUT,
    COUNTERPART_ROW,
    COUNTERPART_SAYS,
    EARLIER_POINTS,
    EARLIER_SETS,
    ENGINE_BYTE_INPUT,
    ENGINE_BYTE_MAPS,
    ENGINE_BYTE_ROW,
    ENGINE_INPUT,
    ENGINE_MAPS,
    ENGINE_ROW,
    EXPECTED,
    EXPECTED_LONG,
    EXTRA_RATE,
    EXTRA_USES,
    FINAL_RATE,
    FINAL_ROWS,
    FIRST_ODDS,
    FIRST_ROW,
    FORM_KEY,
    HAS_ENGINE,
    INPUTS_PER_CONTEXT,
    LINE_KEY,
    LINEAR_SHIFT,
    LONG_ROW,
    MATCH_INPUT,
    MATCH_ROW,
    MIXED,
    ORDER0_MAPS,
    ORDER1_MAPS,
    ORDER_INPUT,
    POINT_ROWS,
    POINT_SHIFT,
    RATE,
    RECENT_SAYS,
    RELIANCE_INPUT,
    RELIANCE_ROWS,
    ROW_RATE,
    ROW_USES,
    RUN_BYTE_INPUT,
    RUN_BYTE_MAPS,
    RUN_BYTE_ROW,
    SECOND_ROW,
    THIRD_ROW,
    USES,
    VERSION_3_POINTS,
    VERSION_3_SETS,
)
from bit_transformer.archive.mixing.maps import refine, refine_train, train_entry
from bit_transformer.archive.mixing.matching import (
    expected_byte,
    follow_match,
    follow_recent,
    recent_byte,
)
from bit_transformer.archive.mixing.mixer import copy_weights, mix, train_weights
from bit_transformer.archive.mixing.model import Model
from bit_transformer.archive.mixing.reliance import learn_reliance, reliance_inputs
from bit_transformer.archive.mixing.selecting import select_rows
from bit_transformer.archive.mixing.tables import Array

__all__ = ["DECODE", "ENCODE", "PRIME", "code_steps"]

PRIME, ENCODE, DECODE = range(3)
_SHORT_MATCH, _LONG_MATCH = 5, 8
_MIDDLE_LIMIT, _SLOW_LIMIT = 255, 1023


@kernel
def _expect(row: Array, scratch: Array, short: int, long: int) -> int:
    """Note what the matches expect; a number for the context of the better one."""
    scratch[EXPECTED] = short
    scratch[EXPECTED_LONG] = long
    best = long if long >= 0 else short
    if best < 0:
        return 0
    length = max(row[LONG_LENGTH], row[MATCH_LENGTH])
    return (best + 1) | (min(length, 15) << 9)


@kernel
def _look_up(
    m: Model, registers: Array, lane: int, history: Array, primer_bytes: int, lane_bytes: int
) -> None:
    """Before a byte: hash its contexts, and note what is expected of it."""
    row = registers[lane]
    short = expected_byte(registers, lane, MATCH, history, primer_bytes, lane_bytes)
    long = expected_byte(registers, lane, LONG, history, primer_bytes, lane_bytes)
    recent = recent_byte(registers, lane, history, primer_bytes, lane_bytes)
    line_key = place_key(row, row[LINE_FORM])
    hash_contexts(row, history, m.indirect, _expect(row, m.scratch, short, long), m.hashes)
    hash_form_contexts(row, history, line_key, recent, m.hashes)
    m.scratch[RECENT_SAYS] = recent
    m.scratch[LINE_KEY] = line_key
    m.scratch[FORM_KEY] = place_key(row, row[LAST_FORM])
    # No text has a zero; where there is no counterpart, nothing is expected.
    m.scratch[COUNTERPART_SAYS] = counterpart_byte(row, history) or -1


@kernel
def _predict(m: Model, row: Array, node: int, bit_index: int, odds: int) -> int:
    """The 16-bit probability that the next bit is one."""
    s = m.scratch
    num_contexts = m.chosen.shape[0]
    seen = context_inputs(
        m.buckets, m.maps, m.places, m.stretch, m.inputs, node, bit_index, m.pace[LINEAR_SHIFT]
    )
    known = min(seen * 8 // num_contexts, 7)
    at = num_contexts * INPUTS_PER_CONTEXT
    s[MATCH_ROW] = match_inputs(
        m.maps, m.stretch, m.inputs, at + MATCH_INPUT, 0,
        row[MATCH_LENGTH], row[MATCH_MISSES], s[EXPECTED], node, bit_index,
    )  # fmt: skip
    s[LONG_ROW] = match_inputs(
        m.maps, m.stretch, m.inputs, at + MATCH_INPUT + 2, 1,
        row[LONG_LENGTH], row[LONG_MISSES], s[EXPECTED_LONG], node, bit_index,
    )  # fmt: skip
    if m.rows.shape[0] > EARLIER_SETS:
        s[COUNTERPART_ROW] = match_inputs(
            m.maps, m.stretch, m.inputs, at + COUNTERPART_INPUT, 2, row[AGREEMENTS],
            row[AGREEMENT] | (min(row[FIELD_BYTES], 3) << 2), s[COUNTERPART_SAYS], node, bit_index,
        )  # fmt: skip
    c1 = row[LAST4] & 0xFF
    m.inputs[at + ORDER_INPUT] = m.stretch[m.maps[ORDER0_MAPS + node] >> 20]
    m.inputs[at + ORDER_INPUT + 1] = m.stretch[m.maps[ORDER1_MAPS + ((c1 << 8) | node)] >> 20]
    m.inputs[at + CONSTANT_INPUT] = 256
    m.inputs[at + ENGINE_INPUT] = 0
    m.inputs[at + ENGINE_INPUT + 1] = 0
    if s[HAS_ENGINE]:
        bucket = _place_of(odds) >> 6
        s[ENGINE_ROW] = ENGINE_MAPS + ((bucket << 6) | (known << 3) | bit_index)
        m.inputs[at + ENGINE_INPUT] = odds
        m.inputs[at + ENGINE_INPUT + 1] = m.stretch[m.maps[s[ENGINE_ROW]] >> 20]
    if m.point_rows.shape[0] > EARLIER_POINTS:
        _byte_inputs(m, row, at, node, odds)
    if m.rows.shape[0] > VERSION_3_SETS:
        reliance_inputs(m, row, at + RELIANCE_INPUT, node, bit_index)
    select_rows(row, s, m.rows, m.char_class, node, bit_index, known, odds)
    _share(m.weights, m.row_uses, m.rows)
    for k in range(m.rows.shape[0]):
        m.outputs[k] = mix(m.inputs, m.weights, m.rows[k])
    s[FIRST_ROW] = known * 8 + bit_index
    s[SECOND_ROW] = 64 + node
    s[THIRD_ROW] = FINAL_ROWS + (((row[SHAPE] & 0xFF) << 3) | bit_index)
    num_finals = _count_finals(m.rows)
    total = 0
    for final in range(num_finals):
        s[FIRST_ODDS + final] = mix(m.outputs, m.final_weights, s[FIRST_ROW + final])
        total += s[FIRST_ODDS + final]
    s[MIXED] = total // num_finals
    _place_points(m.point_rows, s, row, node, odds)
    return _refined(m.points, m.point_rows, m.squash, s[MIXED])


@kernel
def _byte_inputs(m: Model, row: Array, at: int, node: int, odds: int) -> None:
    """Fill in what came of the bit in such a run of characters, and where the engine said so."""
    s = m.scratch
    s[RUN_BYTE_ROW] = RUN_BYTE_MAPS + ((_run(row) << 8) | node)
    m.inputs[at + RUN_BYTE_INPUT] = m.stretch[m.maps[s[RUN_BYTE_ROW]] >> 20]
    m.inputs[at + ENGINE_BYTE_INPUT] = 0
    if s[HAS_ENGINE]:
        bucket = _place_of(odds) >> 7
        last = hash2(row[LAST4] & 0xFF, node) & 0xFFF
        s[ENGINE_BYTE_ROW] = ENGINE_BYTE_MAPS + ((bucket << 12) | last)
        m.inputs[at + ENGINE_BYTE_INPUT] = m.stretch[m.maps[s[ENGINE_BYTE_ROW]] >> 20]


@kernel
def _place_of(odds: int) -> int:
    """Where the engine's log-odds stand in their range: 1 to 4095."""
    return min(max(odds, -2047), 2047) + 2048


@kernel
def _run(row: Array) -> int:
    """The kind of the last characters, and of how many: below 512."""
    return ((row[SHAPE] & 15) << 5) | min(row[RUN_BYTES], 31)


@kernel
def _count_finals(rows: Array) -> int:
    """How many mixers of the second layer there are."""
    return 3 if rows.shape[0] > EARLIER_SETS else 2


@kernel
def _share(weights: Array, row_uses: Array, rows: Array) -> None:
    """Let a row that is used for the first time begin with what the row of all bits learned."""
    for k in range(rows.shape[0]):
        if not row_uses[rows[k]]:
            row_uses[rows[k]] = 1
            copy_weights(weights, rows[0], rows[k])


@kernel
def _place_points(point_rows: Array, s: Array, row: Array, node: int, odds: int) -> None:
    """Choose which row of each refinement this bit uses."""
    last4 = row[LAST4]
    point_rows[0] = node
    point_rows[1] = hash2(last4 & 0xFF, node)
    point_rows[2] = hash2(last4 & 0xFFFF, node)
    point_rows[3] = hash2(last4 & 0xFFFFFF, node)
    expected = max(s[EXPECTED_LONG], s[EXPECTED]) + 1
    point_rows[4] = _place_of(odds) >> 2 if s[HAS_ENGINE] else expected
    if point_rows.shape[0] > EARLIER_POINTS:
        length = max(row[MATCH_LENGTH], row[LONG_LENGTH])
        counterpart = ((s[COUNTERPART_SAYS] + 1) << 2) | (row[AGREEMENT] & 3)
        short_run = ((row[SHAPE] & 0xFF) << 5) | min(row[RUN_BYTES], 31)
        point_rows[5] = hash2(hash2(row[WORD], last4 & 0xFF), node)
        point_rows[6] = hash2(short_run, node)
        point_rows[7] = hash2((expected << 4) | min(length // 4, 15), node)
        point_rows[8] = hash2(counterpart, node)
        point_rows[9] = hash2(last4, node)
    if point_rows.shape[0] > VERSION_3_POINTS:
        recent = s[RECENT_SAYS] + 1 if s[RELIANCE_ROWS + 3] >= 0 else 0
        point_rows[10] = hash2(hash2(recent, row[SHAPE] & 0xFF), node)
    first = 0
    for r in range(point_rows.shape[0]):
        point_rows[r] = first + (point_rows[r] & (POINT_ROWS[r] - 1))
        first += POINT_ROWS[r]


@kernel
def _refined(points: Array, point_rows: Array, squash: Array, mixed: int) -> int:
    """The mixed probability, averaged with what came of its like in small contexts."""
    num_points = point_rows.shape[0]
    share = 1 if num_points > EARLIER_POINTS else 2
    total = squash[mixed + 3072] * share
    for r in range(num_points):
        prob = refine(points, point_rows[r], mixed)
        total += prob * 2 if r == 2 else prob
    shares = num_points + 1 + share
    return min(max((total + shares // 2) // shares, 1), 65535)


@kernel
def _learn(m: Model, row: Array, node: int, bit_index: int, bit: int) -> None:
    """Move everything that predicted the bit towards what it was."""
    s = m.scratch
    pace = m.pace
    target = bit << 16
    for final in range(_count_finals(m.rows)):
        error = target - m.squash[s[FIRST_ODDS + final] + 3072]
        train_weights(m.outputs, m.final_weights, s[FIRST_ROW + final], error, pace[FINAL_RATE])
    s[USES] += 1
    rate = pace[RATE] + pace[EXTRA_RATE] * pace[EXTRA_USES] // (pace[EXTRA_USES] + s[USES])
    for k in range(m.rows.shape[0]):
        error = target - m.squash[m.outputs[k] + 3072]
        uses = max(m.row_uses[m.rows[k]], 0)
        row_rate = rate + pace[ROW_RATE] * pace[ROW_USES] // (pace[ROW_USES] + uses)
        m.row_uses[m.rows[k]] = uses + 1
        train_weights(m.inputs, m.weights, m.rows[k], error, row_rate)
    for r in range(m.point_rows.shape[0]):
        refine_train(m.points, m.point_rows[r], s[MIXED], bit, m.rates, pace[POINT_SHIFT])
    learn_contexts(m.buckets, m.maps, m.places, m.next_state, m.rates, pace, node, bit_index, bit)
    for which in range(2):
        if s[MATCH_ROW + which] >= 0:
            is_right = 1 if (s[EXPECTED + which] >> (7 - bit_index)) & 1 == bit else 0
            train_entry(m.maps, s[MATCH_ROW + which], is_right, m.rates, _SLOW_LIMIT)
    if s[COUNTERPART_ROW] >= 0 and m.rows.shape[0] > EARLIER_SETS:
        is_right = 1 if (s[COUNTERPART_SAYS] >> (7 - bit_index)) & 1 == bit else 0
        train_entry(m.maps, s[COUNTERPART_ROW], is_right, m.rates, _SLOW_LIMIT)
    if m.rows.shape[0] > VERSION_3_SETS:
        learn_reliance(m, bit_index, bit)
    train_entry(m.maps, ORDER0_MAPS + node, bit, m.rates, _SLOW_LIMIT)
    order1 = ORDER1_MAPS + (((row[LAST4] & 0xFF) << 8) | node)
    train_entry(m.maps, order1, bit, m.rates, _SLOW_LIMIT)
    if s[HAS_ENGINE]:
        train_entry(m.maps, s[ENGINE_ROW], bit, m.rates, _SLOW_LIMIT)
    if m.point_rows.shape[0] > EARLIER_POINTS:
        train_entry(m.maps, s[RUN_BYTE_ROW], bit, m.rates, _SLOW_LIMIT)
        if s[HAS_ENGINE]:
            train_entry(m.maps, s[ENGINE_BYTE_ROW], bit, m.rates, _MIDDLE_LIMIT)


@kernel
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
            row = registers[lane]
            position = row[POSITION]
            if position >= row[END]:
                continue
            _look_up(m, registers, lane, history, primer_bytes, lane_bytes)
            value = 0 if task == DECODE else source[position]
            node = 1
            for bit_index in range(8):
                if bit_index & 3 == 0:
                    begin_half(m.buckets, m.hashes, m.chosen, m.places, m.journal, node)
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
            value = node & 0xFF
            history[position] = value
            note_bytes(m.buckets, m.places, value)
            follow_byte(row, value, m.indirect, m.char_class)
            follow_form(row, history, value, m.positions[2], m.char_class)
            follow_match(
                registers, lane, MATCH, _SHORT_MATCH, history, m.positions[0],
                primer_bytes, lane_bytes,
            )  # fmt: skip
            follow_match(
                registers, lane, LONG, _LONG_MATCH, history, m.positions[1],
                primer_bytes, lane_bytes,
            )  # fmt: skip
            follow_recent(row, m.positions[3])
