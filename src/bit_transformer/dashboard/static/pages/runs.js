/**
 * #/runs: all runs of the folder, live, to be found, opened and compared.
 *
 * The list is asked for every second while something runs, else every four, and only while the
 * page is looked at. Rows are kept and updated in place, so focus and selection survive. The small
 * curve of a run is asked for once, and again while it runs.
 */

import { api } from "../api.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { formatAgo, formatNumber, formatRatio } from "../components/format.js";
import { icon } from "../components/icons.js";
import { sparkline } from "../components/sparkline.js";
import { createMemory } from "../parts/form-memory.js";
import { isLive, progressBar, progressWords, runLink, statusBadge, viewsOf } from "../runs/status.js";

const ORDERS = {
  recent: { label: "Newest first", compare: () => 0 },
  best: { label: "Lowest loss first", compare: (a, b) => (lossOf(a) ?? Infinity) - (lossOf(b) ?? Infinity) },
  name: { label: "By name", compare: (a, b) => a.id.localeCompare(b.id) },
};
const CURVE_POINTS = 60;
const CURVE_PAUSE_MS = 5000;

/** Show the list. */
export async function mount(container) {
  const page = new RunsPage(container);
  await page.start();
  return () => page.stop();
}

class RunsPage {
  constructor(container) {
    this.memory = createMemory("runs");
    this.rows = new Map();
    this.chosen = new Set(this.memory.get("chosen", []));
    this.filter = this.memory.get("filter", "");
    this.order = this.memory.get("order", "recent");
    this.runs = [];
    this.list = el("ul", { class: "run-list", "aria-label": "Runs" });
    this.notice = el("div", { class: "stack" });
    this.compareButton = el("a", { class: "button", href: "#/compare" }, icon("compare"), el("span", { text: "Compare" }));
    this.count = el("p", { class: "page-lead number" });
    replaceChildren(container, this.#head(), this.notice, this.list);
    this.onVisible = () => !document.hidden && this.refresh();
  }

  async start() {
    document.addEventListener("visibilitychange", this.onVisible);
    await this.refresh();
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  #head() {
    const search = el("input", {
      class: "input", type: "search", placeholder: "Find a run", "aria-label": "Find a run", value: this.filter,
      oninput: () => this.#remember("filter", search.value),
    });
    const order = el(
      "select",
      { class: "select", "aria-label": "Order", onchange: () => this.#remember("order", order.value) },
      Object.entries(ORDERS).map(([value, { label }]) => el("option", { value }, label)),
    );
    order.value = this.order in ORDERS ? this.order : "recent";
    return el(
      "header",
      { class: "page-head" },
      el("div", {}, el("h1", { text: "Runs" }), this.count),
      el("div", { class: "row list-tools" }, search, order, this.compareButton, el("a", { class: "button button-primary", href: "#/new" }, icon("plus"), "New run")),
    );
  }

  #remember(name, value) {
    this[name] = value;
    this.memory.set(name, value);
    this.draw();
  }

  async refresh() {
    clearTimeout(this.timer);
    try {
      ({ runs: this.runs } = await api.get("/runs"));
      if (this.isStopped) return;
      replaceChildren(this.notice);
      this.draw();
    } catch (error) {
      if (!this.isStopped && !this.notice.firstChild) {
        showError(this.notice, error, { fallbacks: { retry: () => this.refresh() } });
      }
    }
    if (this.isStopped || document.hidden) return;
    this.timer = setTimeout(() => this.refresh(), this.runs.some(isLive) ? 1000 : 4000);
  }

  draw() {
    const word = this.filter.trim().toLowerCase();
    const found = this.runs.filter((run) => [run.id, run.status, ...run.codecs].some((text) => text.toLowerCase().includes(word)));
    found.sort((ORDERS[this.order] ?? ORDERS.recent).compare);
    const numLive = this.runs.filter(isLive).length;
    this.count.textContent = this.runs.length ? `${this.runs.length} in all, ${numLive ? `${numLive} running` : "none running"}` : "";
    const rows = found.map((run) => this.#row(run));
    if (rows.length) placeInOrder(this.list, rows);
    else replaceChildren(this.list, el("li", {}, this.runs.length ? nothingFound(this.filter) : noRuns()));
    const ids = new Set(this.runs.map(({ id }) => id));
    this.chosen = new Set([...this.chosen].filter((id) => ids.has(id)));
    this.#drawCompare();
  }

  #row(run) {
    if (!this.rows.has(run.id)) this.rows.set(run.id, new Row(run, this.chosen.has(run.id), (isOn) => this.#choose(run.id, isOn)));
    const row = this.rows.get(run.id);
    row.update(run);
    return row.element;
  }

  #choose(id, isOn) {
    if (isOn) this.chosen.add(id);
    else this.chosen.delete(id);
    this.memory.set("chosen", [...this.chosen]);
    this.#drawCompare();
  }

  #drawCompare() {
    const ids = [...this.chosen].map(encodeURIComponent).join(",");
    this.compareButton.href = ids ? `#/compare?runs=${ids}` : "#/compare";
    this.compareButton.lastChild.textContent = ids ? `Compare ${this.chosen.size}` : "Compare";
  }
}

class Row {
  constructor(run, isChosen, onChoose) {
    this.id = run.id;
    this.lastCurve = -Infinity;
    const box = el("input", { type: "checkbox", checked: isChosen, "aria-label": `Choose ${run.id} for comparison`, onchange: () => onChoose(box.checked) });
    this.state = el("span");
    this.age = el("span", { class: "weak" });
    this.facts = el("p", { class: "run-facts" });
    this.progress = el("div", { class: "run-progress" });
    this.curve = el("div", { class: "run-curve" });
    this.loss = el("div", { class: "run-loss" });
    this.element = el(
      "li",
      { class: "run-row", dataset: { run: run.id } },
      el("label", { class: "run-choose" }, box),
      el("div", { class: "run-name row" }, el("a", { class: "run-link", href: runLink(run.id), text: run.id }), this.state),
      this.facts,
      this.progress,
      this.curve,
      this.loss,
    );
  }

