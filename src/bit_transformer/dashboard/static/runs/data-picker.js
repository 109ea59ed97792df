/**
 * What a run learns from: nothing chosen (Python's standard library), uploads, files of the server.
 *
 *   const picker = createDataPicker({ status, data: [], onChange: (data) => … });
 *   picker.element;   picker.data()      // [{upload, name, num_bytes} or {path, name, num_bytes}]
 *   await picker.freeSpace();            // a dialog in which old uploads can be deleted
 */

import { api } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { el, replaceChildren } from "../components/element.js";
import { showError } from "../components/error-card.js";
import { createFileDrop } from "../components/file-drop.js";
import { formatAgo, formatBytes } from "../components/format.js";
import { icon } from "../components/icons.js";

/** See above; `status` is what GET /status said. */
export function createDataPicker({ status, data = [], onChange }) {
  let chosen = [...data];
  const list = el("ul", { class: "data-list" });
  const notice = el("div");
  const drop = createFileDrop({
    label: "Drop files to learn from",
    hint: `any files, up to ${formatBytes(status.limits.max_upload_bytes)} each`,
    isMultiple: true,
    onUpload: ({ id, name, num_bytes: size }) => add({ upload: id, name, num_bytes: size }),
    onError: (error, again) => showError(notice, error, { fallbacks: { retry: again, free_space: () => freeSpace().then(again) }, isOnlyNamed: error.fallbacks?.length > 0 }),
  });
  const buttons = el(
    "div",
    { class: "row" },
    el("button", { type: "button", class: "button button-small", onclick: () => browseUploads({ onPick: add }) }, icon("upload"), "Uploaded before"),
    status.roots.length > 0 && el("button", { type: "button", class: "button button-small", onclick: () => browseFiles({ onPick: add }) }, icon("folder"), "Files of the server"),
  );
  const element = el("div", { class: "stack-s" }, list, drop.element, buttons, notice);

  function add(one) {
    const key = one.upload ?? one.path;
    if (!chosen.some((other) => (other.upload ?? other.path) === key)) chosen = [...chosen, one];
    draw();
    onChange(chosen);
  }

  function remove(one) {
    setData(chosen.filter((other) => other !== one));
  }

  function setData(next) {
    chosen = next;
    draw();
    onChange(chosen);
  }

  function draw() {
    const rows = chosen.map((one) =>
      el(
        "li",
        { class: "data-item" },
        icon(one.upload ? "file" : "folder"),
        el("span", { class: "data-name", text: one.name }),
        el("span", { class: "weak number", text: one.num_bytes ? formatBytes(one.num_bytes) : "" }),
        el("button", { type: "button", class: "icon-button", "aria-label": `Leave out ${one.name}`, onclick: () => remove(one) }, icon("close")),
      ),
    );
    const nothing = el("li", { class: "data-item" }, icon("check"), el("span", { class: "data-name", text: "The source of Python's standard library, which is here already" }));
    replaceChildren(list, rows.length ? rows : nothing);
  }

  draw();
  return { element, data: () => chosen, setData, freeSpace, focus: () => drop.focus() };
}

/** Let old uploads be deleted, or picked; resolves when the dialog is closed. */
export function freeSpace() {
  return browseUploads({ title: "Delete old uploads" });
}

function browseUploads({ onPick = null, title = "Uploaded before" }) {
  return new Promise((resolve) => {
    const body = el("div", { class: "stack-s" });
    const close = openDialog({ title, body, isWide: true, onClose: resolve });
    const pick = ({ id, name, num_bytes: size }) => {
      close();
      onPick({ upload: id, name, num_bytes: size });
    };
    drawUploads(body, onPick ? pick : null);
  });
}

async function drawUploads(body, pick) {
  try {
    const { uploads, num_bytes: total } = await api.get("/uploads");
    const rows = uploads.map((upload) => uploadRow(upload, body, pick));
    replaceChildren(body, el("p", { class: "small weak", text: uploads.length ? `${uploads.length} files, ${formatBytes(total)}` : "Nothing was uploaded yet." }), el("ul", { class: "data-list" }, rows));
  } catch (error) {
    showError(body, error, { fallbacks: { retry: () => drawUploads(body, pick) } });
  }
}

function uploadRow(upload, body, pick) {
  const remove = async () => {
    try {
      await api.delete(`/uploads/${upload.id}`);
      await drawUploads(body, pick);
      (body.querySelector("button") ?? body.closest("dialog")?.querySelector("button"))?.focus();
    } catch (error) {
      showError(body, error, { fallbacks: {} });
    }
  };
  return el(
    "li",
    { class: "data-item" },
    icon("file"),
    el("span", { class: "data-name", text: upload.name }),
    el("span", { class: "weak number", text: `${formatBytes(upload.num_bytes)}, ${formatAgo(upload.created)}` }),
    pick && el("button", { type: "button", class: "button button-small", onclick: () => pick(upload) }, "Choose"),
    el("button", { type: "button", class: "icon-button", "aria-label": `Delete ${upload.name}`, onclick: remove }, icon("trash")),
  );
}

function browseFiles({ onPick }) {
  const body = el("div", { class: "stack-s" });
  const close = openDialog({ title: "Files of the server", body, isWide: true });
  const pick = ({ path, num_bytes: size }) => {
    close();
    onPick({ path, name: path, num_bytes: size });
  };
  drawFolder(body, null, pick);
}

async function drawFolder(body, path, pick) {
  try {
    const query = path === null ? "" : `?path=${encodeURIComponent(path)}`;
    const listing = await api.get(`/files${query}`);
    const open = (where) => drawFolder(body, where, pick);
    const rows = listing.entries.map((entry) => fileRow(entry, open, pick));
    replaceChildren(
      body,
      el(
        "div",
        { class: "row" },
        listing.path !== null && el("button", { type: "button", class: "button button-small", onclick: () => open(listing.parent) }, icon("arrowLeft"), "Up"),
        el("code", { class: "small", text: listing.path ?? "allowed folders" }),
        listing.path !== null && el("button", { type: "button", class: "button button-small button-primary", onclick: () => pick({ path: listing.path }) }, "Choose this folder"),
      ),
      el("ul", { class: "data-list data-list-long" }, rows),
      listing.is_cut && el("p", { class: "small weak", text: "There is more in this folder than is shown." }),
    );
  } catch (error) {
    showError(body, error, { fallbacks: { retry: () => drawFolder(body, path, pick) } });
  }
}

function fileRow(entry, open, pick) {
  const isFolder = entry.kind === "folder";
  return el(
    "li",
    { class: "data-item" },
    icon(isFolder ? "folder" : "file"),
    el("span", { class: "data-name", text: entry.name }),
    el("span", { class: "weak number", text: entry.num_bytes === null ? "" : formatBytes(entry.num_bytes) }),
    isFolder && el("button", { type: "button", class: "button button-small", onclick: () => open(entry.path), "aria-label": `Open ${entry.name}` }, "Open"),
    el("button", { type: "button", class: "button button-small", onclick: () => pick(entry), "aria-label": `Choose ${entry.name}` }, "Choose"),
  );
}
