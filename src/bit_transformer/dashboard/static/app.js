/**
 * The shell: header, routes, and one page at a time below them.
 *
 * Routes: #/runs, #/runs/ID, #/compare, #/playground, #/codecs, #/new; what follows a "?" in the
 * hash is the page's query. A page is a module of ./pages that exports
 *
 *   mount(container, params) -> unmount()          // may be async; params: {id, query, status}
 *
 * with `query` a URLSearchParams and `status` the promise of GET /status. A page is loaded when it
 * is first opened, or before, when the first one stands. `unmount` must stop timers and requests:
 * the next page shares the process. What the playground is writing alone goes on.
 */

import { api, ApiError, connection } from "./api.js";
import { mountCompression } from "./components/compression.js";
import { el, replaceChildren } from "./components/element.js";
import { showError } from "./components/error-card.js";
import { icon, mark } from "./components/icons.js";
import { mountTheme } from "./components/theme.js";

const PAGES = [
  { path: "runs", title: "Runs", icon: "runs" },
  { path: "compare", title: "Compare", icon: "compare" },
  { path: "playground", title: "Playground", icon: "chat" },
  { path: "codecs", title: "Codec lab", icon: "codec" },
  { path: "new", title: "New run", icon: "plus" },
];
const MODULES = {
  runs: () => import("./pages/runs.js"),
  run: () => import("./pages/run.js"),
  compare: () => import("./pages/compare.js"),
  playground: () => import("./pages/playground.js"),
  codecs: () => import("./pages/codecs.js"),
  new: () => import("./pages/new-run.js"),
};

/** The way on from a page that cannot be shown. */
const TO_RUNS = {
  fallbacks: { runs: () => (location.hash = "#/runs") },
  labels: { runs: "To the runs" },
};

let unmount = () => {};
let visit = 0;
let status = null;
/** Whether the page that was asked for could not be drawn because the server was gone. */
let isStranded = false;

start();

function start() {
  loadStatus();
  document.getElementById("mark").append(mark());
  drawNav();
  mountCompression(
    document.getElementById("compression-slot"),
    document.getElementById("compression-strip"),
    status.then(({ codecs }) => codecs),
  );
  mountTheme(document.getElementById("theme-slot"));
  watchConnection();
  document.querySelector(".skip-link").addEventListener("click", skipToContent);
  addEventListener("hashchange", () => show());
  show().then(loadOthers);
}

function loadStatus() {
  status = api.get("/status");
  status.then(
    ({ is_signed_in: isSignedIn }) => !isSignedIn && askForToken(),
    () => {},
  );
}

function drawNav() {
  const links = PAGES.map((page) =>
    el("a", { class: "nav-link", href: `#/${page.path}`, dataset: { page: page.path } }, icon(page.icon), el("span", { text: page.title })),
  );
  replaceChildren(document.getElementById("nav"), links);
}

/** The hash names pages here, so the link may not change it. */
function skipToContent(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

/** What the hash asks for: `#/runs/demo?x=1` is the page "run" with the id "demo". */
export function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/");
  const id = rest.length ? decoded(rest.join("/")) : null;
  const name = page === "runs" && id ? "run" : page || "runs";
  return { name, id, query: new URLSearchParams(query) };
}

/** What a part of an address stands for; as it is, where it is no code for anything. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

async function show() {
  const { name, id, query } = routeOf(location.hash.startsWith("#/") ? location.hash : "#/runs");
  const number = (visit += 1);
  const main = document.getElementById("main");
  unmount();
  unmount = () => {};
  isStranded = false;
  markCurrent(name === "run" ? "runs" : name, name === "run" ? id : null);
  const page = el("div", { class: `page page-${name}` });
  replaceChildren(main, page);
  if (!(name in MODULES)) return showLost(page);
  try {
    const { mount } = await moduleOf(name);
    if (number !== visit) return;
    const leave = await mount(page, { id, query, status });
    if (number === visit) unmount = leave ?? unmount;
    else leave?.();
    if (number > 1) focusHeading(page);
  } catch (error) {
    if (number !== visit) return;
    isStranded = error.kind === "Unreachable";
    showError(page, error, { fallbacks: { retry: show, ...TO_RUNS.fallbacks }, labels: TO_RUNS.labels, canDismiss: false });
  }
}

/** A page's module. The browser says no more of one that did not come than that it did not. */
async function moduleOf(name) {
  try {
    return await MODULES[name]();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    connection.note(false);
    throw new ApiError({
      kind: "Unreachable",
      what: "This page could not be loaded.",
      where: location.origin,
      fix: "Runs go on without the server. Start it again with: bit-transformer dashboard",
      fallbacks: [{ id: "retry", label: "Try again" }, { id: "reload", label: "Reload the page" }],
    });
  }
}

/** Load what other pages need while nothing else is to be done: they open at once then, and also without the server. */
function loadOthers() {
  const load = () => Promise.allSettled(Object.values(MODULES).map((one) => one()));
  if (globalThis.requestIdleCallback) requestIdleCallback(load, { timeout: 5000 });
  else setTimeout(load, 2000);
}

function showLost(page) {
  const error = {
    kind: "InputError",
    what: `There is no page at ${location.hash}.`,
    fix: "The pages are in the bar above.",
  };
  showError(page, error, { title: "No such page", ...TO_RUNS });
}

function markCurrent(name, id) {
  for (const link of document.querySelectorAll(".nav-link")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = id ?? PAGES.find(({ path }) => path === name)?.title ?? "Dashboard";
  document.title = `${title} · BitTransformerLM`;
  scrollTo(0, 0);
}

function focusHeading(page) {
  const heading = page.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function watchConnection() {
  const notice = document.getElementById("connection");
  connection.subscribe((isUp) => {
    notice.hidden = isUp;
    notice.textContent = isUp ? "" : "The dashboard server does not answer. Runs go on without it; trying to reach it again …";
    if (!isUp) knock();
    else if (status) loadStatus();
    if (isUp && isStranded) show();
  });
}

function knock() {
  setTimeout(() => api.get("/status").catch(() => !connection.isUp() && knock()), 1500);
}

function askForToken() {
  const input = el("input", { class: "input", type: "password", "aria-label": "Token", autocomplete: "current-password" });
  const problem = el("div", { class: "stack-s" });
  const form = el(
    "form",
    { class: "card sign-in", onsubmit: signIn },
    el("h1", { text: "Sign in" }),
    el("p", { class: "page-lead", text: "This dashboard wants the token that its terminal printed when it started." }),
    el("div", { class: "row" }, input, el("button", { class: "button button-primary" }, "Sign in")),
    problem,
  );
  async function signIn(event) {
    event.preventDefault();
    try {
      await api.post("/session", { token: input.value.trim() });
      location.reload();
    } catch (error) {
      showError(problem, error, { fallbacks: { sign_in: () => input.focus() } });
    }
  }
  visit += 1;
  unmount();
  unmount = () => {};
  replaceChildren(document.getElementById("main"), form);
  input.focus();
}
