/**
 * The form of the playground: which model, what prompt, and how to draw from it.
 *
 *   const form = createPromptForm({ runs, limits, memory, wanted, onGenerate, onScore, onStop });
 *   const body = await form.request();        // a body of POST /generate; uploads a file first
 *   form.setBusy(true);
 *
 * Everything in it is kept in the tab's memory, so no error and no reload loses it. Numbers out
 * of range reject as an InputError that names the field.
 */

import { ApiError } from "../api.js";
import { compression } from "../components/compression.js";
import { el } from "../components/element.js";
import { numberField, selectField, sliderField } from "../components/field.js";
import { formatFraction, formatNumber } from "../components/format.js";
import { icon } from "../components/icons.js";
import { createSourceInput } from "./source-input.js";

const VIEWS = [
  { value: "", label: "as it was trained to" },
  { value: "compressed", label: "data, read through the codec" },
  { value: "direct", label: "compressed bits (direct view)" },
];

/** The form; `wanted` is the id of the run to begin with, if any. */
export function createPromptForm({ runs, limits, memory, wanted, onGenerate, onScore, onStop }) {
  const model = modelField(runs, memory, wanted, () => tellModel());
  const prompt = createSourceInput({ label: "Prompt", memory: memory.part("prompt"), limits, rows: 4, placeholder: "Nothing, or the beginning of a text" });
  const fields = samplingFields(memory, limits);
  const view = selectField({ label: "The model writes", name: "view", choices: VIEWS, value: memory.get("view", ""), onInput: (value) => memory.set("view", value) });
  const note = el("p", { class: "form-note" });
  const story = el("p", { class: "model-story" });

  const generate = el("button", { type: "submit", class: "button button-primary button-large" }, icon("play"), "Generate");
  const stop = el("button", { type: "button", class: "button button-large", hidden: true, onclick: onStop }, icon("stop"), "Stop");
  const score = el("button", { type: "button", class: "button button-large", title: "Colour the prompt itself by how much it surprises the model", onclick: onScore }, "Score the prompt");
  const element = el(
    "form",
    { class: "card prompt-form", "aria-label": "Prompt and sampling", novalidate: true },
    el("h2", { class: "visually-hidden", text: "Prompt and sampling" }),
    model.element,
    story,
    prompt.element,
    el("div", { class: "prompt-fields" }, Object.values(fields).map((field) => field.element)),
    view.element,
    note,
    el("div", { class: "prompt-actions" }, generate, stop, score),
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    onGenerate();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !generate.hidden) onGenerate();
  });

  function tellModel() {
    const run = runs.find(({ id }) => id === model.value());
    story.textContent = run ? describe(run) : "";
  }

  function tellCompression() {
    const codec = compression.codec() === "auto" ? "the model's codec" : compression.codec();
    note.textContent = compression.isEnabled()
      ? `Compression on: prompt compressed, output decompressed, by ${codec}.`
      : "Compression off: prompt and output are raw.";
    note.classList.toggle("is-on", compression.isEnabled());
    view.element.hidden = !compression.isEnabled();
  }

  const unsubscribe = compression.subscribe(tellCompression);
  tellModel();
  tellCompression();

  async function request({ signal } = {}) {
    const isOn = compression.isEnabled();
    const values = readFields(fields);
    return {
      run: model.value(),
      prompt: await prompt.source({ signal }),
      ...values,
      compression: isOn,
      codec: isOn && compression.codec() !== "auto" ? compression.codec() : null,
      view: isOn && view.value() ? view.value() : null,
    };
  }

  return {
    element,
    prompt,
    fields,
    request,
    setLength(numBytes) {
      fields.num_bytes.set(numBytes);
      memory.set("num_bytes", numBytes);
    },
    /** Bring every number that is out of its range to the end of the range that is nearest. */
    takeNearest() {
      for (const [name, field] of Object.entries(fields)) {
        const bound = nearestBound(field);
        if (bound === null) continue;
        field.set(bound);
        field.setProblem(null);
        memory.set(name, bound);
      }
    },
    unmount: unsubscribe,
    setBusy(isBusy) {
      generate.hidden = isBusy;
      stop.hidden = !isBusy;
      score.disabled = isBusy;
      const hadFocus = document.activeElement === generate || document.activeElement === stop;
      if (hadFocus || document.activeElement === document.body) (isBusy ? stop : generate).focus({ preventScroll: true });
    },
  };
}

