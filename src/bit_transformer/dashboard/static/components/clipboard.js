/**
 * Text into the clipboard, told of either way.
 *
 * Browsers give pages the clipboard only on secure addresses, which a dashboard that is reached
 * over a network by plain HTTP is not; there the old way of selecting and copying still works.
 */

import { el } from "./element.js";
import { toast } from "./toast.js";

/** Copy, and say so in these words. */
export async function copyText(text, words) {
  if (await didCopy(text)) toast(words, { kind: "good" });
  else toast("This browser did not let the page copy; select the text and copy it by hand", { kind: "bad" });
}

async function didCopy(text) {
  if (!navigator.clipboard) return copyBySelecting(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return copyBySelecting(text);
    throw error;
  }
}

function copyBySelecting(text) {
  const before = document.activeElement;
  const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true", tabindex: -1 });
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  before?.focus({ preventScroll: true });
  return isDone;
}
