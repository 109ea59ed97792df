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

/** Let a person pick a codec: what `use(name)` gives then, or false if none was picked. */
export async function pickCodec(codecs, { isForModel, use }) {
  const choices = codecs.filter(({ name, is_available: isAvailable, is_complete: isComplete }) => isAvailable && (!isForModel || isComplete) && name !== "auto");
  const picked = await new Promise((resolve) => {
    let choice = null;
    const pick = (name) => {
      choice = name;
      close();
    };
    const buttons = choices.map(({ name }) => el("button", { type: "button", class: "button", dataset: { codec: name }, onclick: () => pick(name) }, name));
    const why = isForModel ? "Codecs in which whatever a model writes decompresses:" : "Codecs that are installed here:";
    const body = el("div", { class: "stack-s" }, el("p", { class: "dialog-text", text: why }), el("div", { class: "row" }, buttons));
    const close = openDialog({ title: "Another codec", body, onClose: () => resolve(choice) });
  });
  return picked === null ? false : use(picked);
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

const isLostUpload = ({ status, what }, input) => status === 404 && input.isUploaded() && /upload/.test(what);

const IN_USE = 409;
const GONE = 404;

/**
 * Delete the uploads that the server keeps and no run needs, say how much that freed, and go on.
 * Where there is nothing to delete, trying again would change nothing, and the error says so.
 */
async function freeSpace(input, again) {
  const { uploads } = await api.get("/uploads");
  const deleted = [];
  for (const upload of uploads) if (await didDelete(upload)) deleted.push(upload);
  if (!deleted.length) {
    throw new ApiError({
      kind: "StorageError",
      what: uploads.length ? "Every upload is needed by a run that is not finished, so none was deleted." : "There is no upload left to delete.",
      fix: "Delete runs that are not needed any more from the run folder, or free space elsewhere on that disk; then try again.",
    });
  }
  input.forgetUpload();
  const freed = deleted.reduce((sum, { num_bytes: numBytes }) => sum + numBytes, 0);
  toast(`Deleted ${deleted.length} ${deleted.length === 1 ? "upload" : "uploads"}, ${formatBytes(freed)}`, { kind: "good" });
  return again();
}

async function didDelete({ id }) {
  try {
    await api.delete(`/uploads/${id}`);
    return true;
  } catch (error) {
    if (error.status === IN_USE || error.status === GONE) return false;
    throw error;
  }
}

/**
 * Use only the first bytes of what was given, and go on: as many as may be, or where those were
 * too many still, half of what there is, so that no click leads back to where it came from.
 */
function goOnWithLess(input, limit, again) {
  const size = Math.ceil(input.numBits() / 8);
  if (size < 2) throw new ApiError({ kind: "InputError", what: "There is no less data than this.", fix: "Try again later, or stop what else this machine is doing." });
  const numBytes = size > limit ? limit : Math.floor(size / 2);
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
  if (input.kind() !== "file" && !input.isUploaded()) {
    throw new ApiError({ kind: "InputError", what: "A file holds whole bytes, and these bits are none.", fix: "Take some bits away until their number is a multiple of eight." });
  }
  if (!input.forgetUpload()) {
    input.choose("file");
    throw new ApiError({ kind: "InputError", what: "The server no longer has that file, and neither has this page.", fix: "Choose the file again." });
  }
  return again();
}
