/**
 * Which colour a surprise has: nine steps, the same for text, hexadecimal and bits.
 *
 * Surprise is −log2 of the probability of what came. A byte's steps are wider than a bit's, since
 * eight bits add up in it. The colours are classes (`surprise-0` … `surprise-8`), which the style
 * sheet gives for light and dark, each with a contrast of at least 4.5 to its text.
 */

import { el } from "../components/element.js";

const BYTE_EDGES = [0.1, 0.35, 0.8, 1.5, 2.5, 4, 6, 9];
const BIT_EDGES = [0.03, 0.1, 0.25, 0.5, 0.9, 1.5, 2.5, 4];

/** The class of a byte with this surprise; of one that was not measured, a hatched one. */
export function byteClass(surprise) {
  return classOf(surprise, BYTE_EDGES);
}

/** The class of a bit with this surprise. */
export function bitClass(surprise) {
  return classOf(surprise, BIT_EDGES);
}

function classOf(surprise, edges) {
  if (surprise == null || Number.isNaN(surprise)) return "surprise-unknown";
  let step = 0;
  while (step < edges.length && surprise >= edges[step]) step += 1;
  return `surprise-${step}`;
}

/** The key to the colours, for bytes or for bits. */
export function createLegend(unit) {
  const edges = unit === "bit" ? BIT_EDGES : BYTE_EDGES;
  const steps = [...edges, Infinity].map((edge, step) => {
    const from = step === 0 ? 0 : edges[step - 1];
    const range = step === edges.length ? `${from} bits and more` : `${from} to ${edge} bits`;
    return el("span", { class: `legend-step surprise-${step}`, title: range });
  });
  return el(
    "div",
    { class: "legend", role: "img", "aria-label": `Colour: surprise of a ${unit} in bits, from 0 on the left to ${edges.at(-1)} and more on the right` },
    el("span", { class: "legend-end" }, "expected"),
    el("span", { class: "legend-steps" }, steps),
    el("span", { class: "legend-end" }, `surprising (${edges.at(-1)}+ bits a ${unit})`),
  );
}
