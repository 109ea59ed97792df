"""The compiled loops of the Huffman codec: lengths, tables, words.

Apart from :mod:`~bit_transformer.codecs.huffman` so that nothing here needs to know payloads.
Every loop checks its own bounds: what it reads may be hostile.
"""

import numpy as np
from numba import njit

__all__ = [
    "MAX_TABLE_BITS",
    "MAX_WORD_BITS",
    "TABLE_CUT",
    "TABLE_INCOMPLETE",
    "TABLE_OK",
    "TABLE_TOO_FAR",
    "count_bytes",
    "decode_words",
    "encode_words",
    "optimal_lengths",
    "parse_table",
    "spread_words",
    "words_of",
    "write_table",
]

MAX_WORD_BITS = 15
"""No word is longer, so that a length takes four bits and look-ups stay in the cache."""

MAX_TABLE_BITS = 2048
"""No table is longer: 8 bits, and for each of up to 256 bytes a gap and a length."""

TABLE_OK, TABLE_CUT, TABLE_TOO_FAR, TABLE_INCOMPLETE = 0, 1, 2, 3


@njit(cache=True)
def count_bytes(data):
    """How often each byte occurs. Shapes: (N,) ``uint8`` to (256,) ``int64``."""
    counts = np.zeros((2, 256), dtype=np.int64)
    for i in range(len(data)):
        counts[i & 1, data[i]] += 1
    return counts[0] + counts[1]


@njit(cache=True)
def optimal_lengths(counts):
    """The word lengths, at most 15, that make the counted bytes shortest; 0 for a count of 0.

    A single byte that occurs gets the length 0 too, since its words need no bits.

    Shapes:
        counts: (256,) ``int64``.
        returns: (256,) ``uint8``.

    Source: Larmore and Hirschberg 1990, the package-merge algorithm.
    """
    lengths = np.zeros(256, dtype=np.uint8)
    order = np.argsort(counts, kind="mergesort")
    order = order[counts[order] > 0]
    num = len(order)
    if num < 2:
        return lengths
    is_leaf = np.zeros((MAX_WORD_BITS, 2 * num), dtype=np.uint8)
    weights = np.zeros(2 * num, dtype=np.int64)
    merged = np.zeros(2 * num, dtype=np.int64)
    num_weights = 0
    for level in range(MAX_WORD_BITS):
        num_packages = num_weights // 2
        leaf, package = 0, 0
        for i in range(num + num_packages):
            if package == num_packages or (
                leaf < num
                and counts[order[leaf]] <= weights[2 * package] + weights[2 * package + 1]
            ):
                merged[i] = counts[order[leaf]]
                is_leaf[level, i] = 1
                leaf += 1
            else:
                merged[i] = weights[2 * package] + weights[2 * package + 1]
                package += 1
        num_weights = num + num_packages
        weights[:num_weights] = merged[:num_weights]
    num_taken = 2 * num - 2
    for level in range(MAX_WORD_BITS - 1, -1, -1):
        num_leaves = 0
        for i in range(num_taken):
            num_leaves += is_leaf[level, i]
        for i in range(num_leaves):
            lengths[order[i]] += 1
        num_taken = 2 * (num_taken - num_leaves)
    return lengths


@njit(cache=True)
def words_of(lengths):
    """The canonical code's words: shorter first, then smaller bytes first.

    Shapes:
        lengths: (256,) ``uint8``.
        returns: (256,) ``int64``, 16 · word + length.
    """
    words = np.zeros(256, dtype=np.int64)
    word = np.int64(0)
    for length in range(1, MAX_WORD_BITS + 1):
        for byte in range(256):
            if lengths[byte] == length:
                words[byte] = word << 4 | length
                word += 1
        word <<= 1
    return words


@njit(cache=True)
def spread_words(lengths, num_peek_bits):
    """For all values of the next bits, the byte whose word they begin with, and its length.

    Shapes:
        lengths: (256,) ``uint8``, none above ``num_peek_bits``, of a complete code.
        returns: (2^num_peek_bits,) ``uint16``, 16 · byte + length.
    """
    entries = np.zeros(1 << num_peek_bits, dtype=np.uint16)
    position = 0
    for length in range(1, num_peek_bits + 1):
        for byte in range(256):
            if lengths[byte] == length:
                end = min(position + (1 << (num_peek_bits - length)), len(entries))
                entries[position:end] = byte << 4 | length
                position = end
    return entries


@njit(cache=True)
def encode_words(data, words, out, start, tail, num_tail_bits):
    """Append the words of the bytes, then a few more bits, to ``start`` bits in ``out``.

    ``out`` has room for two bytes for each, and eight more. Returns the number of bits in it.
    """
    position = start >> 3
    num_acc = start & 7
    acc = np.int64(out[position] >> (8 - num_acc)) if num_acc else np.int64(0)
    for i in range(len(data)):
        word = words[data[i]]
        length = word & 15
        acc = acc << length | word >> 4
        num_acc += length
        while num_acc >= 8:
            num_acc -= 8
            out[position] = acc >> num_acc & 0xFF
            position += 1
        acc &= 0xFF
    acc = acc << num_tail_bits | tail
    num_acc += num_tail_bits
    if num_acc >= 8:
        num_acc -= 8
        out[position] = acc >> num_acc & 0xFF
        position += 1
    if num_acc:
        out[position] = acc << (8 - num_acc) & 0xFF
    return 8 * position + num_acc


