/**
 * A curve the size of a word: sparkline([3, 2.4, 2.1]) is an SVG element.
 *
 * For lists, where a whole chart would be too much. What it shows stands beside it as a number, so
 * it is hidden from screen readers.
 */

import { svg } from "./element.js";

const WIDTH = 120;
const HEIGHT = 32;
const EDGE = 3;

/** The values, evenly spaced; nulls are skipped. */
export function sparkline(values, { colour = "var(--accent)" } = {}) {
  const known = values.filter((value) => Number.isFinite(value));
  const chart = svg("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  if (known.length < 2) return chart;
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  const points = known.map((value, index) => [
    EDGE + ((WIDTH - 2 * EDGE) * index) / (known.length - 1),
    EDGE + (HEIGHT - 2 * EDGE) * (1 - (value - low) / span),
  ]);
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const [lastX] = points.at(-1);
  chart.append(
    svg("polygon", { class: "sparkline-area", points: `${EDGE},${HEIGHT} ${line} ${lastX},${HEIGHT}`, style: { fill: colour } }),
    svg("polyline", { class: "sparkline-line", points: line, style: { stroke: colour } }),
  );
  return chart;
}
