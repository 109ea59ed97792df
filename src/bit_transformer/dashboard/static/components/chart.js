/**
 * A chart in a card: curves over a common axis, kept up to date without losing the zoom.
 *
 *   const chart = createChart({ title: "Loss", unit: "bits per byte", xLabel: "step",
 *     curves: [{ id: "train", label: "train", colour: "--series-raw", dash: "solid", style: "line" }],
 *     lines: [{ value: 8, label: "coin" }], canSmooth: true, isLog: false, name: "loss" });
 *   container.append(chart.element);
 *   chart.update({ train: { x: [1, 2], y: [3, 2], text: ["hover", …] } });   // whole curves
 *   chart.setSmoothing(0.9);  chart.setX("seconds");  chart.setCurves([…]);  chart.setNote("…");
 *   chart.setTag("…");  chart.destroy();
 *
 * `colour` names a variable of style.css, so that charts follow the theme; `style` is "line",
 * "points" (line with marks) or "marks"; one with `isInLegend: false` has no entry there. Two curves never differ in colour alone: give a dash.
 * A chart draws only while it is on the screen, and all of them together for no more than a fifth
 * of the time, whatever the rate of updates. Its last values are its text for screen readers. The toolbar has: log axis,
 * zoom out, CSV (all points as given, unsmoothed) and PNG.
 */

import { saveFile } from "../api.js";
import { el } from "./element.js";
import { showError } from "./error-card.js";
import { formatSignificant } from "./format.js";
import { icon } from "./icons.js";
import { loadPlotly } from "./plotly.js";
import { smooth, toCsv } from "./series.js";
import { theme } from "./theme.js";
import { toast } from "./toast.js";

const SHARE_OF_TIME = 0.2;
const LONGEST_PAUSE_MS = 2000;

/** When any chart of the page may draw again: they share their share of the browser's time. */
let nextDraw = 0;

const HEIGHT = 250;

/** A chart; see above. */
export function createChart(options) {
  return new Chart(options);
}

