/**
 * #/runs/ID: one run, followed while it is trained.
 *
 * Figures, charts, gates, samples and settings; buttons to pause, resume and stop. What ended a run
 * that failed or died stands above all else, with the way on. The numbers come from a feed that
 * waits at the server (../runs/feed.js); a checkpoint, sample or log is asked for when its time
 * has come.
 */

import { api } from "../api.js";
import { compression } from "../components/compression.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { sliderField, selectField } from "../components/field.js";
import { formatBytes, formatDuration, formatFraction, formatNumber, formatRatio, formatSignificant } from "../components/format.js";
import { icon } from "../components/icons.js";
import { createMemory } from "../parts/form-memory.js";
import { followRun } from "../runs/feed.js";
import { AXES, createRunCharts } from "../runs/run-charts.js";
import { configSection, gatesSection, logSection, samplesSection } from "../runs/run-sections.js";
import { SeriesStore } from "../runs/series-store.js";
import { createControls, isBroken, isLive, progressBar, progressWords, statusBadge, viewsOf } from "../runs/status.js";

/** Show the run. */
export async function mount(container, { id }) {
  const detail = await api.get(`/runs/${encodeURIComponent(id)}`);
  const page = new RunPage(container, detail);
  page.start();
  return () => page.stop();
}

class RunPage {
  constructor(container, detail) {
    this.detail = detail;
    this.run = detail;
    this.store = new SeriesStore();
    this.memory = createMemory("run");
    this.notice = el("div", { class: "stack" });
    this.failure = el("div", { class: "stack" });
    this.lost = null;
    this.facts = el("p", { class: "run-facts" });
    this.tryLink = el("a", { class: "button", href: `#/playground?run=${encodeURIComponent(detail.id)}` }, icon("chat"), "Try it");
    this.settings = configSection(detail);
    this.state = el("span", { class: "run-state" });
    this.progress = el("div", { class: "run-progress run-progress-large" });
    this.tiles = el("dl", { class: "tiles" });
    this.tileValues = new Map();
    this.charts = createRunCharts();
    this.controls = createControls({ errors: this.notice, onChange: (run) => this.#onChange(run) });
    this.gates = gatesSection();
    this.samples = samplesSection(detail.id);
    this.log = logSection();
    replaceChildren(
      container,
      this.#head(),
      this.failure,
      this.notice,
      el("section", { class: "card run-summary", "aria-label": "Progress" }, this.progress, this.tiles),
      this.#chartTools(),
      this.charts.element,
      this.gates.element,
      this.samples.element,
      this.settings.element,
      this.log.element,
    );
  }

  start() {
    this.#drawRun(this.detail);
    this.#drawDetail();
    this.detailState = stateOf(this.detail);
    this.stopCompression = compression.subscribe(() => this.#drawCharts());
    this.feed = followRun(this.detail.id, this.store, {
      onNews: (run, isNew) => this.#onNews(run, isNew),
      onError: (error) => {
        this.lost = showError(this.notice, error, { fallbacks: { retry: () => this.feed.wake() } });
      },
    });
    this.clock = setInterval(() => this.#tick(), 1000);
  }

  stop() {
    clearInterval(this.clock);
    this.feed.stop();
    this.stopCompression();
    this.charts.destroy();
    this.samples.stop();
  }

  #head() {
    const { id } = this.detail;
    const csv = () => api.download(`/runs/${encodeURIComponent(id)}/metrics.csv`, `${id}.csv`).catch((error) => showError(this.notice, error, { fallbacks: { retry: csv } }));
    return el(
      "header",
      { class: "page-head" },
      el(
        "div",
        { class: "run-title" },
        el("a", { class: "back-link", href: "#/runs" }, icon("arrowLeft"), "All runs"),
        el("div", { class: "row" }, el("h1", { text: id }), this.state),
        this.facts,
      ),
      el(
        "div",
        { class: "row" },
        this.controls.element,
        this.tryLink,
        el("button", { type: "button", class: "button", onclick: csv, title: "Every row of the run's metrics" }, icon("download"), "CSV"),
      ),
    );
  }

  #chartTools() {
    const smoothing = sliderField({
      label: "Smoothing", name: "smoothing", min: 0, max: 0.99, step: 0.01, value: this.memory.get("smoothing", 0.8),
      format: (value) => (value === 0 ? "off" : value.toFixed(2)),
      onInput: (value) => {
        this.memory.set("smoothing", value);
        this.charts.setSmoothing(value);
      },
    });
    const axis = selectField({
      label: "Horizontal axis", name: "axis", value: this.memory.get("axis", "step"),
      choices: Object.entries(AXES).map(([value, label]) => ({ value, label })),
      onInput: (value) => {
        this.memory.set("axis", value);
        this.charts.setAxis(value);
      },
    });
    this.charts.setSmoothing(smoothing.value());
    this.charts.setAxis(axis.value());
    return el("div", { class: "chart-settings" }, el("h2", { text: "Charts" }), axis.element, smoothing.element);
  }

  #onNews(run, isNew) {
    this.lost?.remove();
    this.lost = null;
    this.#drawRun(run);
    if (isNew) this.#drawCharts();
    if (isNew) this.samples.refresh(run);
    this.#followState();
  }

  /** Settings, checkpoints and log change with the state: a run that is starting has none yet. */
  #followState() {
    if (stateOf(this.run) === this.detailState) return;
    this.samples.refresh(this.run);
    this.#reloadDetail();
  }

