/**
 * Light or dark: as the system has it, unless this browser chose otherwise.
 *
 *   theme.choice()            // "system", "light" or "dark"
 *   theme.set("dark")
 *   theme.subscribe(fn)       // after the colours changed
 *   theme.colour("--ink")     // a colour of the design system, for what draws by itself
 *   mountTheme(slot)          // the button in the header
 */

import { el, replaceChildren } from "./element.js";
import { icon } from "./icons.js";
import { stored } from "./storage.js";

const KEY = "bit-transformer.theme";
const CHOICES = ["system", "light", "dark"];
const ICONS = { system: "system", light: "sun", dark: "moon" };
const listeners = new Set();
const wantsDark = matchMedia("(prefers-color-scheme: dark)");

export const theme = {
  choice() {
    const choice = stored.read("localStorage", KEY);
    return CHOICES.includes(choice) ? choice : "system";
  },
  set(choice) {
    stored.write("localStorage", KEY, choice);
    apply();
  },
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim(),
};

/** Put the button that goes through the choices into the header. */
export function mountTheme(slot) {
  const button = el("button", { type: "button", class: "icon-button", id: "theme", onclick: next });
  const draw = () => {
    const label = `Colours: ${theme.choice()}. Change`;
    button.setAttribute("aria-label", label);
    button.title = label;
    replaceChildren(button, icon(ICONS[theme.choice()]));
  };
  function next() {
    theme.set(CHOICES[(CHOICES.indexOf(theme.choice()) + 1) % CHOICES.length]);
  }
  slot.append(button);
  theme.subscribe(draw);
  draw();
}

function apply() {
  const choice = theme.choice();
  const isDark = choice === "dark" || (choice === "system" && wantsDark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  for (const listener of listeners) listener();
}

wantsDark.addEventListener("change", apply);
apply();
