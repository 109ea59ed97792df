/**
 * A prompt and what a model made after it, byte by byte and bit by bit, as numbers to be drawn.
 *
 * The given bits come first; the bits that were predicted follow. In the direct view the model's
 * bits are those of a frame and the bytes are what the frame holds, so bits and bytes have no
 * common places (`isFrame`); otherwise byte i is bits 8i to 8i + 7 of prompt and output together.
 */

import { fromBase64 } from "./utf8.js";

const MOST_GIVEN_BITS = 16_000;

/** An empty transcript behind the given bits, a string of 0s and 1s. */
export function createTranscript({ givenBits = "", isFrame = false } = {}) {
  const dropped = Math.max(0, Math.ceil((givenBits.length - MOST_GIVEN_BITS) / 8) * 8);
  const given = givenBits.slice(dropped);
  const numGivenBytes = Math.floor(given.length / 8);
  const phase = isFrame ? 0 : given.length % 8;
  const bytes = Array.from({ length: numGivenBytes }, (_, place) => Number.parseInt(given.slice(8 * place, 8 * place + 8), 2));
  const byteSurprise = [];
  const bits = [];
  const bitSurprise = [];
  const probOne = [];

  return {
    isFrame,
    isCut: dropped > 0,
    givenBits: isFrame ? "" : given,
    numGivenBytes,
    get numBytes() {
      return bytes.length;
    },
    get numBits() {
      return (isFrame ? 0 : given.length) + bits.length;
    },
    /** Take up a chunk of a generation, or a whole score. */
    append(chunk) {
      for (const byte of fromBase64(chunk.bytes)) bytes.push(byte);
      byteSurprise.push(...chunk.byte_surprise);
      for (const bit of chunk.bits) bits.push(Number(bit));
      bitSurprise.push(...chunk.bit_surprise);
      probOne.push(...chunk.prob_one);
    },
    /** `{byte, isGiven, surprise, bits}`; `bits` are the eight as `bitAt` has them, or null. */
    byteAt(place) {
      const isGiven = place < numGivenBytes;
      const first = 8 * place;
      const hasBits = !isFrame && first + 8 <= this.numBits;
      return {
        byte: bytes[place],
        isGiven,
        surprise: isGiven ? null : (byteSurprise[place - numGivenBytes] ?? null),
        bits: hasBits && !isGiven ? Array.from({ length: 8 }, (_, one) => this.bitAt(first + one)) : null,
      };
    },
    /** `{bit, isGiven, surprise, probOne}`. */
    bitAt(place) {
      const numGiven = isFrame ? 0 : given.length;
      if (place < numGiven) return { bit: Number(given[place]), isGiven: true, surprise: null, probOne: null };
      const own = place - numGiven;
      return { bit: bits[own], isGiven: false, surprise: bitSurprise[own], probOne: probOne[own] };
    },
    /** The output alone, as bytes. */
    outputBytes: () => Uint8Array.from(bytes.slice(numGivenBytes)),
    phase,
  };
}
