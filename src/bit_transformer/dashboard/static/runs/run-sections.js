/**
 * What a run's page has below its charts: gates, samples, settings, log. Each is an element that
 * is told what is new.
 */

import { api } from "../api.js";
import { copyText } from "../components/clipboard.js";
import { el, replaceChildren } from "../components/element.js";
import { formatBytes, formatNumber } from "../components/format.js";
import { icon } from "../components/icons.js";

/** What the gates on K, C and S said, the last first; hidden while they said nothing. */
export function gatesSection() {
  const list = el("ul", { class: "gate-list" });
  const element = el("section", { class: "card", hidden: true }, el("div", { class: "card-head" }, el("h2", { text: "Gates" }), el("p", { class: "small weak", text: "bounds on K, C and S that warn of drift, or stop the run" })), list);
  function update(gates) {
    const told = gates.filter(({ action }) => action !== "pass");
    element.hidden = told.length === 0;
    const items = told.slice(-12).reverse().map(({ step, action, reasons }) =>
      el("li", { class: `gate gate-${action}` }, icon("alert"), el("span", { class: "number", text: `step ${formatNumber(step)}` }), el("strong", { text: action === "stop" ? "stopped" : "warned" }), el("span", { text: reasons.join("; ") })),
    );
    replaceChildren(list, items);
  }
  return { element, update };
}

/** What the model wrote while it was trained; asked for again as steps go by. */
export function samplesSection(id) {
  const list = el("div", { class: "samples" });
  const element = el("section", { class: "card", hidden: true }, el("div", { class: "card-head" }, el("h2", { text: "Samples" }), el("p", { class: "small weak", text: "what the model wrote on the way" })), list);
  let isStopped = false;
  let lastAsked = -Infinity;

  async function refresh(run) {
    const isDue = performance.now() - lastAsked > 5000 || run.status !== refresh.status;
    if (isStopped || !isDue) return;
    lastAsked = performance.now();
    refresh.status = run.status;
    const { samples } = await api.get(`/runs/${encodeURIComponent(id)}/samples?last=8`).catch(() => ({ samples: [] }));
    if (isStopped || !samples.length) return;
    element.hidden = false;
    replaceChildren(list, [...samples].reverse().map(sampleOf));
  }

  return { element, refresh, stop: () => (isStopped = true) };
}

function sampleOf({ step, prompt, text, view, codec }) {
  const how = [`step ${formatNumber(step)}`, view && view !== "raw" && view, codec].filter(Boolean).join(" · ");
  return el(
    "article",
    { class: "sample" },
    el("h3", { class: "number small weak", text: how }),
    el("pre", { class: "sample-text", tabindex: 0, "aria-label": `Sample of ${how}` }, prompt && el("span", { class: "sample-prompt", text: prompt }), text),
  );
}

/** The settings, the machine and the checkpoints of a run: `{element, update(detail)}`. */
export function configSection(first) {
  let detail = first;
  const copy = () => copyText(JSON.stringify(detail.config, null, 2), "The settings are in the clipboard");
  const lists = { settings: foldedList("All settings", true), checkpoints: foldedList("Checkpoints"), machine: foldedList("Machine") };
  const element = el(
    "section",
    { class: "card" },
    el(
      "div",
      { class: "card-head" },
      el("h2", { text: "Settings" }),
      el("div", { class: "row" }, el("button", { type: "button", class: "button button-small", onclick: copy }, icon("copy"), "Copy as JSON"), el("a", { class: "button button-small", href: `#/new?from=${encodeURIComponent(detail.id)}` }, icon("plus"), "New run with these")),
    ),
    el("p", { class: "small weak" }, "Folder ", el("code", { text: detail.folder })),
    Object.values(lists).map((list) => list.element),
  );
  function update(next) {
    detail = next;
    lists.settings.update(Object.entries(flatten(detail.config)));
    lists.machine.update(Object.entries(flatten(detail.environment ?? {})));
    lists.checkpoints.update(detail.checkpoints.map(checkpointFact));
  }
  update(first);
  return { element, update };
}

function checkpointFact({ step, is_best: isBest, num_bytes: size }) {
  return [`step ${formatNumber(step)}${isBest ? ", best" : ""}`, formatBytes(size)];
}

/** Names with values that fold away; it stays open or closed when they change. */
function foldedList(title, isAlwaysShown = false) {
  const count = el("span", { class: "weak small" });
  const list = el("dl", { class: "facts" });
  const element = el("details", { class: "folded" }, el("summary", {}, title, count), list);
  function update(entries) {
    element.hidden = !entries.length && !isAlwaysShown;
    count.textContent = ` ${entries.length}`;
    replaceChildren(list, entries.map(([name, value]) => el("div", { class: "fact" }, el("dt", { text: name }), el("dd", { class: "number", text: shown(value) }))));
  }
  return { element, update };
}

/** The last lines that the training process printed. */
export function logSection() {
  const text = el("pre", { class: "log", tabindex: 0, "aria-label": "Output of the training process" });
  const element = el("details", { class: "folded card", hidden: true }, el("summary", { text: "Output of the training process" }), text);
  function update(log) {
    element.hidden = !log;
    text.textContent = log;
  }
  return { element, update };
}

/** Nested settings as one level of names with dots. */
export function flatten(value, prefix = "") {
  const flat = {};
  for (const [key, item] of Object.entries(value)) {
    const name = prefix ? `${prefix}.${key}` : key;
    if (item && typeof item === "object" && !Array.isArray(item)) Object.assign(flat, flatten(item, name));
    else flat[name] = item;
  }
  return flat;
}

/** A setting's value as text. */
export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "none";
  return String(value);
}
