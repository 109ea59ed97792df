/**
 * Data from a person: typed as text, hexadecimal or bits, or a file chosen, dropped or pasted.
 *
 *   const input = createSourceInput({ label: "Prompt", memory, limits, onChange });
 *   container.append(input.element);
 *   const source = await input.source();    // {kind, value} for a request; uploads a file first
 *
 * What was typed stays under its kind when another is chosen, and in the tab's memory. A file, or
 * what was typed where it is long, is uploaded once, when it is first needed. Wrong digits reject as an InputError before anything is
 * sent; a file above the server's limit, as one with the fallback "shorter".
 */

import { api, ApiError } from "../api.js";
import { el, replaceChildren, uniqueId } from "../components/element.js";
import { formatBytes, formatNumber } from "../components/format.js";
import { icon } from "../components/icons.js";
import { createChoice } from "./controls.js";
import { bitsOfBytes, bitsOfHex, bytesOfBits, readBits, readHex } from "./digits.js";

const KINDS = [
  ["text", "Text"],
  ["hex", "Hex"],
  ["bits", "Bits"],
  ["file", "File"],
];
const PLACEHOLDERS = {
  hex: "89 50 4e 47 …",
  bits: "01000010 0110 …  any number of bits",
};
/** Characters that a request carries itself; what is longer goes as an upload. */
const MOST_INLINE = 200_000;

/** The input; `placeholder` is that of text. See the head of this file. */
export function createSourceInput({ label, memory, limits, placeholder = "", rows = 6, onChange = () => {}, initialKind = "text" }) {
  const state = { kind: memory.get("kind", initialKind), texts: memory.get("texts", {}), file: null, upload: memory.get("upload"), sent: null };
  const problem = el("p", { class: "source-problem", id: uniqueId("problem"), hidden: true });
  const area = el("textarea", { rows, "aria-label": label, "aria-describedby": problem.id, spellcheck: "false", autocapitalize: "off", autocomplete: "off", class: "input" });
  const count = el("span", { class: "source-count" });
  const picker = el("input", { type: "file", class: "visually-hidden", tabindex: -1, "aria-label": `${label}: file` });
  const drop = el("div", { class: "source-drop" });
  const choice = createChoice({ label: `${label} as`, choices: KINDS, value: state.kind, onChange: (kind) => choose(kind) });

  function choose(kind) {
    state.kind = kind;
    memory.set("kind", kind);
    choice.set(kind);
    show();
  }

  function show() {
    const isFile = state.kind === "file";
    area.hidden = isFile;
    drop.hidden = !isFile;
    area.classList.toggle("is-code", state.kind !== "text");
    area.placeholder = PLACEHOLDERS[state.kind] ?? placeholder;
    area.value = state.texts[state.kind] ?? "";
    replaceChildren(drop, dropContent());
    tellProblem();
    onChange();
  }

  function tellProblem() {
    const text = isFile() ? null : problemOf(state.kind, area.value);
    problem.textContent = text ?? "";
    problem.hidden = !text;
    area.setAttribute("aria-invalid", String(Boolean(text)));
    count.textContent = sizeText();
  }

  const isFile = () => state.kind === "file";

  function sizeText() {
    if (isFile()) return "";
    const bits = measure(state.kind, area.value);
    return bits % 8 ? `${formatNumber(bits)} bits` : `${formatNumber(bits / 8)} bytes`;
  }

  function dropContent() {
    const button = el("button", { type: "button", class: "button", onclick: () => picker.click() }, icon("file"), state.file || state.upload ? "Another file" : "Choose a file");
    const { name, size } = held() ?? {};
    const story = name
      ? [el("strong", { class: "source-file-name", text: name }), el("span", { text: formatBytes(size) })]
      : [icon("upload"), el("span", { text: "Drop a file here, or" })];
    return [el("div", { class: "source-file" }, story), button];
  }

  const held = () => {
    if (state.file) return { name: state.file.name, size: state.file.size };
    return state.upload && { name: state.upload.name, size: state.upload.num_bytes };
  };

  function setFile(file) {
    state.file = file;
    state.upload = null;
    memory.set("upload", null);
    choose("file");
  }

  area.addEventListener("input", () => {
    state.texts[state.kind] = area.value;
    memory.set("texts", state.texts);
    tellProblem();
    onChange();
  });
  picker.addEventListener("change", () => {
    if (picker.files.length) setFile(picker.files[0]);
    picker.value = "";
  });

  const element = el("div", { class: "source-input" }, el("div", { class: "source-head" }, el("span", { class: "source-label", text: label }), choice.element), area, drop, picker, el("div", { class: "source-foot" }, problem, count));
  acceptFiles(element, setFile);
  show();

  async function upload(onProgress, signal) {
    if (state.upload) return state.upload;
    if (!state.file) throw inputError(`No file is chosen for “${label}”.`, "Choose or drop a file, or type the data instead.");
    if (limits && state.file.size > limits.max_upload_bytes) throw tooLarge(state.file, limits.max_upload_bytes);
    state.upload = await api.upload(state.file, { onProgress, signal });
    memory.set("upload", state.upload);
    return state.upload;
  }

  /** Long typing as an upload, which is sent again only when it has changed. */
  async function uploadTyped(content, signal) {
    const { kind } = state;
    const text = area.value;
    if (state.sent?.kind !== kind || state.sent.text !== text) {
      const { id } = await api.upload(new File([content], kind === "text" ? "pasted.txt" : "pasted.bin"), { signal });
      state.sent = { kind, text, id };
    }
    return { kind: "upload", value: state.sent.id };
  }

  return {
    element,
    choose,
    setFile,
    setText(kind, text) {
      state.texts[kind] = text;
      memory.set("texts", state.texts);
      choose(kind);
    },
    kind: () => state.kind,
    /** How many bits there are. */
    numBits: () => (isFile() ? 8 * (held()?.size ?? 0) : measure(state.kind, area.value)),
    /** What was typed under the chosen kind; the file, where this page still has it. */
    typed: () => area.value,
    file: () => (isFile() ? state.file : null),
    isEmpty: () => (isFile() ? !held() : area.value === ""),
    fileName: () => (isFile() ? held()?.name : null),
    focus: () => (isFile() ? drop.querySelector("button").focus() : area.focus()),
    /** Whether what is used now lies on the server. */
    isUploaded: () => isFile() || state.sent?.text === area.value,
    /** The typed bits as a string of 0s and 1s, for showing; null for a file. */
    typedBits: () => (isFile() ? null : typedBits(state.kind, area.value)),
    /** The upload is gone from the server: send it again next time, if what it was is still here. */
    forgetUpload() {
      state.sent = null;
      state.upload = null;
      memory.set("upload", null);
      show();
      return !isFile() || Boolean(state.file);
    },
    /** Keep only the first bytes of the file or of the text; whether that was possible. */
    shorten(numBytes) {
      if (!isFile()) {
        const kept = cut(state.kind, area.value, numBytes);
        this.setText(state.kind, kept);
        return true;
      }
      if (!state.file) return false;
      setFile(new File([state.file.slice(0, numBytes)], state.file.name));
      return true;
    },
    async source({ onProgress, signal } = {}) {
      if (isFile()) return { kind: "upload", value: (await upload(onProgress, signal)).id };
      const trouble = problemOf(state.kind, area.value);
      if (trouble) throw inputError(`“${label}” does not read as ${state.kind}: ${trouble}`, "Correct the place that is named, or choose another form.");
      if (area.value.length > MOST_INLINE) {
        const content = uploadable(state.kind, area.value);
        if (content) return uploadTyped(content, signal);
      }
      const value = state.kind === "text" ? area.value : area.value.replace(/\s+/g, "");
      return { kind: state.kind, value };
    },
  };
}

