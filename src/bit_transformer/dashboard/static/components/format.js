/**
 * Numbers as people read them. Nothing here rounds what is stored: only what is shown.
 *
 *   formatBytes(1536)            "1.5 KB"        thousands of 1,000, as disks and networks count
 *   formatRatio(2048, 1024)      "2.00:1"        original : compressed, more is better
 *   formatFraction(0.61)         "61 %"
 *   formatNumber(1234567)        "1,234,567"     formatNumber(1.75846, 3) "1.758"
 *   formatDuration(3725)         "1 h 2 min"     formatAgo(seconds since 1970) "3 min ago"
 *
 * What is not known (null, undefined, NaN) reads as an en dash.
 */

const UNKNOWN = "–";
const UNITS = ["B", "KB", "MB", "GB", "TB"];

const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

/** A size in bytes. */
export function formatBytes(numBytes) {
  if (!isKnown(numBytes)) return UNKNOWN;
  let size = numBytes;
  let unit = 0;
  while (Math.abs(size) >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(size) >= 100 ? 0 : 1;
  return `${size.toFixed(Number.isInteger(size) ? 0 : digits)} ${UNITS[unit]}`;
}

/** A size in bits, exact below ten thousand. */
export function formatBits(numBits) {
  if (!isKnown(numBits)) return UNKNOWN;
  if (numBits < 10_000) return `${formatNumber(numBits)} ${numBits === 1 ? "bit" : "bits"}`;
  return formatBytes(numBits / 8);
}

/** Original to compressed size, its direction shown: "1.63:1" is smaller, "0.97:1" has grown. */
export function formatRatio(original, compressed) {
  if (!isKnown(original)) return UNKNOWN;
  const ratio = compressed === undefined ? original : original / compressed;
  return Number.isFinite(ratio) ? `${ratio.toFixed(ratio < 100 ? 2 : 0)}:1` : UNKNOWN;
}

/** A share as per cent. */
export function formatFraction(fraction, digits = 0) {
  return isKnown(fraction) ? `${(100 * fraction).toFixed(digits)} %` : UNKNOWN;
}

/** A number with thousands marked, or with so many digits after the point. */
export function formatNumber(value, digits) {
  if (!isKnown(value)) return UNKNOWN;
  if (digits === undefined) return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A small or large number in four significant digits, as learning rates need. */
export function formatSignificant(value, digits = 3) {
  if (!isKnown(value)) return UNKNOWN;
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(digits - 1);
  return String(Number(value.toPrecision(digits)));
}

/** A number of seconds. */
export function formatDuration(seconds) {
  if (!isKnown(seconds) || seconds < 0) return UNKNOWN;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago a moment was, given in seconds since 1970. */
export function formatAgo(moment, now = Date.now() / 1000) {
  if (!isKnown(moment)) return UNKNOWN;
  const seconds = Math.max(0, now - moment);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(moment * 1000).toISOString().slice(0, 10);
}
