/**
 * What both tools need beside the fields of ../components/field.js: a row of choices, and numbers
 * in their short form.
 */

import { el, uniqueId } from "../components/element.js";

/** Radio buttons that look like one control: `{element, set(value), value()}`; choices are `[value, text]`. */
export function createChoice({ label, choices, value, onChange = () => {} }) {
  const name = uniqueId("choice");
  const inputs = choices.map(([own]) => el("input", { type: "radio", name, value: own, checked: own === value, onchange: () => onChange(own) }));
  const items = inputs.map((input, place) => el("label", { class: "choice-item" }, input, el("span", { text: choices[place][1] })));
  const element = el("fieldset", { class: "choice" }, el("legend", { class: "visually-hidden", text: label }), el("div", { class: "choice-row" }, items));
  return {
    element,
    set(next) {
      for (const input of inputs) input.checked = input.value === next;
    },
    value: () => inputs.find((input) => input.checked)?.value,
  };
}

/** A number with as many digits as help: 123, 12.3, 1.23, <0.01. */
export function short(value, digits = 2) {
  if (value == null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const least = 10 ** -digits;
  if (size !== 0 && size < 0.5 * least) return `<${least.toFixed(digits)}`;
  const whole = size >= 100 ? 2 : size >= 10 ? 1 : 0;
  return value.toFixed(Math.max(0, digits - whole));
}

/** A short time as people say it: 12 µs, 3.4 ms, 1.2 s. */
export function shortTime(seconds) {
  if (seconds == null) return "–";
  if (seconds < 0.001) return `${Math.max(1, Math.round(1e6 * seconds))} µs`;
  return seconds < 1 ? `${short(1000 * seconds, 1)} ms` : `${short(seconds, 1)} s`;
}
