/**
 * A switch with a label: a real button with role="switch", for keyboard and screen reader alike.
 *
 *   const toggle = createToggle({ label: "Log axis", isOn: false, onChange: (isOn) => … });
 *   container.append(toggle.element);   toggle.set(true);   toggle.isOn()
 *
 * `set` changes how it looks without calling `onChange`.
 */

import { el } from "./element.js";

/** A switch; see above. */
export function createToggle({ label, isOn = false, onChange = () => {}, title = null, id = null }) {
  const element = el(
    "button",
    { type: "button", role: "switch", class: "toggle", title, id, onclick: () => change(!state) },
    el("span", { class: "toggle-track", "aria-hidden": "true" }, el("span", { class: "toggle-thumb" })),
    el("span", { class: "toggle-label", text: label }),
  );
  let state = isOn;

  function set(value) {
    state = Boolean(value);
    element.setAttribute("aria-checked", String(state));
  }

  function change(value) {
    set(value);
    onChange(state);
  }

  set(isOn);
  return { element, set, isOn: () => state };
}
