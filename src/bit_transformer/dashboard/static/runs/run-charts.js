/**
 * The charts of one run: which curves they have, and where in the store these come from.
 *
 *   const charts = createRunCharts();             // an element with all of them
 *   charts.draw(store, { run, config, isDecompressed });   // whatever is new in the store
 *   charts.setAxis("elapsed_s"); charts.setSmoothing(0.9); charts.destroy();
 *
 * The views raw, compressed and direct are curves of their own everywhere, each with its colour
 * and dash. K and C of frames are those of the decompressed bits while compression is enabled, and
 * else those of the frames' own bits; the chart's title says which.
 */

import { createChart } from "../components/chart.js";
import { el } from "../components/element.js";

export const AXES = { step: "step", elapsed_s: "seconds of training", bytes_seen: "bytes seen" };

const VIEWS = [
  { name: "raw", colour: "--series-raw", dash: "solid" },
  { name: "compressed", colour: "--series-compressed", dash: "dash" },
  { name: "direct", colour: "--series-direct", dash: "dot" },
];
const VALUES = [
  { name: "k", label: "K: negentropy", colour: "--series-k", dash: "solid" },
  { name: "c", label: "C: complexity", colour: "--series-c", dash: "dash" },
  { name: "s", label: "S: symbiosis", colour: "--series-s", dash: "dashdot" },
];

/** The loss of a view per bit of the data that it stands for, so that views compare. */
const lossColumn = (view) => (view === "direct" ? "bits_per_source_bit" : "bits_per_bit");

const perView = (table, column, suffix = "") =>
  VIEWS.map(({ name, colour, dash }) => ({
    id: `${table}.${name}`,
    label: name + suffix,
    colour,
    dash,
    style: table === "views" ? "line" : "points",
    isInLegend: table === "views",
    from: [`${table}.${name}`, typeof column === "function" ? column(name) : column],
  }));

const CHARTS = [
  {
    name: "loss", title: "Loss", unit: "bits per byte", isWide: true,
    note: "less is better; a coin needs 8",
    curves: [
      { id: "train", label: "training", colour: "--series-raw", dash: "solid", from: ["train", "bits_per_byte"] },
      { id: "valid", label: "held out", colour: "--series-valid", dash: "dash", style: "points", from: ["evaluate", "bits_per_byte"] },
    ],
  },
  {
    name: "views", title: "Loss by view", unit: "bits per bit of data",
    note: "points: held out; direct: code length per bit of the data in the frame",
    curves: [...perView("views", lossColumn), ...perView("evaluate_views", lossColumn, ", held out")],
  },
  {
    name: "accuracy", title: "Accuracy", unit: "share of bits", canLog: false,
    note: "bits whose likelier value was right",
    curves: [
      ...perView("views", "bit_accuracy"),
      { id: "valid", label: "held out", colour: "--series-valid", dash: "dash", style: "points", from: ["evaluate", "bit_accuracy"] },
    ],
  },
  {
    name: "telemetry", title: "K, C and S", unit: "0 to 1", note: "how ordered, how complex, how expected the bits are; dotted: gates", isWide: true, canLog: false, canSmooth: true, range: [0, 1.02],
    curves: VALUES.map((value) => ({ ...value, id: value.name, from: ["telemetry", value.name] })),
  },
  {
    name: "frames", title: "K and C of frames", unit: "0 to 1", note: "of direct sequences; Enable Compression switches to the bits that they decompress to", isWide: true, canLog: false, range: [0, 1.02],
    isOptional: true,
    curves: [],
  },
  {
    name: "ratio", title: "Compression ratio", unit: "original : compressed", canLog: false, isOptional: true, isWide: true,
    note: "of the training data by its codecs; more is better",
    curves: perView("views", "compression_ratio"),
  },
  {
    name: "learning-rate", title: "Learning rate", canSmooth: false,
    curves: [{ id: "lr", label: "learning rate", colour: "--series-5", from: ["train", "learning_rate"] }],
  },
  {
    name: "speed", title: "Speed", unit: "KB per second",
    curves: [{ id: "speed", label: "read", colour: "--series-6", from: ["train", "bytes_per_s"], scale: 1e-3 }],
  },
  {
    name: "memory", title: "Peak memory", unit: "MB", canSmooth: false,
    curves: [{ id: "memory", label: "memory", colour: "--series-2", from: ["train", "peak_memory_bytes"], scale: 1e-6 }],
  },
  {
    name: "gradient", title: "Norm of the gradient", note: "before it is clipped",
    curves: [{ id: "norm", label: "norm", colour: "--series-4", from: ["train", "grad_norm"] }],
  },
];

