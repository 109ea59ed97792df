/**
 * Form fields with a label, a hint and a place for what is wrong, joined for screen readers.
 *
 *   const width = numberField({ label: "Width", name: "width", value: 256, min: 8, hint: "…" });
 *   width.element   width.value()   width.set(128)   width.setProblem("must be even")
 *
 * Kinds: textField, numberField (its value is a number or null), selectField, sliderField,
 * checksField (several of many, its value a list). Each takes `onInput`.
 */

import { el, uniqueId } from "./element.js";

/** One line, or with `rows` several lines, of text. */
export function textField({ rows = 0, type = "text", ...options }) {
  const control = rows
    ? el("textarea", { class: "input", rows, placeholder: options.placeholder, spellcheck: "false" })
    : el("input", { class: "input", type, placeholder: options.placeholder, autocomplete: "off", spellcheck: "false" });
  return field(control, options, { read: () => control.value, write: (value) => (control.value = value ?? "") });
}

/** A number, or null where nothing is given. */
export function numberField({ min, max, step = "any", ...options }) {
  const control = el("input", { class: "input input-number", type: "number", min, max, step, placeholder: options.placeholder });
  return field(control, options, {
    read: () => (control.value === "" ? null : Number(control.value)),
    write: (value) => (control.value = value ?? ""),
  });
}

/** One of several: `choices` are words or `{value, label, isDisabled}`. */
export function selectField({ choices, ...options }) {
  const control = el("select", { class: "select" }, choices.map(optionOf));
  return field(control, options, { read: () => control.value, write: (value) => (control.value = value) });
}

/** A number on a scale, shown beside it by `format`. */
export function sliderField({ min = 0, max = 1, step = 0.05, format = String, ...options }) {
  const control = el("input", { class: "slider", type: "range", min, max, step });
  const output = el("output", { class: "slider-value" });
  const show = () => {
    output.textContent = format(Number(control.value));
    control.style.setProperty("--filled", (control.value - min) / (max - min));
  };
  control.addEventListener("input", show);
  const write = (value) => {
    control.value = value;
    show();
  };
  return field(control, { ...options, aside: output }, { read: () => Number(control.value), write });
}

/** Several of many, as check boxes. */
export function checksField({ choices, label, hint, value = [], onInput = () => {}, name }) {
  const boxes = choices.map((choice) => {
    const { value: word, label: text, isDisabled } = typeof choice === "string" ? { value: choice, label: choice } : choice;
    const box = el("input", { type: "checkbox", value: word, name, disabled: isDisabled, onchange: () => onInput(read()) });
    return { word, box, element: el("label", { class: "check" }, box, el("span", { text })) };
  });
  const read = () => boxes.filter(({ box }) => box.checked).map(({ word }) => word);
  const set = (words) => {
    for (const { word, box } of boxes) box.checked = words.includes(word);
  };
  set(value);
  const problem = el("p", { class: "field-problem", hidden: true });
  const element = el(
    "fieldset",
    { class: "field checks" },
    el("legend", { class: "field-label", text: label }),
    hint && el("p", { class: "field-hint", text: hint }),
    el("div", { class: "checks-list" }, boxes.map((one) => one.element)),
    problem,
  );
  return { element, value: read, set, setProblem: (text) => tell(problem, text), focus: () => boxes[0]?.box.focus() };
}

function field(control, { label, hint, value, name, onInput = () => {}, aside, isWide }, { read, write }) {
  const id = uniqueId(name ?? "field");
  const hintId = `${id}-hint`;
  const problem = el("p", { class: "field-problem", id: `${id}-problem`, hidden: true });
  control.id = id;
  if (name) control.name = name;
  control.setAttribute("aria-describedby", `${hintId} ${problem.id}`);
  control.addEventListener("input", () => {
    setProblem(null);
    onInput(read());
  });
  const advice = el("p", { class: "field-hint", id: hintId });
  const element = el(
    "div",
    { class: isWide ? "field field-wide" : "field" },
    el("div", { class: "field-head" }, el("label", { class: "field-label", for: id, text: label }), aside),
    control,
    advice,
    problem,
  );
  const setHint = (text) => tell(advice, text);
  setHint(hint);
  function setProblem(text) {
    control.setAttribute("aria-invalid", String(Boolean(text)));
    tell(problem, text);
  }
  if (value !== undefined) write(value);
  return { element, control, value: read, set: write, setProblem, setHint, focus: () => control.focus() };
}

function optionOf(choice) {
  if (typeof choice === "string") return el("option", { value: choice }, choice);
  return el("option", { value: choice.value, disabled: choice.isDisabled }, choice.label ?? choice.value);
}

function tell(problem, text) {
  problem.textContent = text ?? "";
  problem.hidden = !text;
}