  update(run) {
    const shown = JSON.stringify(run);
    this.age.textContent = formatAgo(run.updated);
    if (shown !== this.shown) {
      this.shown = shown;
      replaceChildren(this.state, statusBadge(run));
      replaceChildren(this.progress, progressBar(run), el("span", { class: "row row-between number" }, progressWords(run), this.age));
      replaceChildren(this.facts, viewsOf(run), ...factsOf(run));
      replaceChildren(this.loss, ...lossFigures(run));
      this.#updateCurve(run);
    }
  }

  async #updateCurve(run) {
    if (performance.now() - this.lastCurve < CURVE_PAUSE_MS || run.progress.step < 2) return;
    this.lastCurve = performance.now();
    try {
      const { series } = await api.get(`/runs/${encodeURIComponent(run.id)}/metrics?max_points=${CURVE_POINTS}`);
      replaceChildren(this.curve, sparkline(series.train.bits_per_byte ?? [], { colour: isLive(run) ? "var(--accent)" : "var(--ink-3)" }));
    } catch {
      // The curve decorates; what is wrong with the run is told on its page.
      replaceChildren(this.curve);
    }
  }
}

function lossOf(run) {
  return run.best_bits_per_byte ?? run.held_out_bits_per_byte ?? run.bits_per_byte;
}

function lossFigures(run) {
  const isHeldOut = (run.best_bits_per_byte ?? run.held_out_bits_per_byte) !== null;
  const loss = lossOf(run);
  if (loss === null) return [el("span", { class: "weak", text: "no loss yet" })];
  return [
    el("strong", { class: "number", text: formatNumber(loss, 3) }),
    el("span", { class: "run-loss-unit", text: isHeldOut ? "bits per byte, held out" : "bits per byte, training" }),
  ];
}

function factsOf(run) {
  const ratio = run.compression_ratio !== null && run.codecs.length > 0 && (run.compress_prob || run.direct_prob);
  const facts = [run.patch_bits && run.patch_bits !== 8 && `${run.patch_bits}-bit patches`, ratio && `${run.codecs.join(", ")} ${formatRatio(run.compression_ratio)}`];
  return facts.filter(Boolean).map((text) => el("span", { text }));
}

function noRuns() {
  return el(
    "div",
    { class: "empty" },
    icon("chart"),
    el("h2", { text: "No run yet" }),
    el("p", { text: "Start one here in a minute, or from a terminal: it appears by itself." }),
    el("div", { class: "row" }, el("a", { class: "button button-primary", href: "#/new" }, icon("plus"), "Start the first run"), el("code", { text: "bit-transformer demo" })),
  );
}

function nothingFound(filter) {
  return el("div", { class: "empty" }, el("p", { text: `No run is called or marked “${filter}”.` }));
}

/** The elements in this order, moving only what is elsewhere, so that focus stays. */
function placeInOrder(list, elements) {
  for (const child of [...list.children]) {
    if (!elements.includes(child)) child.remove();
  }
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}
