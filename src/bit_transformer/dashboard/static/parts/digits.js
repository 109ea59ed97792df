/**
 * What a person typed as hexadecimal or as bits, read as strictly as the server reads it.
 *
 * Spaces and line breaks between digits mean nothing. A problem names the place, counted from 1
 * in what was typed, so that it can be found.
 */

/** `{digits, problem}` of hexadecimal bytes. */
export function readHex(text) {
  const { digits, problem } = readDigits(text, /[0-9a-f]/i, "hexadecimal digit (0–9, a–f)");
  if (!problem && digits.length % 2) {
    return { digits, problem: `${digits.length} digits make no whole number of bytes; add or take away one.` };
  }
  return { digits, problem };
}

/** `{digits, problem}` of bits. */
export function readBits(text) {
  return readDigits(text, /[01]/, "bit (0 or 1)");
}

function readDigits(text, allowed, name) {
  let digits = "";
  let place = 0;
  for (const character of text) {
    place += 1;
    if (/\s/.test(character)) continue;
    if (!allowed.test(character)) {
      return { digits, problem: `Place ${place} is “${character}”, which is no ${name}.` };
    }
    digits += character;
  }
  return { digits, problem: null };
}

/** The bits of hexadecimal digits. */
export function bitsOfHex(digits) {
  return [...digits].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
}

/** The bits of a text in UTF-8, or of a byte array. */
export function bitsOfBytes(bytes) {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
}

/** Bits, whole bytes of them, as a byte array. */
export function bytesOfBits(bits) {
  return Uint8Array.from({ length: bits.length / 8 }, (_, place) => Number.parseInt(bits.slice(8 * place, 8 * place + 8), 2));
}
