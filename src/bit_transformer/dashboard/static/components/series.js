/**
 * Arithmetic on series for charts: plain functions on arrays, which draw nothing.
 *
 *   smooth(values, 0.9)                 running mean, the weight of the past 0.9, unbiased at first
 *   toCsv({ step: [1, 2], loss: [3, 2] })
 *   thin(x, y, 2000)                    the same curve in at most 2000 points, extremes kept
 */

/** The exponential running mean; nulls stay nulls and leave the mean as it is. */
export function smooth(values, weight) {
  if (!(weight > 0)) return values;
  let mean = 0;
  let norm = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return null;
    mean = weight * mean + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return mean / norm;
  });
}

/** Columns of equal or unequal length as comma-separated values, with a head. */
export function toCsv(columns) {
  const names = Object.keys(columns);
  const numRows = Math.max(0, ...names.map((name) => columns[name].length));
  const lines = [names.map(quoted).join(",")];
  for (let row = 0; row < numRows; row += 1) {
    lines.push(names.map((name) => quoted(columns[name][row] ?? "")).join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** The indices of at most `limit` points that keep each stretch's lowest and highest value. */
export function thinIndices(values, limit) {
  if (values.length <= limit) return values.map((_, index) => index);
  const numBuckets = Math.max(1, Math.floor((limit - 2) / 2));
  const kept = new Set([0, values.length - 1]);
  for (let bucket = 0; bucket < numBuckets; bucket += 1) {
    const first = Math.floor((bucket * values.length) / numBuckets);
    const end = Math.floor(((bucket + 1) * values.length) / numBuckets);
    let low = first;
    let high = first;
    for (let index = first; index < end; index += 1) {
      if (values[index] < values[low] || !Number.isFinite(values[low])) low = index;
      if (values[index] > values[high] || !Number.isFinite(values[high])) high = index;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b);
}

/** A curve in at most `limit` points. */
export function thin(x, y, limit) {
  if (x.length <= limit) return { x, y };
  const indices = thinIndices(y, limit);
  return { x: indices.map((index) => x[index]), y: indices.map((index) => y[index]) };
}

function quoted(value) {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
