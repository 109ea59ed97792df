/**
 * Short notices in a corner, read out by screen readers, gone by themselves.
 *
 *   toast("Saved");   toast("Paused", { kind: "good", action: { label: "Resume", run: resume } });
 *
 * Kinds: "info", "good", "bad". What went wrong and needs a decision is an error card instead.
 */

import { el } from "./element.js";
import { icon } from "./icons.js";

const LIFE_MS = 6000;

/** Show a notice; returns a function that takes it away. */
export function toast(message, { kind = "info", action = null } = {}) {
  const notice = el(
    "div",
    { class: `toast toast-${kind}` },
    icon(kind === "good" ? "check" : kind === "bad" ? "alert" : "info"),
    el("span", { class: "toast-text", text: message }),
  );
  const remove = () => notice.remove();
  if (action) {
    const run = () => {
      remove();
      perform(action.run);
    };
    notice.append(el("button", { type: "button", class: "button button-quiet", onclick: run }, action.label));
  }
  notice.append(
    el("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: remove }, icon("close")),
  );
  corner().append(notice);
  setTimeout(remove, action ? 2 * LIFE_MS : LIFE_MS);
  return remove;
}

/** Do it, and tell if it fails: the notice that offered it is gone. */
async function perform(run) {
  try {
    await run();
  } catch (error) {
    toast(error.what ?? error.message, { kind: "bad" });
  }
}

function corner() {
  const existing = document.getElementById("toasts");
  if (existing) return existing;
  const made = el("div", { id: "toasts", class: "toasts", role: "status", "aria-live": "polite" });
  document.body.append(made);
  return made;
}