function modelField(runs, memory, wanted, onChange) {
  const kept = memory.get("run");
  const ids = runs.map(({ id }) => id);
  const value = [wanted, kept, ids[0]].find((id) => ids.includes(id));
  const hint = wanted && wanted !== value ? `There is no model of ${wanted} yet; ${value} is chosen instead.` : null;
  const choices = ids.map((id) => ({ value: id, label: id }));
  const onInput = (id) => {
    memory.set("run", id);
    field.setHint(null);
    onChange();
  };
  const field = selectField({ label: "Model", name: "model", hint, choices, value, onInput });
  return field;
}

function describe(run) {
  const held = run.held_out_bits_per_byte ?? run.bits_per_byte;
  const facts = [
    run.status,
    held == null ? null : `${formatNumber(held, 2)} bits per byte${run.held_out_bits_per_byte == null ? "" : " held out"}`,
    run.patch_bits == null ? null : `patches of ${run.patch_bits} bits`,
    run.direct_prob ? `writes compressed bits (${run.codecs.join(", ")})` : null,
  ];
  return facts.filter(Boolean).join(" · ");
}

function samplingFields(memory, limits) {
  const keep = (name) => (value) => memory.set(name, value);
  const number = (name, label, options) =>
    numberField({ label, name, step: 1, value: memory.get(name, options.otherwise ?? null), onInput: keep(name), ...options });
  return {
    num_bytes: number("num_bytes", "Length (bytes)", { min: 0, max: limits.max_generated_bytes, otherwise: 256 }),
    top_k: number("top_k", "Top k", { min: 1, placeholder: "off" }),
    seed: number("seed", "Seed", { min: 0, max: Number.MAX_SAFE_INTEGER, placeholder: "new" }),
    temperature: sliderField({ label: "Temperature", name: "temperature", min: 0, max: 2, step: 0.05, value: memory.get("temperature", 1), onInput: keep("temperature"), format: (value) => (value === 0 ? "0, the likeliest" : value.toFixed(2)) }),
    top_p: sliderField({ label: "Top p", name: "top_p", min: 0.05, max: 1, step: 0.05, value: memory.get("top_p", 1), onInput: keep("top_p"), format: (value) => (value === 1 ? "off" : formatFraction(value)) }),
  };
}

function readFields(fields) {
  const values = {};
  for (const [name, field] of Object.entries(fields)) {
    const problem = problemOf(field);
    field.setProblem(problem);
    if (problem) {
      field.focus();
      const bound = nearestBound(field);
      const fallbacks = bound === null ? [] : [{ id: "nearest", label: `Use ${formatNumber(bound)}` }];
      throw new ApiError({ kind: "InputError", what: `${labelOf(field)}: ${problem}.`, fix: "Correct the number; everything else is kept.", fallbacks });
    }
    values[name] = field.value();
  }
  if (values.top_p === 1) values.top_p = null;
  if (values.num_bytes === null) values.num_bytes = 256;
  return values;
}

const labelOf = (field) => field.element.querySelector("label").textContent;

function nearestBound({ control }) {
  if (control.type !== "number") return null;
  if (control.validity.rangeUnderflow) return Number(control.min);
  return control.validity.rangeOverflow ? Number(control.max) : null;
}

function problemOf(field) {
  const { validity, min, max, type } = field.control;
  if (type !== "number" || validity.valid) return null;
  if (validity.rangeUnderflow) return `at least ${min}`;
  if (validity.rangeOverflow) return `at most ${formatNumber(Number(max))}`;
  return "a whole number";
}