@njit(cache=True)
def decode_words(payload, payload_bits, start, entries, num_peek_bits, out):
    """Fill ``out`` with bytes whose words begin at payload bit ``start``.

    Returns how many there were, and the position after the last whole word.
    """
    position = start
    mask = (1 << num_peek_bits) - 1
    num_fast = len(payload) - 2
    count = 0
    while count < len(out):
        first = position >> 3
        if first < num_fast:
            window = (
                np.int64(payload[first]) << 16
                | np.int64(payload[first + 1]) << 8
                | np.int64(payload[first + 2])
            )
        else:
            window = np.int64(0)
            for i in range(first, first + 3):
                window = window << 8 | (np.int64(payload[i]) if i < len(payload) else 0)
        entry = np.int64(entries[window >> (24 - (position & 7) - num_peek_bits) & mask])
        length = entry & 15
        if length > payload_bits - position:
            break
        position += length
        out[count] = entry >> 4
        count += 1
    return count, position


@njit(cache=True)
def write_table(counts, lengths):
    """The bits of a code table, shape (N,), ``uint8``, when at least one byte is counted.

    One less than the number of bytes that occur, in 8 bits; for each of them, in order, how far
    it is from the one before, in Elias's gamma code; then, when they are several, the lengths of
    their words in 4 bits each.
    """
    bits = np.zeros(MAX_TABLE_BITS, dtype=np.uint8)
    num_words = 0
    for byte in range(256):
        num_words += counts[byte] > 0
    position = _put(bits, 0, num_words - 1, 8)
    previous = -1
    for byte in range(256):
        if counts[byte]:
            position = _put_gamma(bits, position, byte - previous)
            previous = byte
    for byte in range(256):
        if counts[byte] and num_words > 1:
            position = _put(bits, position, lengths[byte], 4)
    return bits[:position]


@njit(cache=True)
def parse_table(bits, start, lengths):
    """Read a table from bit ``start`` on into ``lengths``, which are zeros.

    Returns a status, the byte of a table with a single one or -1, and the position after the
    table or of the fault.
    """
    position = start + 8
    if position > len(bits):
        return TABLE_CUT, -1, len(bits)
    num_words = 1
    for i in range(start, position):
        num_words += np.int64(bits[i]) << (position - 1 - i)
    present = np.zeros(256, dtype=np.int64)
    byte = -1
    for i in range(num_words):
        status, gap, position = _get_gamma(bits, position)
        if status != TABLE_OK:
            return status, -1, position
        byte += gap
        if byte > 255:
            return TABLE_TOO_FAR, -1, position
        present[i] = byte
    if num_words == 1:
        return TABLE_OK, byte, position
    return _parse_lengths(bits, position, present[:num_words], lengths)


@njit(cache=True)
def _get_gamma(bits, start):
    """A status, a number below 512, and the position after it or of the fault."""
    num_zeros = 0
    while start + num_zeros < len(bits) and not bits[start + num_zeros]:
        num_zeros += 1
        if num_zeros > 8:
            return TABLE_TOO_FAR, np.int64(0), start
    end = start + 2 * num_zeros + 1
    if end > len(bits):
        return TABLE_CUT, np.int64(0), len(bits)
    value = np.int64(0)
    for i in range(start + num_zeros, end):
        value = value << 1 | np.int64(bits[i])
    return TABLE_OK, value, end


@njit(cache=True)
def _parse_lengths(bits, position, present, lengths):
    """Four bits for each of the bytes present, into ``lengths``; returns as its caller does."""
    start = position
    if position + 4 * len(present) > len(bits):
        return TABLE_CUT, -1, len(bits)
    filled = 0
    for byte in present:
        length = 0
        for i in range(position, position + 4):
            length = length << 1 | np.int64(bits[i])
        if length == 0:
            return TABLE_INCOMPLETE, -1, position
        lengths[byte] = length
        filled += 1 << (MAX_WORD_BITS - length)
        position += 4
    if filled != 1 << MAX_WORD_BITS:
        return TABLE_INCOMPLETE, -1, start
    return TABLE_OK, -1, position


@njit(cache=True)
def _put(bits, position, value, count):
    for place in range(count - 1, -1, -1):
        bits[position] = value >> place & 1
        position += 1
    return position


@njit(cache=True)
def _put_gamma(bits, position, value):
    num_digits = 0
    while value >> num_digits:
        num_digits += 1
    return _put(bits, position + num_digits - 1, value, num_digits)
