"""Where things stand in the predictor's arrays: numbers that kernels and allocation share.

Adaptive maps of all kinds live in one array, ``maps``; what one bit's prediction leaves for
learning lives in ``scratch``. Kernels take few arrays this way, and compile the faster for it.
"""

__all__ = [
    "CONSTANT_INPUT",
    "COUNTERPART_INPUT",
    "EARLIER_INPUTS",
    "EARLIER_POINTS",
    "EARLIER_SETS",
    "ENGINE_BYTE_INPUT",
    "ENGINE_BYTE_MAPS",
    "ENGINE_INPUT",
    "ENGINE_MAPS",
    "FINAL_ROWS",
    "FORM_FINAL_ROWS",
    "INPUTS_PER_CONTEXT",
    "MATCH_INPUT",
    "MATCH_MAPS",
    "NUM_SCRATCH",
    "ORDER0_MAPS",
    "ORDER1_MAPS",
    "ORDER_INPUT",
    "OTHER_INPUTS",
    "POINT_ROWS",
    "RELIANCE_INPUT",
    "RELIANCE_MAPS",
    "RUN_BYTE_INPUT",
    "RUN_BYTE_MAPS",
    "RUN_MAPS",
    "SET_SIZES",
    "STATE_MAPS",
    "VERSION_3_INPUTS",
    "VERSION_3_POINTS",
    "VERSION_3_SETS",
    "num_inputs",
    "num_maps",
]

INPUTS_PER_CONTEXT = 4
OTHER_INPUTS = 19
"""Matches, orders 0 and 1, the engine, the counterpart, a constant, what came in such runs of
characters, what came where the engine said so after the last byte, and the five of ``reliance``."""

MATCH_INPUT, ORDER_INPUT, CONSTANT_INPUT, ENGINE_INPUT, COUNTERPART_INPUT = 0, 4, 6, 7, 9
RUN_BYTE_INPUT, ENGINE_BYTE_INPUT, RELIANCE_INPUT = 12, 13, 14
"""Where they stand after the contexts' inputs."""

EARLIER_INPUTS = 12
"""Versions 1 and 2 had so many."""

VERSION_3_INPUTS = 14
"""Version 3 had so many."""

ORDER0_MAPS = 0
ORDER1_MAPS = ORDER0_MAPS + 256
MATCH_MAPS = ORDER1_MAPS + 65536
ENGINE_MAPS = MATCH_MAPS + 768
RUN_BYTE_MAPS = ENGINE_MAPS + 4096
ENGINE_BYTE_MAPS = RUN_BYTE_MAPS + 512 * 256
RELIANCE_MAPS = ENGINE_BYTE_MAPS + 32 * 4096
STATE_MAPS = RELIANCE_MAPS + 5 * 32768
"""From here on, 256 entries for each context and then, from RUN_MAPS of them on, 16 more."""

RUN_MAPS = 256
_MAPS_PER_CONTEXT = RUN_MAPS + 16

SET_SIZES = (
    *(1, 512, 256, 2048, 512, 1024, 2048, 512, 256, 4096, 2048, 1024, 2048, 2048, 4096),
    *(8192, 4096),
)
"""How many rows of weights each mixer of the first layer chooses from."""

EARLIER_SETS = 12
"""Version 1 had so many of them, two final mixers and no counterpart."""

VERSION_3_SETS = 15
"""Version 3 had so many, and nothing that said how far to rely on what is expected."""

FINAL_ROWS = 64 + 256
FORM_FINAL_ROWS = 2048
POINT_ROWS = (256, 16384, 16384, 16384, 1024, 8192, 4096, 8192, 8192, 16384, 16384)
"""How many rows each refinement chooses from: orders 0 to 3, the engine or match, the word, the run
of characters, the match and its length, the counterpart, order 4, and what came last after the
last four bytes."""

EARLIER_POINTS = 5
"""Versions 1 and 2 had so many refinements, whose steps never became smaller."""

VERSION_3_POINTS = 10
"""Version 3 had so many."""

# fmt: off
(
    EXPECTED, EXPECTED_LONG, MATCH_ROW, LONG_ROW, ENGINE_ROW, HAS_ENGINE, USES,
    FIRST_ROW, SECOND_ROW, THIRD_ROW, FIRST_ODDS, SECOND_ODDS, THIRD_ODDS, MIXED,
    COUNTERPART_SAYS, COUNTERPART_ROW, RUN_BYTE_ROW, ENGINE_BYTE_ROW,
    RECENT_SAYS, FORM_KEY, LINE_KEY,
    RELIANCE_ROWS,
) = range(22)
NUM_SCRATCH = RELIANCE_ROWS + 5
"""``RELIANCE_ROWS`` are five."""

(
    NODE_LIMIT, MAP_LIMIT, RATE, EXTRA_RATE, EXTRA_USES, FINAL_RATE, POINT_SHIFT, LINEAR_SHIFT,
    ROW_RATE, ROW_USES,
) = range(10)
# fmt: on
"""Places in ``pace``: how fast each part learns. Where ``POINT_SHIFT`` is 0, a refinement's steps
become smaller as it is used. A row of weights learns faster by ``ROW_RATE`` at first, and by half
as much when it was used ``ROW_USES`` times."""


def num_inputs(num_contexts: int, num_others: int) -> int:
    """How many numbers are mixed, a multiple of eight."""
    wanted = num_contexts * INPUTS_PER_CONTEXT + num_others
    return wanted + -wanted % 8


def num_maps(num_contexts: int) -> int:
    """How many adaptive map entries there are."""
    return STATE_MAPS + num_contexts * _MAPS_PER_CONTEXT
