"""Decoding with a compiled engine: one loop that predicts, decodes and feeds.

An engine that is asked by the interpreter, byte by byte, spends half its time on being called. Here
its trunk runs within the loop over the bytes, and gives the same integers.
"""

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from bit_transformer.archive.engine.trunk import predict, run
from bit_transformer.archive.mixing.contexts import POSITION
from bit_transformer.archive.mixing.predictor import DECODE, code_steps

if TYPE_CHECKING:
    from bit_transformer.archive.engine.trunk import Constants, Memory, Packed
    from bit_transformer.archive.mixing.model import Model

__all__ = ["decode_along"]


@njit(cache=True, nogil=True)
def decode_along(
    model: "Model",
    registers: np.ndarray,
    history: np.ndarray,
    primer_bytes: int,
    lane_bytes: int,
    num_steps: int,
    coder: np.ndarray,
    payload: np.ndarray,
    weights: "Packed",
    constants: "Constants",
    memory: "Memory",
    position: int,
) -> None:
    """Decode ``num_steps`` bytes of every lane, and have the trunk read them.

    Args:
        model, registers, history, primer_bytes, lane_bytes, coder, payload: as ``code_steps``
            wants them.
        weights, constants, memory, position: of the trunk that was lent for so many steps.
    """
    num_lanes = len(registers)
    values = np.empty((num_lanes, 1), np.uint8)
    odds = np.empty((1, num_lanes, 256), np.int16)
    costs = np.zeros(1)
    for step in range(num_steps):
        odds[0] = predict(memory.final, weights, constants)
        code_steps(
            model, registers, history, primer_bytes, lane_bytes, 1, DECODE, history, coder,
            payload, odds, costs,
        )  # fmt: skip
        for lane in range(num_lanes):
            values[lane, 0] = history[max(registers[lane, POSITION] - 1, 0)]
        run(values, False, position + step, weights, constants, memory)
