/**
 * What the buttons of an error card do in both tools: fallbacks that need more than trying again.
 *
 * Each takes what to do afterwards, usually the same request once more.
 */

import { api, ApiError } from "../api.js";
import { compression } from "../components/compression.js";
import { openDialog } from "../components/dialog.js";
import { el } from "../components/element.js";
import { formatBytes } from "../components/format.js";
import { toast } from "../components/toast.js";

/** What buttons say here that no server names. */
export const LABELS = { upload: "Send the file again" };

/** Let a person pick a codec, then call `use(name)` with it. */
export function pickCodec(codecs, { isForModel, use }) {
  const choices = codecs.filter(({ name, is_available: isAvailable, is_complete: isComplete }) => isAvailable && (!isForModel || isComplete) && name !== "auto");
  let close = () => {};
  const buttons = choices.map(({ name }) =>
    el("button", { type: "button", class: "button", dataset: { codec: name }, onclick: () => { close(); use(name); } }, name),
  );
  const why = isForModel ? "Codecs in which whatever a model writes decompresses:" : "Codecs that are installed here:";
  const body = el("div", { class: "stack-s" }, el("p", { class: "dialog-text", text: why }), el("div", { class: "row" }, buttons));
  close = openDialog({ title: "Another codec", body });
}

/** Turn compression off for the whole page, say so, and go on. */
export function goOnWithoutCompression(again) {
  compression.set({ isEnabled: false });
  toast("Compression is off now", { action: { label: "Turn on again", run: () => compression.set({ isEnabled: true }) } });
  return again();
}

/**
 * The ways on from an error of given data, as fallbacks of an error card: those that the error
 * names, `extra` ones among them, and trying again.
 */
export function waysOn(error, { input, limits, again, extra = {} }) {
  const ways = {
    shorter: () => goOnWithLess(input, Math.min(limits.max_upload_bytes, limits.max_lab_bytes), again),
    upload: () => uploadAgain(input, again),
    free_space: () => freeSpace(input, again),
    ...extra,
  };
  const named = (error.fallbacks ?? []).map(({ id }) => id);
  if (isLostUpload(error, input)) named.push("upload");
  const known = named.filter((id) => id in ways).map((id) => [id, ways[id]]);
  return { ...Object.fromEntries(known), retry: again };
}

const isLostUpload = ({ status, what }, input) => status === 404 && input.kind() === "file" && /upload/.test(what);

/** Delete the uploads that the server keeps, say how much that freed, and go on. */
async function freeSpace(input, again) {
  const { uploads } = await api.get("/uploads");
  for (const { id } of uploads) await api.delete(`/uploads/${id}`);
  input.forgetUpload();
  const freed = uploads.reduce((sum, { num_bytes: numBytes }) => sum + numBytes, 0);
  toast(`Deleted ${uploads.length} ${uploads.length === 1 ? "upload" : "uploads"}, ${formatBytes(freed)}`, { kind: "good" });
  return again();
}

/** Use only the first bytes of what was given, and go on. */
function goOnWithLess(input, numBytes, again) {
  if (!input.shorten(numBytes)) {
    throw new ApiError({
      kind: "InputError",
      what: `The file was chosen before this page was loaded, so its first ${formatBytes(numBytes)} cannot be taken.`,
      fix: "Choose the file again.",
    });
  }
  toast(`Using the first ${formatBytes(numBytes)}`);
  return again();
}

/** Send the file once more, or ask for it where the page no longer has it. */
function uploadAgain(input, again) {
  if (!input.forgetUpload()) {
    input.focus();
    throw new ApiError({ kind: "InputError", what: "The server no longer has that file, and neither has this page.", fix: "Choose the file again." });
  }
  return again();
}
