/**
 * The way to the server: JSON in, JSON out, and every failure an ApiError that a card can show.
 *
 *   const runs = await api.get("/runs");                     // paths below /api/v1
 *   const run = await api.post("/runs", { recipe: "tiny", … });
 *   await api.stream("/generate", body, (event) => …, signal); // one call per NDJSON line
 *   const upload = await api.upload(file, { onProgress, signal }); // {id, name, num_bytes, sha256}
 *   await api.download(`/downloads/${id}`, "name.bin");      // saves a file
 *   const bytes = await api.bytes(`/downloads/${id}`);       // Uint8Array
 *
 * An ApiError has `status` (0 without an answer), `kind`, `what`, `where`, `fix` and `fallbacks`,
 * as docs/dashboard-api.md describes. A request that was aborted by its signal rejects with the
 * browser's AbortError; `isAbort(error)` tells. A stream whose line is of type "error" rejects
 * with that error, after the lines before it were handed over.
 * Signing in, where the server wants a token, sets a cookie that scripts can't read.
 * `connection.subscribe(fn)` calls back with true or false whenever the server is lost or found.
 */

const BASE = "/api/v1";

/** What went wrong with a request. */
export class ApiError extends Error {
  constructor({ status = 0, kind, what, where = null, fix = null, fallbacks = [] }) {
    super(what);
    this.name = "ApiError";
    Object.assign(this, { status, kind, what, where, fix, fallbacks });
  }
}

/** Whether this is what an aborted request rejects with. */
export const isAbort = (error) => error?.name === "AbortError";

/** Whether the server answered last time, for those who want to show it. */
export const connection = (() => {
  let isUp = true;
  const listeners = new Set();
  return {
    isUp: () => isUp,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    note(answered) {
      if (answered === isUp) return;
      isUp = answered;
      for (const listener of listeners) listener(isUp);
    },
  };
})();

export const api = {
  get: (path, { signal } = {}) => request("GET", path, { signal }).then(readJson),
  post: (path, body = {}, { signal } = {}) => request("POST", path, { body, signal }).then(readJson),
  delete: (path, { signal } = {}) => request("DELETE", path, { signal }).then(readJson),
  bytes: async (path, { signal } = {}) =>
    new Uint8Array(await (await request("GET", path, { signal })).arrayBuffer()),

  async download(path, name) {
    const response = await request("GET", path, {});
    saveFile(await response.blob(), name);
  },

  async stream(path, body, onEvent, signal) {
    const response = await request("POST", path, { body, signal });
    try {
      for await (const line of linesOf(response.body)) {
        const event = JSON.parse(line);
        if (event.type === "error") throw new ApiError(event.error);
        onEvent(event);
      }
    } catch (error) {
      if (error instanceof ApiError || isAbort(error) || signal?.aborted) throw error;
      if (error instanceof TypeError) throw lost("The stream broke off before its end.");
      throw error;
    }
  },

  upload(file, { onProgress = () => {}, signal } = {}) {
    return new Promise((resolve, reject) => {
      const call = new XMLHttpRequest();
      call.open("POST", `${BASE}/uploads?name=${encodeURIComponent(file.name ?? "pasted.bin")}`);
      call.setRequestHeader("Content-Type", "application/octet-stream");
      call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      call.onload = () => {
        connection.note(true);
        const isFine = call.status >= 200 && call.status < 300;
        if (isFine) resolve(JSON.parse(call.responseText));
        else reject(errorOf(call.status, parsed(call.responseText)));
      };
      call.onerror = () => reject(brokenUpload(file));
      call.onabort = () => reject(new DOMException("The upload was cancelled.", "AbortError"));
      signal?.addEventListener("abort", () => call.abort(), { once: true });
      call.send(file);
    });
  },
};

/** Offer a blob, text or byte array to the browser as a file to save. */
export function saveFile(content, name) {
  const blob = content instanceof Blob ? content : new Blob([content]);
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function request(method, path, { body, signal }) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw lost(`${method} ${path} got no answer.`);
  }
  connection.note(true);
  if (response.ok) return response;
  throw errorOf(response.status, parsed(await response.text()));
}

async function readJson(response) {
  return response.status === 204 ? null : response.json();
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorOf(status, answer) {
  if (answer?.error?.what) return new ApiError({ status, ...answer.error });
  return new ApiError({
    status,
    kind: "InternalError",
    what: `The server answered ${status} without saying why.`,
    fix: "Try again; the terminal in which the dashboard runs may say more.",
    fallbacks: [{ id: "retry", label: "Try again" }],
  });
}

/** The browser does not say whether the file or the server was gone. */
function brokenUpload({ name }) {
  return new ApiError({
    kind: "UploadError",
    what: `The upload of ${name ?? "the data"} broke off.`,
    where: location.origin,
    fix: "See that the file is still there and is no folder, and that the dashboard runs; then try again.",
    fallbacks: [{ id: "retry", label: "Try again" }],
  });
}

function lost(what) {
  connection.note(false);
  return new ApiError({
    kind: "Unreachable",
    what,
    where: location.origin,
    fix: "Runs go on without the server. Start it again with: bit-transformer dashboard",
    fallbacks: [{ id: "retry", label: "Try again" }],
  });
}

async function* linesOf(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop();
    yield* lines.filter((line) => line.trim());
    if (done) break;
  }
  if (rest.trim()) yield rest;
}
