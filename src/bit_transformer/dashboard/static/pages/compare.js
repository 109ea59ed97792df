/**
 * #/compare?runs=A,B,…: several runs over common axes, and what is different about them.
 *
 * The address holds the choice, so it can be kept and shared. Runs that are trained are asked
 * after in turn, never all at once: a browser has six connections to a server.
 */

import { api } from "../api.js";
import { createChart } from "../components/chart.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { selectField, sliderField } from "../components/field.js";
import { formatBytes, formatDuration, formatNumber, formatRatio } from "../components/format.js";
import { icon } from "../components/icons.js";
import { createMemory } from "../parts/form-memory.js";
import { AXES } from "../runs/run-charts.js";
import { flatten, shown } from "../runs/run-sections.js";
import { SeriesStore } from "../runs/series-store.js";
import { isLive, runLink, statusBadge } from "../runs/status.js";

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const NUM_COLOURS = 6;
const CHARTS = [
  { name: "compare-loss", title: "Training loss", unit: "bits per byte", isWide: true, from: ["train", "bits_per_byte"] },
  { name: "compare-valid", title: "Held-out loss", unit: "bits per byte", from: ["evaluate", "bits_per_byte"], style: "points" },
  { name: "compare-accuracy", title: "Accuracy", unit: "share of bits, held out", from: ["evaluate", "bit_accuracy"], style: "points", canLog: false },
  { name: "compare-speed", title: "Speed", unit: "KB per second", from: ["train", "bytes_per_s"], scale: 1e-3 },
  { name: "compare-rate", title: "Learning rate", from: ["train", "learning_rate"], canSmooth: false },
  { name: "compare-symbiosis", title: "S: symbiosis", unit: "0 to 1", from: ["telemetry", "s"], canLog: false },
  { name: "compare-ratio", title: "Compression ratio", unit: "original : compressed", from: ["views.compressed", "compression_ratio"], canLog: false },
];

/** Show the comparison. */
export async function mount(container, { query }) {
  const { runs } = await api.get("/runs");
  const page = new ComparePage(container, runs, (query.get("runs") ?? "").split(",").filter(Boolean));
  page.start();
  return () => page.stop();
}

class ComparePage {
  constructor(container, runs, ids) {
    this.runs = new Map(runs.map((run) => [run.id, run]));
    this.missing = ids.filter((id) => !this.runs.has(id));
    this.ids = ids.filter((id) => this.runs.has(id));
    this.stores = new Map();
    this.configs = new Map();
    this.memory = createMemory("compare");
    this.axis = this.memory.get("axis", "step");
    this.notice = el("div", { class: "stack" });
    this.losses = el("div", { class: "stack" });
    this.table = el("div", { class: "table-scroll" });
    this.differences = el("div", { class: "table-scroll" });
    this.charts = CHARTS.map((options) => ({ ...options, chart: createChart({ ...options, curves: [] }) }));
    this.picker = el("div", { class: "checks-list", role: "group", "aria-label": "Runs to compare" });
    this.body = el(
      "div",
      { class: "stack" },
      el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", { text: "Results" })), this.table),
      this.#settings(),
      el("div", { class: "charts" }, this.charts.map(({ chart }) => chart.element)),
      el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", { text: "Settings that differ" })), this.differences),
    );
    this.empty = el("div", { class: "empty" }, icon("compare"), el("h2", { text: "Choose two runs or more" }), el("p", { text: "Their curves are laid over each other, and what differs in their settings is listed." }));
    replaceChildren(
      container,
      el("header", { class: "page-head" }, el("div", {}, el("h1", { text: "Compare" }), el("p", { class: "page-lead", text: "Runs over common axes." }))),
      this.notice,
      this.losses,
      this.picker,
      this.empty,
      this.body,
    );
  }

  start() {
    if (this.missing.length) {
      const error = { kind: "RunError", what: `There is no run ${this.missing.join(", ")}.`, fix: "It may have been deleted or renamed; choose among those below.", fallbacks: [] };
      showError(this.notice, error, { title: "A run is missing" });
    }
    this.#choose(this.ids);
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
    for (const { chart } of this.charts) chart.destroy();
  }

