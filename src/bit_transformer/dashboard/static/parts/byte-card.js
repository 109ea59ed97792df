/**
 * What the model expected of a character or a bit, and what came: contents of a floating card.
 *
 * A bar for each bit shows the probability of a one; the value that came stands beside it, with
 * its surprise. Of a prompt there is nothing to show but what it is.
 */

import { el } from "../components/element.js";
import { formatNumber } from "../components/format.js";
import { short } from "./controls.js";
import { bitClass, byteClass } from "./surprise-scale.js";
import { hexByte, nameOf } from "./utf8.js";

/** `{content, spoken}` for a unit of bytes of a transcript. */
export function createByteCard(transcript, unit) {
  const records = Array.from({ length: unit.length }, (_, place) => transcript.byteAt(unit.start + place));
  const name = nameOf(unit.text, records[0].byte);
  const isMeasured = records.every(({ surprise }) => surprise != null);
  const surprise = isMeasured ? records.reduce((sum, record) => sum + record.surprise, 0) : null;
  const story = tell(records[0].isGiven, surprise);
  const place = records[0].isGiven ? "prompt" : `byte ${formatNumber(unit.start - transcript.numGivenBytes)}`;
  const content = el(
    "div",
    { class: "byte-card" },
    head(name, records.map(({ byte }) => hexByte(byte)).join(" "), place),
    el("p", { class: `byte-card-story ${isMeasured ? byteClass(surprise) : ""}`, text: story }),
    records.filter(({ bits }) => bits).map(({ byte, bits }) => bitTable(bits, unit.length > 1 ? `0x${hexByte(byte)}` : null)),
    transcript.isFrame && isMeasured && el("p", { class: "byte-card-note", text: "the share of the compressed bits that brought this byte" }),
  );
  return { content, spoken: `${place}: ${name}. ${story}.` };
}

/** `{content, spoken}` for one bit of a transcript. */
export function createBitCard(transcript, place) {
  const { bit, isGiven, surprise, probOne } = transcript.bitAt(place);
  const story = tell(isGiven, surprise);
  const whose = transcript.isFrame ? "compressed stream" : `byte ${formatNumber(Math.floor(place / 8) - transcript.numGivenBytes)}`;
  const where = isGiven ? "prompt" : transcript.isFrame ? `bit ${formatNumber(place)} · ${whose}` : `bit ${place % 8} · ${whose}`;
  const content = el(
    "div",
    { class: "byte-card" },
    head(String(bit), null, where),
    el("p", { class: `byte-card-story ${surprise == null ? "" : bitClass(surprise)}`, text: story }),
    probOne != null && el("p", { class: "byte-card-odds" }, "probability of 1 ", probBar(probOne), ` ${percent(probOne)}`),
  );
  return { content, spoken: `${where}: ${bit}. ${story}.` };
}

/** A share as a percentage with two figures that say something. */
export function percent(share) {
  if (share >= 0.9995) return "> 99.9 %";
  if (share >= 0.1) return `${(100 * share).toFixed(1)} %`;
  if (share >= 0.0001) return `${Number((100 * share).toPrecision(2))} %`;
  return "< 0.01 %";
}

function head(name, hex, place) {
  return el("p", { class: "byte-card-head" }, el("strong", { text: name }), hex && el("code", { text: hex }), el("span", { class: "byte-card-place", text: place }));
}

function tell(isGiven, surprise) {
  if (surprise == null) return isGiven ? "given, not predicted" : "surprise not measured";
  return `surprise ${short(surprise)} bits, probability ${percent(2 ** -surprise)}`;
}

function probBar(probOne) {
  return el("span", { class: "bit-bar" }, el("span", { class: "bit-bar-fill", style: { width: `${100 * probOne}%` } }));
}

function bitTable(bits, caption) {
  const rows = bits.map(({ bit, isGiven, surprise, probOne }, place) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: String(place) }),
      el("td", {}, el("span", { class: `bit ${isGiven ? "is-given" : bitClass(surprise)}`, text: String(bit) })),
      el("td", {}, isGiven ? "given" : probBar(probOne)),
      el("td", { class: "figure", text: isGiven ? "" : percent(probOne) }),
      el("td", { class: "figure", text: isGiven ? "" : short(surprise) }),
    ),
  );
  const heads = ["bit", "came", "probability of 1", "", "surprise"].map((text) => el("th", { scope: "col", text }));
  return el("table", { class: "bit-table" }, caption && el("caption", { text: caption }), el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows));
}
