/**
 * The second half of the codec lab: a frame in, and the data that it holds.
 *
 * A damaged frame gives an error with its place, and ways on: the longest valid prefix, or the
 * frame taken as plain data. K, C and S are of the decompressed bits while compression is on,
 * and of the frame's own bits while it is off; the panel says which.
 */

import { api, isAbort } from "../api.js";
import { compression } from "../components/compression.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { formatBits, formatBytes, formatNumber, formatRatio } from "../components/format.js";
import { icon } from "../components/icons.js";
import { LABELS, waysOn } from "./recovery.js";
import { createSourceInput } from "./source-input.js";
import { createTelemetryPanel } from "./telemetry-panel.js";

/** The half; `onPlain(input)` takes the frame as data, `onLook(source)` shows its bits. */
export function createWayBack({ server, memory, onPlain, onLook }) {
  const input = createSourceInput({ label: "Frame", memory: memory.part("frame"), limits: server.limits, rows: 3, initialKind: "file" });
  const go = el("button", { type: "submit", class: "button button-primary button-large" }, icon("refresh"), "Decompress");
  const look = el("button", { type: "button", class: "button button-large", onclick: () => lookAtBits() }, icon("search"), "See the bits");
  const result = el("div", { class: "way-back-result" });
  const errors = el("div", { class: "form-errors" });
  const telemetry = createTelemetryPanel("");
  const form = el("form", { class: "lab-form", "aria-label": "Frame to decompress", novalidate: true }, input.element, el("div", { class: "prompt-actions" }, go, look));
  const element = el(
    "section",
    { class: "card way-back", "aria-label": "The way back" },
    el("div", { class: "card-head" }, el("h2", { text: "The way back" }), el("p", { class: "weak small", text: "A frame holds all that is needed to decompress it." })),
    form,
    result,
    errors,
  );
  let stopper = null;
  let measured = null;
  let measuring = null;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (go.getAttribute("aria-disabled") !== "true") decompress("strict");
  });

  async function decompress(mode) {
    stopper?.abort();
    measuring?.abort();
    stopper = new AbortController();
    const { signal } = stopper;
    // A button that were disabled would drop the focus.
    go.setAttribute("aria-disabled", "true");
    errors.replaceChildren();
    result.replaceChildren();
    try {
      const source = await input.source({ signal });
      const answer = await api.post("/codecs/decompress", { source, mode }, { signal });
      show(answer);
      measured = source;
      await measure();
    } catch (error) {
      if (!isAbort(error)) fail(error, () => decompress(mode));
    } finally {
      if (signal === stopper.signal) go.setAttribute("aria-disabled", "false");
    }
  }

  function show(answer) {
    const whole = answer.is_complete && !answer.error;
    // A part of the data against the whole frame would be no ratio of anything.
    const ratio = whole ? ` ${formatRatio(answer.num_decoded_bits, answer.num_frame_bits)}` : "";
    const story = whole
      ? `All ${formatBits(answer.num_decoded_bits)} came out, by ${answer.codec}.`
      : `${formatBits(answer.num_decoded_bits)} of ${formatBits(answer.num_source_bits)} came out before the damage${answer.codec ? `, by ${answer.codec}` : ""}.`;
    replaceChildren(
      result,
      el("p", { class: whole ? "outcome outcome-good" : "outcome outcome-part", role: "status" }, icon(whole ? "check" : "alert"), el("span", { text: `${story}${ratio}` })),
      el("pre", { class: "preview", tabindex: 0, "aria-label": "The first bytes" }, answer.preview.text ?? hexLines(answer.preview.hex), answer.preview.is_cut ? " …" : ""),
      el("div", { class: "message-actions" }, el("button", { type: "button", class: "button", onclick: () => save(answer.download) }, icon("download"), `Download ${formatBytes(answer.download.num_bytes)}`)),
      telemetry.element,
    );
    if (answer.error) showError(errors, answer.error, { fallbacks: { raw_data: asPlainData } });
  }

  async function save({ id, name }) {
    try {
      await api.download(`/downloads/${id}`, name);
    } catch (error) {
      // Results are not kept for ever, but the frame is still here.
      if (error.status === 404) error.fix = "Decompress the frame again, then download it.";
      showError(errors, error, { fallbacks: { decompress: () => decompress("prefix"), retry: () => save({ id, name }) }, labels: { decompress: "Decompress again" } });
    }
  }

  async function measure() {
    measuring?.abort();
    measuring = new AbortController();
    const { signal } = measuring;
    const isOn = compression.isEnabled();
    const which = isOn ? "source" : "stream";
    telemetry.clear();
    telemetry.setWhose("measuring …");
    try {
      const answer = await api.post("/telemetry", { source: measured, is_frame: true, which, window_bytes: 64 }, { signal });
      const found = answer.measured[which];
      if (found) telemetry.setValues(tracesOf(found));
      const bits = isOn ? "decompressed bits (compression is on)" : "frame's own bits (compression is off, all bits are raw)";
      telemetry.setWhose(found ? `of the ${bits}: ${formatNumber(found.num_bits)} bits, in windows of 64 bytes` : "Too little to measure.");
    } catch (error) {
      if (isAbort(error)) return;
      telemetry.setWhose("");
      showError(errors, error, { fallbacks: { retry: () => measure() } });
    }
  }

  async function lookAtBits() {
    try {
      errors.replaceChildren();
      onLook(await input.source());
    } catch (error) {
      if (!isAbort(error)) fail(error, lookAtBits);
    }
  }

  const asPlainData = () => onPlain(input);

  function fail(error, again) {
    const extra = { valid_prefix: () => decompress("prefix"), raw_data: asPlainData, raw_output: asPlainData };
    showError(errors, error, { fallbacks: waysOn(error, { input, limits: server.limits, again, extra }), labels: LABELS });
  }

  const unsubscribe = compression.subscribe(() => measured && result.children.length && measure());
  return {
    element,
    input,
    decompress,
    useFile(file) {
      input.setFile(file);
      element.scrollIntoView({ block: "start", behavior: "smooth" });
      return decompress("strict");
    },
    unmount() {
      stopper?.abort();
      measuring?.abort();
      unsubscribe();
    },
  };
}

/** The windows' values where there are several, and else those of the whole. */
function tracesOf(found) {
  const { windows } = found;
  const isMany = windows && windows.k.length > 1;
  return Object.fromEntries(["k", "c", "s"].map((name) => [name, isMany ? (windows[name] ?? []) : [found[name]]]));
}

function hexLines(hex) {
  return hex.replaceAll(/(..)/g, "$1 ").replaceAll(/((?:.. ){16})/g, "$1\n");
}