  #settings() {
    const axis = selectField({
      label: "Horizontal axis", name: "axis", value: this.axis,
      choices: Object.entries(AXES).map(([value, label]) => ({ value, label })),
      onInput: (value) => {
        this.axis = value;
        this.memory.set("axis", value);
        for (const { chart } of this.charts) chart.setX(AXES[value]);
        this.#drawCharts();
      },
    });
    const smoothing = sliderField({
      label: "Smoothing", name: "smoothing", min: 0, max: 0.99, step: 0.01, value: this.memory.get("smoothing", 0.9),
      format: (value) => (value === 0 ? "off" : value.toFixed(2)),
      onInput: (value) => {
        this.memory.set("smoothing", value);
        for (const { chart } of this.charts) chart.setSmoothing(value);
      },
    });
    for (const { chart } of this.charts) {
      chart.setX(AXES[this.axis]);
      chart.setSmoothing(smoothing.value());
    }
    return el("div", { class: "chart-settings" }, el("h2", { text: "Charts" }), axis.element, smoothing.element);
  }

  #choose(ids) {
    this.ids = ids;
    const list = ids.map(encodeURIComponent).join(",");
    history.replaceState(null, "", `#/compare${list ? `?runs=${list}` : ""}`);
    this.#drawPicker();
    this.empty.hidden = ids.length > 0;
    this.body.hidden = ids.length === 0;
    this.#drawTable();
    this.refresh();
  }

  #drawPicker() {
    if (this.picker.childElementCount === this.runs.size) return;
    const boxes = [...this.runs.keys()].map((id) => {
      const toggle = () => this.#choose(box.checked ? [...this.ids, id] : this.ids.filter((one) => one !== id));
      const box = el("input", { type: "checkbox", checked: this.ids.includes(id), onchange: toggle });
      return el("label", { class: "check" }, box, el("span", { text: id }));
    });
    replaceChildren(this.picker, boxes);
  }

  async refresh() {
    clearTimeout(this.timer);
    const round = (this.round = (this.round ?? 0) + 1);
    try {
      for (const id of [...this.ids]) {
        if (this.isStopped || round !== this.round) return;
        await this.#refreshRun(id);
      }
      replaceChildren(this.losses);
    } catch (error) {
      // It goes on by itself when the server is back; meanwhile the error is told once.
      const isTold = this.losses.childElementCount > 0;
      if (!this.isStopped && !isTold) showError(this.losses, error, { fallbacks: { retry: () => this.refresh() } });
    }
    if (this.isStopped || round !== this.round) return;
    this.#drawDifferences();
    const isAnyLive = this.ids.some((id) => isLive(this.runs.get(id)));
    this.timer = setTimeout(() => (document.hidden ? this.#later() : this.refresh()), isAnyLive ? 1000 : 5000);
  }

  #later() {
    const again = () => {
      document.removeEventListener("visibilitychange", again);
      if (!this.isStopped) this.refresh();
    };
    document.addEventListener("visibilitychange", again);
  }

  async #refreshRun(id) {
    if (!this.configs.has(id)) this.configs.set(id, (await api.get(`/runs/${encodeURIComponent(id)}`)).config);
    if (!this.stores.has(id)) this.stores.set(id, new SeriesStore());
    const store = this.stores.get(id);
    const query = new URLSearchParams({ since: store.next, max_points: 1000 });
    const answer = await api.get(`/runs/${encodeURIComponent(id)}/metrics?${query}`);
    const isChanged = store.absorb(answer);
    this.runs.set(id, answer.run);
    if (this.isStopped || !(isChanged || !this.drawn?.has(id))) return;
    this.drawn = new Set([...(this.drawn ?? []), id]);
    this.#drawCharts();
    this.#drawTable();
  }

  #style(id) {
    const index = [...this.runs.keys()].indexOf(id);
    const place = this.ids.indexOf(id);
    return { colour: `--series-${((place < 0 ? index : place) % NUM_COLOURS) + 1}`, dash: DASHES[place % DASHES.length] };
  }

  #drawCharts() {
    for (const { chart, from: [table, column], scale = 1, style = "line" } of this.charts) {
      chart.setCurves(this.ids.map((id) => ({ id, label: id, style, ...this.#style(id) })));
      const curves = this.ids.map((id) => {
        const { x, y } = this.stores.get(id)?.curve(table, column, this.axis) ?? { x: [], y: [] };
        return [id, { x, y: scale === 1 ? y : y.map((value) => value * scale) }];
      });
      chart.update(Object.fromEntries(curves));
    }
  }

  #drawTable() {
    const columns = [
      ["Held out", (run) => formatNumber(heldOut(run), 3)],
      ["Training", (run) => formatNumber(run.bits_per_byte, 3)],
      ["Steps", (run) => formatNumber(run.progress.step)],
      ["Time", (run) => formatDuration(run.progress.elapsed_s ?? undefined)],
      ["Speed", (run) => (run.bytes_per_s === null ? "–" : `${formatBytes(run.bytes_per_s)}/s`)],
      ["Ratio", (run) => formatRatio(run.compression_ratio)],
    ];
    const losses = this.ids.map((id) => heldOut(this.runs.get(id))).filter((loss) => loss !== null);
    const best = Math.min(...losses);
    const rows = this.ids.map((id) => {
      const run = this.runs.get(id);
      const isBest = losses.length > 1 && heldOut(run) === best;
      const { colour } = this.#style(id);
      return el(
        "tr",
        {},
        el("td", {}, el("span", { class: "swatch", style: { background: `var(${colour})` }, "aria-hidden": "true" }), el("a", { href: runLink(id), text: id }), isBest && el("span", { class: "winner", text: "lowest" })),
        el("td", {}, statusBadge(run)),
        columns.map(([, value]) => el("td", { class: "is-number", text: value(run) })),
      );
    });
    const head = el("tr", {}, el("th", { scope: "col", text: "Run" }), el("th", { scope: "col", text: "State" }), columns.map(([title]) => el("th", { scope: "col", class: "is-number", text: title })));
    replaceChildren(this.table, el("table", { class: "table" }, el("caption", { class: "visually-hidden", text: "Loss in bits per byte, and what it took" }), el("thead", {}, head), el("tbody", {}, rows)));
  }

  #drawDifferences() {
    const flat = this.ids.map((id) => flatten(this.configs.get(id) ?? {}));
    const names = [...new Set(flat.flatMap(Object.keys))].filter((name) => new Set(flat.map((config) => shown(config[name]))).size > 1);
    if (this.ids.length < 2 || !names.length) {
      replaceChildren(this.differences, el("p", { class: "weak", text: this.ids.length < 2 ? "One run alone differs from nothing." : "These runs have the same settings." }));
      return;
    }
    const head = el("tr", {}, el("th", { scope: "col", text: "Setting" }), this.ids.map((id) => el("th", { scope: "col", text: id })));
    const rows = names.map((name) => el("tr", {}, el("th", { scope: "row" }, el("code", { text: name })), flat.map((config) => el("td", { class: "number", text: shown(config[name]) }))));
    replaceChildren(this.differences, el("table", { class: "table" }, el("thead", {}, head), el("tbody", {}, rows)));
  }
}

function heldOut(run) {
  return run.best_bits_per_byte ?? run.held_out_bits_per_byte;
}