  async #reloadDetail() {
    this.detailState = stateOf(this.run);
    try {
      this.detail = await api.get(`/runs/${encodeURIComponent(this.run.id)}`);
      this.#drawDetail();
      this.#drawCharts();
    } catch (error) {
      this.detailState = null; // so that the next news ask again
      this.lost = showError(this.notice, error, { fallbacks: { retry: () => this.#reloadDetail() } });
    }
  }

  #drawDetail() {
    replaceChildren(this.facts, viewsOf(this.detail), factsOf(this.detail).map((text) => el("span", { text })));
    this.settings.update(this.detail);
    this.log.update(this.detail.log);
  }

  #onChange(run) {
    this.#drawRun(run);
    this.#followState();
    this.feed.wake();
  }

  #drawRun(run) {
    const changed = run.status !== this.shownStatus;
    const isFailureNew = changed || run.disk?.is_full !== this.run.disk?.is_full;
    this.run = run;
    this.shownStatus = run.status;
    this.controls.update(run);
    this.tryLink.hidden = !run.has_checkpoint;
    if (changed) replaceChildren(this.state, statusBadge(run));
    replaceChildren(
      this.progress,
      progressBar(run),
      el("div", { class: "row row-between" }, el("span", { class: "number", text: progressWords(run) }), el("span", { class: "weak", text: messageOf(run) })),
    );
    if (isFailureNew) this.#drawFailure(run);
    this.#drawTiles();
  }

  #drawFailure(run) {
    replaceChildren(this.failure);
    if (!isBroken(run)) return;
    const fallbacks = { settings: () => (location.hash = `#/new?from=${encodeURIComponent(run.id)}`) };
    const error = failureOf(run);
    const all = run.can_resume ? { resume: () => this.controls.resume(run), ...fallbacks } : fallbacks;
    showError(this.failure, error, {
      title: titleOf(run),
      fallbacks: all,
      labels: { resume: "Resume from the last checkpoint", settings: "New run with these settings" },
      canDismiss: false,
    });
  }

  #drawCharts() {
    this.charts.draw(this.store, { run: this.run, config: this.detail.config, isDecompressed: compression.isEnabled() });
    this.gates.update(this.store.gates);
    this.#drawTiles();
  }

  #drawTiles() {
    for (const { name, label, value, unit } of tilesOf(this.run, this.store)) {
      let tile = this.tileValues.get(name);
      if (!tile) {
        tile = { value: el("dd", { class: "tile-value number" }), unit: el("dd", { class: "tile-unit" }) };
        this.tileValues.set(name, tile);
        this.tiles.append(el("div", { class: "tile", dataset: { tile: name } }, el("dt", { class: "tile-label", text: label }), tile.value, tile.unit));
      }
      if (tile.value.textContent !== value) tile.value.textContent = value;
      if (tile.unit.textContent !== unit) tile.unit.textContent = unit;
    }
  }

  #tick() {
    if (!isLive(this.run) || document.hidden) return;
    const { eta_s: eta, elapsed_s: elapsed } = this.run.progress;
    if (eta === null || elapsed === null) return;
    this.run.progress = { ...this.run.progress, eta_s: Math.max(0, eta - 1) };
    this.progress.querySelector(".number").textContent = progressWords(this.run);
  }
}

