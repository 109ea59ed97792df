/**
 * Bytes cut into the characters that they spell, as far as they spell any.
 *
 * The browser's TextDecoder gives text but not which bytes made which character, and that is what
 * colours need. Invariants: the pieces follow each other without a gap and cover every byte that
 * is not held back; a byte that belongs to no character is a piece of its own, with text null.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The pieces at the beginning of `bytes`, as `{start, length, text}`.
 *
 * With `isEnd` false, the bytes of a character that may still go on are left out, so that the
 * next call can begin with them.
 */
export function splitCharacters(bytes, isEnd) {
  const pieces = [];
  let start = 0;
  while (start < bytes.length) {
    const length = characterLength(bytes[start]);
    const missing = start + length - bytes.length;
    if (missing > 0 && !isEnd && isOpen(bytes, start)) break;
    const text = missing > 0 ? null : decode(bytes.subarray(start, start + length));
    pieces.push({ start, length: text === null ? 1 : length, text });
    start += text === null ? 1 : length;
  }
  return pieces;
}

/** How many bytes a character has that begins with this one; one for what begins none. */
function characterLength(byte) {
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  return 1;
}

/** Whether all bytes behind a first one are such as go on a character. */
function isOpen(bytes, start) {
  for (let place = start + 1; place < bytes.length; place += 1) {
    if ((bytes[place] & 0xc0) !== 0x80) return false;
  }
  return true;
}

function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const NAMES = { 9: "tab", 10: "line feed", 13: "carriage return", 32: "space", 127: "delete" };

/** What a piece looks like in running text: `{shown, isMark, breaks}`; a mark stands for what has no picture. */
export function picture(text, byte) {
  if (text === null) return { shown: hexByte(byte), isMark: true, breaks: false };
  const code = text.codePointAt(0);
  if (code === 10) return { shown: "↵", isMark: true, breaks: true };
  if (code === 9) return { shown: "⇥\t", isMark: true, breaks: false };
  if (code < 32) return { shown: String.fromCodePoint(0x2400 + code), isMark: true, breaks: false };
  if (code === 127) return { shown: "␡", isMark: true, breaks: false };
  return { shown: text, isMark: false, breaks: false };
}

/** What a person would call a piece: a letter, "space", or "byte 0xff". */
export function nameOf(text, byte) {
  if (text === null) return `byte 0x${hexByte(byte)}`;
  const code = text.codePointAt(0);
  if (code in NAMES) return NAMES[code];
  if (code < 32) return `control character ${code}`;
  return `“${text}”`;
}

/** A byte as two hexadecimal digits. */
export function hexByte(byte) {
  return byte.toString(16).padStart(2, "0");
}

/** A byte's eight bits, the most significant first. */
export function bitsOf(byte) {
  return Array.from({ length: 8 }, (_, place) => (byte >> (7 - place)) & 1);
}

/** The bytes that base64 stands for. */
export function fromBase64(text) {
  const binary = atob(text);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
