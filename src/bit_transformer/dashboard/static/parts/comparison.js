/**
 * The first half of the codec lab: data in, and what every codec makes of it.
 *
 * Bars beside each other, the winner marked, each result to be downloaded or looked at bit by
 * bit. What compresses is the data of the last comparison, also when the form has changed since.
 */

import { api, isAbort } from "../api.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { checksField, numberField } from "../components/field.js";
import { formatBytes, formatRatio } from "../components/format.js";
import { icon } from "../components/icons.js";
import { toast } from "../components/toast.js";
import { LABELS, pickCodec, waysOn } from "./recovery.js";
import { createSizeBars } from "./size-bars.js";
import { createSourceInput } from "./source-input.js";

/** The half: `{element, useFile(file), unmount()}`; `onLook(source, codec)`, `onFrame(download)`. */
export function createComparison({ server, memory, onLook, onFrame }) {
  const available = server.codecs.filter(({ is_available: isAvailable }) => isAvailable).map(({ name }) => name);
  const missing = server.codecs.filter(({ is_available: isAvailable }) => !isAvailable);
  const input = createSourceInput({ label: "Data", memory: memory.part("data"), limits: server.limits, rows: 9, placeholder: "Paste text, or drop a file here" });
  const checks = checksField({ label: "Codecs", name: "codecs", choices: available, value: memory.get("codecs", available), onInput: (value) => memory.set("codecs", value) });
  const level = numberField({ label: "Level", name: "level", step: 1, placeholder: "default", value: memory.get("level"), onInput: (value) => memory.set("level", value), hint: "for codecs that have levels" });
  const go = el("button", { type: "submit", class: "button button-primary button-large" }, icon("codec"), "Compare");
  const results = el("div", { class: "comparison-results" });
  const status = el("p", { class: "visually-hidden", role: "status" });
  const errors = el("div", { class: "form-errors" });
  const form = el(
    "form",
    { class: "card lab-form lab-data", "aria-label": "Data to compress", novalidate: true },
    input.element,
    el(
      "div",
      { class: "lab-choices" },
      checks.element,
      el("details", { class: "lab-more" }, el("summary", { text: "More" }), level.element, missing.length > 0 && missingList(missing)),
      el("div", { class: "prompt-actions" }, go),
    ),
    errors,
  );
  let stopper = null;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy()) compare();
  });
  // A button that were disabled would drop the focus.
  const isBusy = () => go.getAttribute("aria-disabled") === "true";

  async function compare() {
    stopper?.abort();
    stopper = new AbortController();
    const { signal } = stopper;
    go.setAttribute("aria-disabled", "true");
    errors.replaceChildren();
    results.classList.add("is-stale");
    status.textContent = "Comparing …";
    try {
      const chosen = checks.value();
      const source = await input.source({ signal });
      const body = { source, codecs: chosen.length ? chosen : null, level: level.value() };
      show(await api.post("/codecs/compare", body, { signal }), source);
    } catch (error) {
      status.textContent = "";
      if (!isAbort(error)) fail(error, compare);
    } finally {
      if (signal === stopper.signal) finish();
    }
  }

  function finish() {
    go.setAttribute("aria-disabled", "false");
    results.classList.remove("is-stale");
  }

  function show(answer, source) {
    const winners = answer.results.filter(({ is_smallest: isSmallest }) => isSmallest);
    const [best] = winners;
    const names = winners.map(({ name }) => name).join(" and ");
    const headline = best
      ? `${names} ${winners.length > 1 ? "are" : "is"} smallest: ${formatBytes(Math.ceil(answer.num_source_bits / 8))} become ${formatBytes(Math.ceil(best.num_bits / 8))}, ${formatRatio(best.compression_ratio)}.`
      : "No codec could be used.";
    status.textContent = headline;
    const table = createSizeBars(answer, (result) => actions(result, source));
    replaceChildren(results, el("section", { class: "card", "aria-label": "Comparison" }, el("h2", { class: "lab-headline", text: headline }), table));
    if (best) {
      onLook(source, best.name, level.value());
    }
  }

  function actions({ name }, source) {
    const look = () => onLook(source, name, level.value(), { isAsked: true });
    return [
      el("button", { type: "button", class: "icon-button", "aria-label": `See the bits of ${name}`, title: "See the bits", onclick: look }, icon("search")),
      el("button", { type: "button", class: "icon-button", "aria-label": `Download as a ${name} frame`, title: "Download the frame", onclick: () => download(name, source) }, icon("download")),
    ];
  }

  async function download(codec, source) {
    try {
      const answer = await api.post("/codecs/compress", { source, codec, level: level.value() });
      await api.download(`/downloads/${answer.download.id}`, answer.download.name);
      toast(`Saved ${answer.download.name}, ${formatBytes(answer.download.num_bytes)}`, {
        kind: "good",
        action: { label: "And back", run: () => onFrame(answer.download) },
      });
    } catch (error) {
      fail(error, () => download(codec, source), (other) => download(other, source));
    }
  }

  /** Show what went wrong, with the ways on that fit; `use` does the same with another codec. */
  function fail(error, again, use = null) {
    const extra = { other_codec: () => pickCodec(server.codecs, { isForModel: false, use: use ?? useOnly }) };
    showError(errors, error, { fallbacks: waysOn(error, { input, limits: server.limits, again, extra }), labels: LABELS });
  }

  function useOnly(name) {
    checks.set([name]);
    memory.set("codecs", [name]);
    return compare();
  }

  return {
    element: el("div", { class: "lab-half" }, form, status, results),
    compare,
    useSource(kind, value) {
      input.setText(kind, value);
      return compare();
    },
    useFile(file) {
      input.setFile(file);
      form.scrollIntoView({ block: "start", behavior: "smooth" });
      return compare();
    },
    input,
    unmount: () => stopper?.abort(),
  };
}

function missingList(missing) {
  const items = missing.map(({ name, install }) => el("li", {}, el("strong", { text: name }), install && [" ", el("code", { text: install })]));
  return el("div", { class: "lab-missing" }, el("p", { text: "Not installed here:" }), el("ul", {}, items));
}