/** What was typed as the content of a file; null for bits that make no whole bytes. */
function uploadable(kind, text) {
  if (kind === "text") return text;
  const bits = typedBits(kind, text);
  return bits.length % 8 ? null : bytesOfBits(bits);
}

function acceptFiles(element, setFile) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    element.classList.toggle("is-dropping", depth > 0);
  };
  element.addEventListener("dragenter", (event) => {
    event.preventDefault();
    mark(1);
  });
  element.addEventListener("dragleave", () => mark(-1));
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer.files.length) setFile(event.dataTransfer.files[0]);
  });
  element.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    setFile(event.clipboardData.files[0]);
  });
}

function problemOf(kind, text) {
  if (kind === "hex") return readHex(text).problem;
  if (kind === "bits") return readBits(text).problem;
  return null;
}

function measure(kind, text) {
  if (kind === "hex") return 4 * readHex(text).digits.length;
  if (kind === "bits") return readBits(text).digits.length;
  return 8 * new TextEncoder().encode(text).length;
}

function typedBits(kind, text) {
  if (kind === "hex") return bitsOfHex(readHex(text).digits);
  if (kind === "bits") return readBits(text).digits;
  return bitsOfBytes(new TextEncoder().encode(text));
}

function cut(kind, text, numBytes) {
  if (kind === "hex") return readHex(text).digits.slice(0, 2 * numBytes);
  if (kind === "bits") return readBits(text).digits.slice(0, 8 * numBytes);
  const bytes = new TextEncoder().encode(text).slice(0, numBytes);
  return new TextDecoder().decode(bytes).replace(/\uFFFD+$/, "");
}

function inputError(what, fix) {
  return new ApiError({ kind: "InputError", what, fix });
}

function tooLarge(file, limit) {
  return new ApiError({
    kind: "InputError",
    what: `${file.name} has ${formatBytes(file.size)}, and this server takes uploads of up to ${formatBytes(limit)}.`,
    where: file.name,
    fix: "Use its beginning, choose a smaller file, or start the dashboard with a larger --max-upload.",
    fallbacks: [{ id: "shorter", label: `Use the first ${formatBytes(limit)}` }],
  });
}
