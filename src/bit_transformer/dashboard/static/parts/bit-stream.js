/**
 * The first bits of a frame, with its header, runs, words and matches coloured apart.
 *
 * Neighbours of one kind alternate between two shades, so that each run or word is seen as one.
 * Pointing at a segment, or moving to it with the arrow keys, tells what it says. The key names
 * what every kind means, so that nothing depends on colour alone.
 */

import { el, uniqueId } from "../components/element.js";
import { formatNumber } from "../components/format.js";
import { addCursor } from "./cursor.js";
import { createFloatingCard } from "./floating-card.js";

const KINDS = {
  header: "header: codec, unit, length",
  table: "table of the words",
  literal: "literal: bits as they are",
  run: "run: a length of equal bits",
  match: "match: a copy of earlier bytes",
  code: "code word",
  padding: "padding",
  unread: "not read",
};

/** The view of an inspection's answer. */
export function createBitStream({ bits, segments, first_bit: firstBit, num_bits: numBits, num_source_bits: numSourceBits, codec }) {
  const hint = uniqueId("stream-hint");
  const card = createFloatingCard();
  const counts = countKinds(segments);
  const body = el("div", { class: "bit-stream", tabindex: 0, role: "group", "aria-label": `Bits of the ${codec} frame`, "aria-describedby": hint }, segmentNodes(segments, bits, firstBit));
  addCursor(body, "[data-segment]", {
    onShow(target, isByKeyboard) {
      const segment = segments[Number(target.dataset.segment)];
      const story = tell(segment);
      const content = el("div", { class: "byte-card" }, el("p", { class: "byte-card-head" }, el("strong", { text: segment.label })), el("p", { class: "byte-card-place", text: story }));
      card.show(target, content, isByKeyboard ? `${segment.label}. ${story}.` : "");
    },
    onHide: () => card.hide(),
  });
  const key = Object.entries(counts).map(([kind, count]) =>
    el("li", {}, el("span", { class: `swatch kind-${kind} shade-a`, "aria-hidden": "true" }), KINDS[kind] ?? kind, el("span", { class: "key-count", text: formatNumber(count) })),
  );
  const rest = `Bits ${formatNumber(firstBit)} to ${formatNumber(firstBit + bits.length)} of ${formatNumber(numBits)}, for ${formatNumber(numSourceBits)} bits of data.`;
  return el(
    "div",
    { class: "stream" },
    el("ul", { class: "stream-key", "aria-label": "What the colours mean" }, key),
    body,
    el("p", { class: "stream-rest", text: rest }),
    el("span", { id: hint, class: "visually-hidden", text: "Arrow keys move from piece to piece and tell what each says." }),
    card.element,
  );
}

function countKinds(segments) {
  const counts = {};
  for (const { kind } of segments) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function segmentNodes(segments, bits, firstBit) {
  const seen = {};
  return segments.map(({ kind, start, num_bits: numBits }, number) => {
    seen[kind] = (seen[kind] ?? 0) + 1;
    const shown = bits.slice(Math.max(0, start - firstBit), start - firstBit + numBits);
    return el("span", { class: `stream-segment kind-${kind} shade-${seen[kind] % 2 ? "a" : "b"}`, "data-segment": number }, shown);
  });
}

function tell({ kind, start, num_bits: numBits }) {
  return `${kind}, ${numBits === 1 ? "1 bit" : `${formatNumber(numBits)} bits`} from bit ${formatNumber(start)}`;
}
