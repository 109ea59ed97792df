/**
 * Questions that must be answered first, in the browser's own modal dialog (focus stays inside).
 *
 *   if (await ask({ title: "Stop the run?", text: "…", yes: "Stop", isGrave: true })) …
 *   const close = openDialog({ title, body: element });   // anything else; Esc closes it
 */

import { el } from "./element.js";
import { icon } from "./icons.js";

/** Whether the answer is yes. */
export function ask({ title, text, yes = "Yes", no = "Cancel", isGrave = false }) {
  return new Promise((resolve) => {
    let answer = false;
    const agree = () => {
      answer = true;
      close();
    };
    const buttons = el(
      "div",
      { class: "dialog-actions" },
      el("button", { type: "button", class: "button", onclick: () => close() }, no),
      el("button", { type: "button", class: isGrave ? "button button-grave" : "button button-primary", onclick: agree }, yes),
    );
    const body = [el("p", { class: "dialog-text", text }), buttons];
    const close = openDialog({ title, body, onClose: () => resolve(answer) });
  });
}

/** Show a dialog; returns what closes it. */
export function openDialog({ title, body, onClose = () => {}, isWide = false }) {
  const dialog = el(
    "dialog",
    { class: isWide ? "dialog dialog-wide" : "dialog", "aria-label": title },
    el(
      "header",
      { class: "dialog-head" },
      el("h2", { text: title }),
      el("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close")),
    ),
    body,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return () => dialog.close();
}
