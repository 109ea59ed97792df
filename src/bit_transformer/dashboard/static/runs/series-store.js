/**
 * The numbers of one run, grown from increments and bounded in memory.
 *
 *   const store = new SeriesStore();
 *   store.absorb(answer);                         // an answer of GET /runs/ID/metrics
 *   store.curve("train", "bits_per_byte", "step") // {x, y}, points without a value left out
 *   store.last("train", "learning_rate")          // the latest known value, or null
 *   store.next                                    // to give back as `since`
 *
 * Tables are named as in the answer, with a dot for what is below: "train", "evaluate",
 * "views.raw", "evaluate_views.direct", "telemetry", "telemetry_direct.source". Axes: "step",
 * "elapsed_s" and "bytes_seen"; a table without such a column borrows it from "train" by step.
 * Beyond `LIMIT` rows a table is thinned to half, the extremes of each stretch kept, so a page may
 * stay open for weeks.
 */

import { thinIndices } from "../components/series.js";

export const LIMIT = 6000;

/** See above. */
export class SeriesStore {
  constructor() {
    this.clear();
  }

  clear() {
    this.tables = new Map();
    this.gates = [];
    this.next = "";
    this.version = 0;
  }

  absorb({ next, is_reset: isReset, series }) {
    if (isReset) this.clear();
    this.next = next;
    let numNew = 0;
    for (const [name, table] of flatTables(series)) numNew += this.#append(name, table);
    if (series.gates.length) {
      this.gates = [...this.gates, ...series.gates].slice(-500);
      numNew += 1;
    }
    if (numNew || isReset) this.version += 1;
    return numNew > 0 || isReset;
  }

  has(table, column) {
    return this.tables.get(table)?.[column]?.some((value) => value !== null) ?? false;
  }

  last(table, column) {
    return this.tables.get(table)?.[column]?.findLast((value) => value !== null) ?? null;
  }

  curve(table, column, axis = "step") {
    const columns = this.tables.get(table);
    const values = columns?.[column];
    if (!values) return { x: [], y: [] };
    const axisValues = this.#axis(columns, axis);
    const x = [];
    const y = [];
    for (let row = 0; row < values.length; row += 1) {
      if (values[row] === null || axisValues[row] === null) continue;
      x.push(axisValues[row]);
      y.push(values[row]);
    }
    return { x, y };
  }

  #append(name, table) {
    const numRows = table.step?.length ?? 0;
    if (!numRows) return 0;
    const kept = this.tables.get(name) ?? { step: [] };
    const known = this.#cutAfter(kept, table.step[0]);
    for (const column of new Set([...Object.keys(kept), ...Object.keys(table)])) {
      const earlier = kept[column] ?? new Array(known).fill(null);
      const later = table[column] ?? new Array(numRows).fill(null);
      kept[column] = earlier.concat(later);
    }
    this.tables.set(name, kept.step.length > LIMIT ? thinned(kept) : kept);
    return numRows;
  }

  /** A resumed run repeats steps: what is told anew replaces what was known. */
  #cutAfter(table, firstStep) {
    let known = table.step.length;
    while (known > 0 && table.step[known - 1] >= firstStep) known -= 1;
    if (known < table.step.length) {
      for (const column of Object.keys(table)) table[column] = table[column].slice(0, known);
    }
    return known;
  }

  #axis(columns, axis) {
    if (columns[axis]) return columns[axis];
    const train = this.tables.get("train");
    if (axis === "step" || !train?.[axis]) return columns.step;
    return columns.step.map((step) => interpolated(train.step, train[axis], step));
  }
}

function* flatTables(series) {
  for (const name of ["train", "evaluate", "telemetry"]) yield [name, series[name] ?? {}];
  for (const name of ["views", "evaluate_views", "telemetry_direct"]) {
    for (const [part, table] of Object.entries(series[name] ?? {})) yield [`${name}.${part}`, table];
  }
}

function thinned(table) {
  const guide = table.bits_per_byte ?? table.bits_per_bit ?? table.s ?? table.step;
  const indices = thinIndices(guide, LIMIT / 2);
  return Object.fromEntries(Object.entries(table).map(([column, values]) => [column, indices.map((index) => values[index])]));
}

function interpolated(steps, values, step) {
  let low = 0;
  let high = steps.length - 1;
  if (high < 0) return null;
  if (step <= steps[low]) return values[low];
  if (step >= steps[high]) return values[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle;
    else high = middle;
  }
  const share = (step - steps[low]) / (steps[high] - steps[low]);
  return values[low] + share * (values[high] - values[low]);
}