/** All charts of a run; see above. */
export function createRunCharts() {
  const charts = CHARTS.map((options) => ({ ...options, chart: createChart(options) }));
  const element = el("div", { class: "charts" }, charts.map(({ chart }) => chart.element));
  let axis = "step";
  let latest = null;

  function draw(store, facts) {
    latest = [store, facts];
    for (const one of charts) {
      if (one.name === "telemetry") one.chart.setLines(gateLines(facts.config.gates ?? []));
      const curves = one.name === "frames" ? frameCurves(store, facts.isDecompressed) : one.curves;
      if (one.name === "frames") one.chart.setCurves(curves);
      if (one.name === "frames") one.chart.setTag(frameTag(store, facts.isDecompressed));
      if (one.name === "telemetry") one.chart.setTag(telemetryTag(facts));
      const data = Object.fromEntries(curves.map((curve) => [curve.id, dataOf(store, curve, axis)]));
      if (one.isOptional) one.chart.element.hidden = !Object.values(data).some(({ x }) => x.length);
      one.chart.update(data);
    }
  }

  return {
    element,
    draw,
    setAxis(name) {
      axis = name;
      for (const { chart } of charts) chart.setX(AXES[name]);
      if (latest) draw(...latest);
    },
    setSmoothing(weight) {
      for (const { chart } of charts) chart.setSmoothing(weight);
    },
    destroy() {
      for (const { chart } of charts) chart.destroy();
    },
  };
}

function dataOf(store, { from: [table, column], scale }, axis) {
  const curve = store.curve(table, column, axis);
  return scale ? { x: curve.x, y: curve.y.map((value) => value * scale) } : curve;
}

/** The part of a frame's telemetry that is shown: the data behind it, or its own bits. */
function framePart(store, isDecompressed) {
  const wanted = isDecompressed ? "source" : "stream";
  const has = (part) => store.has(`telemetry_direct.${part}`, "k");
  return has(wanted) ? wanted : ["source", "stream"].find(has) ?? wanted;
}

function frameCurves(store, isDecompressed) {
  const part = framePart(store, isDecompressed);
  const word = part === "source" ? "decompressed bits" : "compressed bits";
  return VALUES.filter(({ name }) => name !== "s").map((value) => ({
    ...value,
    id: value.name,
    label: `${value.label}, ${word}`,
    from: [`telemetry_direct.${part}`, value.name],
  }));
}

function frameTag(store, isDecompressed) {
  return framePart(store, isDecompressed) === "source" ? "decompressed bits" : "compressed bits";
}

/** What the bits are that K, C and S were measured on. */
function telemetryTag({ run, isDecompressed }) {
  if (!run.compress_prob && !run.direct_prob) return "raw bits";
  return isDecompressed ? "decompressed bits" : "raw and decompressed bits";
}

/** Gates such as "warn:s<0.6" as lines across the chart. */
export function gateLines(gates) {
  const lines = gates.flatMap((gate) => {
    const found = /^(?:(warn|stop):)?\s*(\w+)\s*([<>])\s*([\d.eE+-]+)$/.exec(gate);
    if (!found) return [];
    const [, action = "stop", metric, side, bound] = found;
    const colour = VALUES.find(({ name }) => metric.endsWith(name))?.colour ?? "--ink-3";
    return [{ value: Number(bound), label: `${action}: ${metric.toUpperCase()} ${side} ${bound}`, colour }];
  });
  return merged(lines);
}

/** Lines at one height as one, with both labels. */
function merged(lines) {
  const byValue = new Map();
  for (const line of lines) {
    const earlier = byValue.get(line.value);
    byValue.set(line.value, earlier ? { ...earlier, label: `${earlier.label}, ${line.label}`, colour: "--ink-3" } : line);
  }
  return [...byValue.values()];
}
