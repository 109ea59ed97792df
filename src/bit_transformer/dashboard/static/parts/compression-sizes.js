/**
 * What compression did to one message: sizes before and after, and their ratio, as a small table
 * in which the direction is always shown.
 */

import { ratioBar } from "../components/compression.js";
import { el } from "../components/element.js";
import { formatBits, formatRatio } from "../components/format.js";

/** The table for the `compression` of a generation's end; rows without data are left out. */
export function createCompressionSizes(compression) {
  const rows = [
    ["Prompt", compression.prompt_bits, compression.prompt_frame_bits],
    ["Output", compression.output_bits, compression.output_frame_bits],
    ["Message", compression.prompt_bits + compression.output_bits, compression.prompt_frame_bits + compression.output_frame_bits],
  ].filter(([, source, frame]) => source > 0 && frame > 0);
  const lines = rows.map(([name, source, frame]) =>
    el(
      "tr",
      { class: name === "Message" ? "is-total" : null },
      el("th", { scope: "row", text: name }),
      el("td", { class: "figure", text: formatBits(source) }),
      el("td", { class: "sizes-arrow", "aria-hidden": "true", text: "→" }),
      el("td", { class: "figure", text: formatBits(frame) }),
      el("td", {}, ratioBar(source, frame)),
      el("td", { class: "figure sizes-ratio", text: formatRatio(source, frame) }),
    ),
  );
  const heads = ["", "original", "", compression.codec, "", "ratio"].map((text) => el("th", { scope: "col", text }));
  return el(
    "table",
    { class: "sizes", "aria-label": "Compression of this message" },
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, lines),
  );
}
