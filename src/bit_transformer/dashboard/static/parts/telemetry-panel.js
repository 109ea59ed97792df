/**
 * K, C and S side by side, and of which bits they are: the output's, or those of what was
 * compressed. What they are of is always said, since compression changes it.
 */

import { el } from "../components/element.js";
import { createTrace } from "./trace.js";

const TRACES = [
  ["k", "K", "negentropy", "0 a fair coin, 1 certain"],
  ["c", "C", "complexity", "1 always new, 0 repeats"],
  ["s", "S", "symbiosis", "1 as the model expected"],
];

/** `{element, clear(), setWhose(text), push({k, c, s}), setValues({k, c, s})}`; values may be null. */
export function createTelemetryPanel(idle) {
  const traces = TRACES.map(([key, symbol, name, meaning]) => ({ key, ...createTrace(symbol, name, meaning) }));
  const whose = el("p", { class: "telemetry-whose", text: idle });
  const element = el("section", { class: "telemetry", "aria-label": "Telemetry" }, el("div", { class: "telemetry-traces" }, traces.map((trace) => trace.element)), whose);
  return {
    element,
    clear() {
      for (const trace of traces) trace.clear();
    },
    setWhose(text) {
      whose.textContent = text;
    },
    push(values) {
      for (const trace of traces) trace.push(values[trace.key]);
    },
    setValues(values) {
      for (const trace of traces) trace.setValues(values[trace.key] ?? []);
    },
  };
}
