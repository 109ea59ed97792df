/**
 * One generation or one score as the playground shows it: what was asked, the coloured text, what
 * it cost, and what can be done with it.
 *
 *   const message = createMessage({ title, form, actions });
 *   message.start(transcript, facts);   message.append(chunk);   message.finish(facts);
 *
 * A message that failed keeps what it has, and its error's card stands below it.
 */

import { saveFile } from "../api.js";
import { copyText } from "../components/clipboard.js";
import { el, replaceChildren } from "../components/element.js";
import { formatBytes } from "../components/format.js";
import { icon } from "../components/icons.js";
import { createCompressionSizes } from "./compression-sizes.js";
import { createSurpriseText } from "./surprise-text.js";

/** An empty message; `onContinue(bytes)` and `onClose()` are what its buttons do. */
export function createMessage({ title, fileName, form, onContinue, onClose }) {
  const facts = el("p", { class: "message-facts" });
  const status = el("p", { class: "message-status", role: "status" });
  const content = el("div", { class: "message-content" });
  const foot = el("div", { class: "message-foot", hidden: true });
  const errors = el("div", { class: "message-errors" });
  const close = el("button", { type: "button", class: "icon-button", "aria-label": `Remove ${title}`, onclick: () => onClose() }, icon("close"));
  const element = el(
    "article",
    { class: "card message", "aria-label": title },
    el("header", { class: "message-head" }, el("h3", { text: title }), facts, close),
    content,
    status,
    foot,
    errors,
  );
  let transcript = null;
  let text = null;
  let currentForm = form;

  function showFoot(compression) {
    const save = () => saveFile(transcript.outputBytes(), fileName);
    const copy = () => copyText(new TextDecoder().decode(transcript.outputBytes()), "Copied as text");
    replaceChildren(
      foot,
      compression && createCompressionSizes(compression),
      el(
        "div",
        { class: "message-actions" },
        el("button", { type: "button", class: "button", onclick: save }, icon("download"), `Download ${formatBytes(transcript.outputBytes().length)}`),
        el("button", { type: "button", class: "button", onclick: copy }, icon("copy"), "Copy"),
        onContinue && el("button", { type: "button", class: "button", onclick: () => onContinue(transcript) }, icon("arrowRight"), "Continue from here"),
      ),
    );
    foot.hidden = false;
  }

  return {
    title,
    element,
    errors,
    hasOutput: () => transcript !== null && transcript.outputBytes().length > 0,
    transcript: () => transcript,
    say(words) {
      status.textContent = words;
    },
    setFacts(words) {
      facts.textContent = words.filter(Boolean).join(" · ");
    },
    start(given) {
      transcript = given;
      text = createSurpriseText(transcript, `${title}: prompt and output`, currentForm);
      replaceChildren(content, text.element);
      foot.hidden = true;
    },
    append(chunk) {
      transcript.append(chunk);
      text.update(false);
    },
    finish({ compression = null, isEmptyFine = false } = {}) {
      text?.update(true);
      if (transcript && (isEmptyFine || transcript.outputBytes().length)) showFoot(compression);
    },
    setForm(next) {
      currentForm = next;
      text?.setForm(next);
    },
  };
}