/** What a run's settings, checkpoints and log go with. */
const stateOf = (run) => `${run.status} ${run.has_checkpoint}`;

function tilesOf(run, store) {
  const accuracy = run.bit_accuracy ?? store.last("evaluate", "bit_accuracy") ?? store.last("views.raw", "bit_accuracy");
  const tiles = [
    { name: "loss", label: "Loss", value: formatNumber(run.bits_per_byte, 3), unit: "bits per byte, training" },
    { name: "held-out", label: "Held out", value: formatNumber(run.held_out_bits_per_byte, 3), unit: run.best_bits_per_byte === null ? "bits per byte" : `bits per byte, best ${formatNumber(run.best_bits_per_byte, 3)}` },
    { name: "accuracy", label: "Accuracy", value: formatFraction(accuracy, 1), unit: "of bits" },
    { name: "rate", label: "Learning rate", value: formatSignificant(store.last("train", "learning_rate")), unit: "" },
    { name: "speed", label: "Speed", value: run.bytes_per_s === null ? "–" : `${formatBytes(run.bytes_per_s)}/s`, unit: "read" },
    { name: "memory", label: "Peak memory", value: formatBytes(store.last("train", "peak_memory_bytes")), unit: "" },
  ];
  if (run.compress_prob || run.direct_prob) {
    tiles.push({ name: "ratio", label: "Compression ratio", value: formatRatio(run.compression_ratio), unit: `original : compressed, ${run.codecs.join(", ")}` });
  }
  return tiles;
}

function titleOf({ status, disk }) {
  const what = status === "dead" ? "This run died" : "This run failed";
  return disk ? `${what}: no room on its disk` : what;
}

/** What ended a run, as an error card wants it: messages say what to do after a semicolon. */
function failureOf(run) {
  if (run.disk && run.disk.free_bytes !== null) return diskFailureOf(run);
  const [what, ...advice] = (run.message || "the training ended with an error").split("; ");
  const way = run.can_resume ? "resume it from its last checkpoint, or start a new run with the same settings" : "it has no checkpoint to resume from; start a new run with the same settings";
  return {
    kind: "TrainingError",
    what: asSentence(what),
    where: `step ${formatNumber(run.progress.step)} of ${run.id}`,
    fix: (run.status === "dead" ? [way] : [...advice, way]).map(asSentence).join(" "),
    fallbacks: [],
  };
}

/** The same of a disk that was full: how much room there is, how much is needed, and where to make it. */
function diskFailureOf({ id, can_resume: canResume, progress, disk }) {
  const { folder, free_bytes: free, needed_bytes: needed, is_full: isFull } = disk;
  const needs = needed === null ? "" : `, and the next checkpoint needs about ${formatBytes(needed)}`;
  const way = canResume ? "resume from the last checkpoint" : "start a new run with the same settings: this one has no checkpoint";
  const room = `Free space in ${folder}, as by deleting runs or uploads that are not needed any more; then ${way}.`;
  return {
    kind: "StorageError",
    what: `The disk of ${folder} ${isFull ? "is full: only" : "was full; now"} ${formatBytes(free)} are free${needs}.`,
    where: `step ${formatNumber(progress.step)} of ${id}`,
    fix: isFull ? room : asSentence(way),
    fallbacks: [],
  };
}

function asSentence(clause) {
  const text = clause.trim();
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function factsOf(detail) {
  const { model = {} } = detail.config;
  return [
    model.width && model.depth && `${model.width} wide, ${model.depth} blocks`,
    detail.patch_bits && `${detail.patch_bits}-bit patches`,
    detail.budget && `budget ${detail.budget}`,
    detail.started && `started ${new Date(detail.started * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`,
  ].filter(Boolean);
}

function messageOf(run) {
  if (isBroken(run)) return "";
  if (isLive(run)) return run.progress.elapsed_s === null ? "" : `${formatDuration(run.progress.elapsed_s)} so far`;
  return run.message;
}
