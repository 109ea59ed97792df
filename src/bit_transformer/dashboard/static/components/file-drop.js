/**
 * A place to drop a file on, or to choose one, with the progress of its upload.
 *
 *   const drop = createFileDrop({ label: "Drop a file", hint: "up to 64 MB", onUpload: (upload) => …,
 *                                 isMultiple: false, onError: (error, again) => … });
 *   container.append(drop.element);
 *
 * `onUpload` gets what the server said of each file: {id, name, num_bytes, sha256}. `onError` gets
 * what went wrong and a function that tries the same file again; without it a card shows both.
 */

import { api, isAbort } from "../api.js";
import { el } from "./element.js";
import { showError } from "./error-card.js";
import { formatBytes, formatFraction } from "./format.js";
import { icon } from "./icons.js";

/** The drop zone; see above. */
export function createFileDrop({ label = "Drop a file here", hint = "", isMultiple = false, onUpload, onError }) {
  const input = el("input", { type: "file", class: "visually-hidden", multiple: isMultiple, "aria-label": label, onchange: () => take(input.files) });
  const zone = el(
    "label",
    { class: "drop-zone" },
    icon("upload"),
    el("span", { class: "drop-label" }, label, " or ", el("span", { class: "drop-choose", text: "choose one" })),
    el("span", { class: "drop-hint", text: hint }),
    input,
  );
  const progress = el("div", { class: "drop-progress", "aria-live": "polite" });
  const element = el("div", { class: "drop" }, zone, progress);
  const isOver = (state) => (event) => {
    event.preventDefault();
    zone.classList.toggle("is-over", state);
  };
  zone.addEventListener("dragover", isOver(true));
  zone.addEventListener("dragleave", isOver(false));
  zone.addEventListener("drop", (event) => {
    isOver(false)(event);
    take(event.dataTransfer.files);
  });

  async function take(files) {
    const chosen = isMultiple ? [...files] : [...files].slice(0, 1);
    for (const file of chosen) await upload(file);
    input.value = "";
  }

  async function upload(file) {
    const stop = new AbortController();
    const share = el("span", { text: "0 %" });
    const bar = el("progress", { max: 1, value: 0, "aria-label": `Uploading ${file.name}` });
    const cancel = el("button", { type: "button", class: "icon-button", "aria-label": `Cancel the upload of ${file.name}`, onclick: () => stop.abort() }, icon("close"));
    const row = el("div", { class: "drop-row" }, el("span", { text: `${file.name} (${formatBytes(file.size)})` }), bar, share, cancel);
    progress.append(row);
    const onProgress = (fraction) => {
      bar.value = fraction;
      share.textContent = formatFraction(fraction);
    };
    try {
      onUpload(await api.upload(file, { onProgress, signal: stop.signal }), file);
    } catch (error) {
      if (!isAbort(error)) fail(error, file);
    } finally {
      row.remove();
    }
  }

  function fail(error, file) {
    const again = () => upload(file);
    if (onError) onError(error, again);
    else showError(element, error, { fallbacks: { retry: again } });
  }

  return { element, focus: () => input.focus() };
}
