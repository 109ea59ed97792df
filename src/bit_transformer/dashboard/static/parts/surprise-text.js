/**
 * A transcript coloured by how much it surprised the model: as text, as hexadecimal or as bits.
 *
 * One coloured span stands for one character (its bytes together) in text, for one byte in
 * hexadecimal, and for one bit. Pointing at it, or moving to it with the arrow keys, shows what
 * the model expected. Invariant: what is drawn depends on the transcript and the form alone, so a
 * stream drawn chunk by chunk looks like one drawn at once.
 */

import { el, replaceChildren, uniqueId } from "../components/element.js";
import { formatNumber } from "../components/format.js";
import { createBitCard, createByteCard } from "./byte-card.js";
import { addCursor } from "./cursor.js";
import { createFloatingCard } from "./floating-card.js";
import { bitClass, byteClass } from "./surprise-scale.js";
import { hexByte, picture, splitCharacters } from "./utf8.js";

const MOST_DRAWN = { text: 8192, hex: 4096, bits: 12_288 };

/** The view of a transcript: `{element, update(isEnd), setForm(form)}`; `label` is for screen readers. */
export function createSurpriseText(transcript, label, form = "text") {
  const hint = uniqueId("surprise-hint");
  const body = el("div", { class: "surprise-text", tabindex: 0, role: "group", "aria-label": label, "aria-describedby": hint });
  const more = el("p", { class: "surprise-more", hidden: true });
  const card = createFloatingCard();
  const help = el("span", { id: hint, class: "visually-hidden", text: "Arrow keys move from place to place and tell what the model expected of each." });
  const element = el("div", { class: "surprise" }, body, more, help, card.element);
  const state = { form, units: [], numDrawn: 0, isEnd: false, limit: MOST_DRAWN[form] };

  const cursor = addCursor(body, "[data-unit]", {
    onShow(target, isByKeyboard) {
      const unit = state.units[Number(target.dataset.unit)];
      const { content, spoken } = state.form === "bits" ? createBitCard(transcript, unit.start) : createByteCard(transcript, unit);
      card.show(target, content, isByKeyboard ? spoken : "");
    },
    onHide: () => card.hide(),
  });

  function draw() {
    const total = state.form === "bits" ? transcript.numBits : transcript.numBytes;
    const last = Math.min(total, state.limit);
    const nodes = state.form === "bits" ? drawBits(transcript, state, last, body) : drawBytes(transcript, state, last, total);
    body.append(...nodes);
    const hidden = total - state.limit;
    more.hidden = hidden <= 0;
    if (hidden > 0) replaceChildren(more, `${formatNumber(hidden)} more ${state.form === "bits" ? "bits" : "bytes"} are not drawn. `, moreButton());
  }

  function moreButton() {
    const onclick = () => {
      state.limit += MOST_DRAWN[state.form];
      draw();
    };
    return el("button", { type: "button", class: "button button-quiet", onclick }, "Show more");
  }

  function redraw() {
    cursor.forget();
    body.replaceChildren();
    body.dataset.form = state.form;
    Object.assign(state, { units: [], numDrawn: 0, limit: MOST_DRAWN[state.form] });
    draw();
  }

  redraw();
  return {
    element,
    update(isEnd = false) {
      state.isEnd = isEnd;
      draw();
    },
    setForm(next) {
      if (next === state.form) return;
      state.form = next;
      redraw();
    },
  };
}

/** The nodes of the bytes that are not drawn yet, up to `last`. */
function drawBytes(transcript, state, last, total) {
  if (state.numDrawn >= last) return [];
  const first = state.numDrawn;
  const records = Array.from({ length: last - first }, (_, place) => transcript.byteAt(first + place));
  const pieces = state.form === "hex" ? records.map(asHexPiece) : splitAtPrompt(transcript, records, first, state.isEnd || last < total);
  const nodes = [];
  for (const piece of pieces) {
    const unit = { start: first + piece.start, length: piece.length, text: piece.text };
    state.units.push(unit);
    nodes.push(...byteNodes(unit, records.slice(piece.start, piece.start + piece.length), state));
    state.numDrawn = unit.start + unit.length;
  }
  return nodes;
}

function asHexPiece({ byte }, start) {
  return { start, length: 1, text: byte < 128 ? String.fromCharCode(byte) : null };
}

/** Characters of the prompt, then of the output: none belongs to both. */
function splitAtPrompt(transcript, records, first, isEnd) {
  const bytes = Uint8Array.from(records, ({ byte }) => byte);
  const border = Math.max(0, transcript.numGivenBytes - first);
  const given = splitCharacters(bytes.subarray(0, border), true);
  const made = splitCharacters(bytes.subarray(border), isEnd);
  return [...given, ...made.map((piece) => ({ ...piece, start: piece.start + border }))];
}

function byteNodes(unit, records, state) {
  const number = state.units.length - 1;
  const colour = records[0].isGiven ? "is-given" : byteClass(sumOf(records));
  if (state.form === "hex") return [el("span", { class: `unit unit-hex ${colour}`, "data-unit": number }, hexByte(records[0].byte))];
  const { shown, isMark, breaks } = picture(unit.text, records[0].byte);
  const span = el("span", { class: `unit ${colour}${isMark ? " is-mark" : ""}`, "data-unit": number }, shown);
  return breaks ? [span, "\n"] : [span];
}

/** The surprise of several bytes together; null where one has none. */
export function sumOf(records) {
  return records.some(({ surprise }) => surprise == null) ? null : records.reduce((sum, { surprise }) => sum + surprise, 0);
}

/** The nodes of the bits that are not drawn yet; a group of eight that was begun is filled up. */
function drawBits(transcript, state, last, body) {
  const nodes = [];
  let group = state.numDrawn % 8 ? body.lastElementChild : null;
  for (let place = state.numDrawn; place < last; place += 1) {
    if (place % 8 === 0) {
      group = el("span", { class: "bit-group" });
      nodes.push(group);
    }
    const { bit, isGiven, surprise } = transcript.bitAt(place);
    state.units.push({ start: place });
    group.append(el("span", { class: `bit ${isGiven ? "is-given" : bitClass(surprise)}`, "data-unit": place }, String(bit)));
  }
  state.numDrawn = Math.max(state.numDrawn, last);
  return nodes;
}
