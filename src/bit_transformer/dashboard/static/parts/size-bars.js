/**
 * What each codec made of the same data: a table whose sizes are bars.
 *
 * All bars share one scale, on which a line marks the size of the data: a bar beyond it made the
 * data larger. The smallest is marked in words as well as in colour. A codec that failed keeps
 * its row, with what was wrong and what to do.
 */

import { el } from "../components/element.js";
import { formatBytes, formatFraction, formatRatio } from "../components/format.js";
import { shortTime } from "./controls.js";

const HEADS = ["Codec", "Size", "Ratio", "Encode", "Decode"];

/** The table of a comparison's answer; `actions(result)` are the buttons at the end of a row. */
export function createSizeBars({ num_source_bits: numSourceBits, results }, actions) {
  const largest = Math.max(numSourceBits, ...results.map(({ num_bits: numBits }) => numBits ?? 0), 1);
  const share = (numBits) => `${(100 * numBits) / largest}%`;
  const rows = results.map((result) => (result.error ? failedRow(result) : row(result, share, numSourceBits, actions)));
  const heads = HEADS.map((text, place) => el("th", { scope: "col", class: place > 1 ? "figure" : null, text }));
  heads.push(el("th", { scope: "col" }, el("span", { class: "visually-hidden", text: "Actions" })));
  return el(
    "table",
    { class: "size-bars" },
    el("caption", {}, "Of ", el("strong", { text: formatBytes(Math.ceil(numSourceBits / 8)) }), ", headers counted. The line marks the size of the data; times are of this machine."),
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, rows),
  );
}

function row(result, share, numSourceBits, actions) {
  const numBytes = Math.ceil(result.num_bits / 8);
  const bar = el(
    "span",
    { class: result.num_bits > numSourceBits ? "size-bar is-larger" : "size-bar", "aria-hidden": "true" },
    el("span", { class: "size-bar-fill", style: { width: share(result.num_bits) } }),
    el("span", { class: "size-bar-mark", style: { left: share(numSourceBits) } }),
  );
  const fraction = result.compressed_fraction == null ? "" : ` · ${formatFraction(result.compressed_fraction, 1)}`;
  return el(
    "tr",
    { class: result.is_smallest ? "is-smallest" : null, dataset: { codec: result.name } },
    el("th", { scope: "row" }, el("span", { class: "codec-name", text: result.name }), result.is_smallest && el("span", { class: "winner", text: "smallest" })),
    el("td", { class: "size-cell" }, bar, el("span", { class: "size-figures" }, el("strong", { text: formatBytes(numBytes) }), fraction)),
    figure("Ratio", formatRatio(result.compression_ratio)),
    figure("Encode", shortTime(result.encode_s)),
    figure("Decode", shortTime(result.decode_s)),
    el("td", { class: "size-actions" }, actions(result)),
  );
}

function figure(head, text) {
  return el("td", { class: "figure", dataset: { head } }, text);
}

function failedRow({ name, error }) {
  return el(
    "tr",
    { class: "is-failed", dataset: { codec: name } },
    el("th", { scope: "row" }, el("span", { class: "codec-name", text: name })),
    el("td", { colspan: 5 }, el("span", { class: "failed-what", text: error.what }), " ", el("span", { class: "failed-fix", text: error.fix })),
  );
}