class Chart {
  constructor({ title, note, unit = "", xLabel = "step", curves, lines = [], canSmooth = true, isLog = false, canLog = true, name, range, isWide }) {
    Object.assign(this, { title, unit, xLabel, curves, lines, canSmooth, isLog, name, range });
    this.data = {};
    this.smoothing = 0;
    this.isVisible = false;
    this.isDirty = true;
    this.isEmpty = true;
    this.timer = null;
    this.plot = el("div", { class: "chart-plot", role: "img", "aria-label": title });
    this.empty = el("p", { class: "chart-empty", text: "Nothing measured yet." });
    this.element = el(
      "figure",
      { class: isWide ? "chart chart-wide" : "chart", "aria-label": title, dataset: { chart: name } },
      el("figcaption", { class: "chart-head" }, this.#caption(title, note), this.#toolbar(canLog)),
      el("div", { class: "chart-body" }, this.plot, this.empty),
    );
    this.observer = new IntersectionObserver(([entry]) => {
      this.isVisible = entry.isIntersecting;
      if (this.isVisible && this.isDirty) this.#schedule();
    }, { rootMargin: "120px" });
    this.observer.observe(this.element);
    this.stopTheme = theme.subscribe(() => this.#touch());
    this.resizes = new ResizeObserver(() => this.#touch());
    this.resizes.observe(this.element);
  }

  update(data) {
    this.data = data;
    this.#describe();
    this.#touch();
  }

  setSmoothing(weight) {
    this.smoothing = weight;
    this.#touch();
  }

  setCurves(curves) {
    this.curves = curves;
    this.#touch();
  }

  setX(xLabel) {
    this.xLabel = xLabel;
    this.revision = (this.revision ?? 0) + 1;
    this.#touch();
  }

  setLines(lines) {
    this.lines = lines;
    this.#touch();
  }

  setNote(note) {
    this.note.textContent = note;
    this.note.hidden = !note;
  }

  setTag(tag) {
    this.tag.textContent = tag ?? "";
    this.tag.hidden = !tag;
  }

  destroy() {
    this.isDestroyed = true;
    clearTimeout(this.timer);
    this.observer.disconnect();
    this.resizes.disconnect();
    this.stopTheme();
    if (this.isDrawn) globalThis.Plotly?.purge(this.plot);
  }

  #caption(title, note) {
    this.tag = el("span", { class: "chart-tag", hidden: true });
    this.note = el("p", { class: "chart-note", text: note ?? "", hidden: !note });
    return el(
      "div",
      { class: "chart-title" },
      el("h3", {}, title, this.unit && el("span", { class: "chart-unit", text: this.unit }), this.tag),
      this.note,
    );
  }

  #toolbar(canLog) {
    const tool = (name, label, run, attributes = {}) =>
      el("button", { type: "button", class: "icon-button", title: label, "aria-label": `${label}: ${this.title}`, onclick: run, ...attributes }, name.length > 3 ? icon(name) : name);
    this.logButton = el(
      "button",
      { type: "button", class: "icon-button text-button", "aria-pressed": String(this.isLog), title: "Logarithmic axis", "aria-label": `Logarithmic axis: ${this.title}`, onclick: () => this.#switchLog() },
      "log",
    );
    return el(
      "div",
      { class: "chart-tools" },
      canLog && this.logButton,
      tool("zoomOut", "Show everything", () => this.#zoomOut()),
      el("button", { type: "button", class: "icon-button text-button", title: "Save the numbers as CSV", "aria-label": `CSV: ${this.title}`, onclick: () => this.#saveCsv() }, "csv"),
      el("button", { type: "button", class: "icon-button text-button", title: "Save the picture as PNG", "aria-label": `PNG: ${this.title}`, onclick: () => this.#savePng() }, "png"),
    );
  }

  #switchLog() {
    this.isLog = !this.isLog;
    this.logButton.setAttribute("aria-pressed", String(this.isLog));
    this.#touch();
  }

  #zoomOut() {
    if (!this.isDrawn) return;
    globalThis.Plotly.relayout(this.plot, { "xaxis.autorange": true, "yaxis.autorange": !this.range, ...(this.range ? { "yaxis.range": this.range } : {}) });
  }

  #saveCsv() {
    const columns = {};
    for (const { id, label } of this.curves) {
      const curve = this.data[id];
      if (!curve?.x.length) continue;
      columns[`${label}: ${this.xLabel}`] = curve.x;
      columns[`${label}: ${this.title}`] = curve.y;
    }
    saveFile(new Blob([toCsv(columns)], { type: "text/csv" }), `${this.name}.csv`);
  }

  async #savePng() {
    try {
      const Plotly = await loadPlotly();
      const address = await Plotly.toImage(this.plot, { format: "png", width: 1200, height: 600, scale: 2 });
      const bytes = Uint8Array.from(atob(address.split(",")[1]), (character) => character.charCodeAt(0));
      saveFile(new Blob([bytes], { type: "image/png" }), `${this.name}.png`);
    } catch (error) {
      toast(`The picture could not be made: ${error.what ?? error.message}`, { kind: "bad" });
    }
  }

  #touch() {
    this.isDirty = true;
    if (this.isVisible) this.#schedule();
  }

  #schedule() {
    if (this.timer !== null || this.isDestroyed) return;
    this.timer = setTimeout(() => this.#draw(), this.isDrawn ? Math.max(0, nextDraw - performance.now()) : 0);
  }

  async #draw() {
    this.timer = null;
    if (this.isDrawn && performance.now() < nextDraw) return this.#schedule();
    this.isEmpty = !this.curves.some(({ id }) => this.data[id]?.x.length);
    this.empty.hidden = !this.isEmpty;
    this.plot.hidden = this.isEmpty;
    this.isDirty = false;
    if (!this.isDrawn && !this.isEmpty) {
      this.empty.hidden = false;
      this.empty.textContent = "Drawing …";
    }
    if (this.isEmpty) return undefined;
    try {
      const Plotly = await loadPlotly();
      if (this.isDestroyed) return undefined;
      const started = performance.now();
      await Plotly.react(this.plot, this.#traces(), this.#layout(), { displayModeBar: false, responsive: false, displaylogo: false });
      this.isDrawn = true;
      if (this.isDestroyed) return globalThis.Plotly.purge(this.plot); // left while it was drawn
      this.empty.hidden = true;
      this.empty.textContent = "Nothing measured yet.";
      this.plot.dataset.points = String(this.curves.reduce((sum, { id }) => sum + (this.data[id]?.x.length ?? 0), 0));
      const now = performance.now();
      nextDraw = now + Math.min(LONGEST_PAUSE_MS, (now - started) / SHARE_OF_TIME);
    } catch (error) {
      showError(this.element, error, { fallbacks: { retry: () => this.#touch() } });
    }
    return undefined;
  }

  #traces() {
    return this.curves.filter(({ id }) => this.data[id]?.x.length).flatMap((curve) => this.#tracesOf(curve));
  }

  #tracesOf({ id, label, colour, dash = "solid", style = "line", isInLegend = true }) {
    const { x, y, text } = this.data[id];
    const ink = theme.colour(colour);
    const isSmoothed = this.canSmooth && this.smoothing > 0 && style === "line";
    const base = { x, type: "scatter", name: label, showlegend: isInLegend, hovertext: text, hovertemplate: `%{y:.4~g}${this.unit ? ` ${this.unit}` : ""}<extra>${label}</extra>` };
    const mode = { line: "lines", points: "lines+markers", marks: "markers" }[style];
    const marker = { color: ink, size: style === "line" ? 0 : 6, line: { color: theme.colour("--surface"), width: 1 } };
    const strong = {
      ...base,
      y: isSmoothed ? smooth(y, this.smoothing) : y,
      mode: x.length === 1 ? "markers" : mode,
      marker: x.length === 1 ? { ...marker, size: 6 } : marker,
      line: { color: ink, width: 1.8, dash },
    };
    if (!isSmoothed) return [strong];
    const faint = { ...base, y, mode: "lines", opacity: 0.22, line: { color: ink, width: 1 }, hoverinfo: "skip", hovertemplate: undefined, showlegend: false };
    return [faint, strong];
  }

  #layout() {
    const ink = theme.colour("--ink-2");
    const line = theme.colour("--line");
    const axis = { gridcolor: line, linecolor: line, zeroline: false, tickfont: { size: 11, color: ink }, automargin: true, fixedrange: false };
    const lines = this.lines.map(({ value, colour = "--ink-3" }) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, line: { color: theme.colour(colour), width: 1.2, dash: "dot" },
    }));
    const notes = this.lines.map(({ value, label, colour = "--ink-3" }) => ({
      xref: "paper", x: 1, xanchor: "right", y: this.isLog ? Math.log10(value) : value, yanchor: "bottom", text: label, showarrow: false, font: { size: 10, color: theme.colour(colour) },
    }));
    return {
      height: HEIGHT,
      autosize: true,
      uirevision: `kept-${this.revision ?? 0}-${this.isLog}`,
      margin: { l: 44, r: 10, t: 8, b: 34 },
      paper_bgcolor: theme.colour("--surface"),
      plot_bgcolor: theme.colour("--surface"),
      font: { family: theme.colour("--font") || "sans-serif", color: ink, size: 12 },
      xaxis: { ...axis, title: { text: this.xLabel, font: { size: 11, color: ink }, standoff: 6 }, showgrid: false, ticks: "outside", ticklen: 4, tickcolor: line },
      yaxis: { ...axis, type: this.isLog ? "log" : "linear", ...(this.range && !this.isLog ? { range: this.range } : {}) },
      showlegend: this.curves.filter(({ id }) => this.data[id]?.x.length).length > 1,
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11, color: ink }, bgcolor: "rgba(0,0,0,0)" },
      hovermode: "x unified",
      hoverlabel: { bgcolor: theme.colour("--surface-2"), bordercolor: line, font: { color: theme.colour("--ink"), size: 12 } },
      shapes: lines,
      annotations: notes,
      dragmode: "zoom",
    };
  }

  #describe() {
    const parts = this.curves
      .filter(({ id }) => this.data[id]?.y.length)
      .map(({ id, label }) => `${label} ${formatSignificant(this.data[id].y.at(-1), 4)} at ${this.xLabel} ${this.data[id].x.at(-1)}`);
    this.plot.setAttribute("aria-label", `${this.title}${this.unit ? ` in ${this.unit}` : ""}: ${parts.join("; ") || "nothing measured yet"}`);
  }
}
